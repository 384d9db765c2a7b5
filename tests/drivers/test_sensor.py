"""The session's rules by a clock that moves only when told."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers import plantower
from drivers.driver import Driver
from drivers.errors import BadSettingError, DeviceLostError, DeviceSilentError
from drivers.nova import QUERY, Nova
from drivers.plantower import Plantower
from drivers.readings import Quality
from drivers.sensor import SensorSession
from tests.drivers.fakes import FakeClock, ScriptedPort

REPORT = bytes.fromhex("aac00600060058d93dab")
ZEROS = bytes.fromhex("424d001c" + "0000" * 13 + "00ab")
START = 1000.7  # a Nova session is open 0.7 s after the clock began


def session(
    driver: Driver, clock: FakeClock, script: list[tuple[float, bytes]], **settings: object
) -> tuple[SensorSession, ScriptedPort]:
    answers = settings.pop("answers", None)
    port = ScriptedPort(clock, script, answers)  # type: ignore[arg-type]
    return SensorSession(driver, port, name="dust", now=clock.time, monotonic=clock.monotonic, **settings), port  # type: ignore[arg-type]


def test_warm_up_is_counted_from_waking_and_zero_is_clean_air_after_it() -> None:
    clock = FakeClock()
    opened, _ = session(
        Plantower(), clock, [(1005.0, ZEROS), (1030.4, ZEROS), (1030.8, ZEROS)], interval_s=0.1, silent_after_s=60.0
    )
    early, late, after = (opened.read(40.0) for _ in range(3))
    assert early is not None
    assert late is not None
    assert after is not None
    assert (early.quality, early.reason) == (Quality.CALIBRATING, "warming up: 4 of 30 s since waking")
    assert late.quality is Quality.CALIBRATING
    assert (after.quality, after.reason) == (Quality.NORMAL, "")
    assert after.values["pm10_ug_m3"] == 0.0
    assert after.time == 1030.8 + 1.7e9
    assert after.sensor == "dust"


def test_no_reading_is_none_at_the_timeout() -> None:
    clock = FakeClock()
    opened, _ = session(Nova(), clock, [])
    before = clock.moment
    assert opened.read(2.0) is None
    assert clock.moment == pytest.approx(before + 2.0)


def test_silence_is_told_after_the_promised_time_with_advice() -> None:
    clock = FakeClock()
    opened, _ = session(Nova(), clock, [])
    with pytest.raises(DeviceSilentError, match="nothing came for 10 s: check power"):
        opened.read(60.0)
    assert clock.moment == pytest.approx(START + 10, abs=0.31)


def test_bytes_without_a_frame_are_silence_too_and_say_what_came() -> None:
    clock = FakeClock()
    broken = REPORT[:-2] + b"\x00\xab"
    opened, _ = session(Nova(), clock, [(1001.0 + n, broken) for n in range(20)])
    with pytest.raises(DeviceSilentError, match=r"nothing that driver nova reads for 10 s.*last: checksum.*9600 bit/s"):
        opened.read(60.0)
    assert opened.rejected >= 9


def test_noise_long_ago_does_not_explain_silence() -> None:
    clock = FakeClock()
    opened, _ = session(Nova(), clock, [(1001.0, b"\x01\x02"), (1002.0, REPORT)])
    assert opened.read(5.0) is not None
    with pytest.raises(DeviceSilentError, match="nothing came for 10 s"):
        opened.read(60.0)


def test_a_false_head_is_given_up_at_a_pause_however_short_the_reads() -> None:
    clock = FakeClock()
    opened, _ = session(Plantower(), clock, [(1001.0, b"\x42\x4d\x00\x24" + ZEROS)])
    taken = [opened.read(0.05) for _ in range(30)]
    assert len([reading for reading in taken if reading]) == 1


def test_acknowledgements_do_not_count_as_life() -> None:
    clock = FakeClock()
    opened, _ = session(Nova(), clock, [(1001.0 + n, bytes.fromhex("aac50601000058d938ab")) for n in range(30)])
    with pytest.raises(DeviceSilentError, match="what came in 10 s was no measurement of a SDS011: check the model"):
        opened.read(60.0)


def test_a_sensor_of_another_model_is_not_told_to_be_dead() -> None:
    """An SDS198's reports, where an SDS011 is configured, were "nothing came: check power"."""
    clock = FakeClock()
    report = bytes.fromhex("aacf00002c01a1602eab")
    opened, _ = session(Nova(), clock, [(1001.0 + n, report) for n in range(30)])
    with pytest.raises(DeviceSilentError, match="check the model"):
        opened.read(60.0)


def test_over_range_is_marked_with_the_reason() -> None:
    clock = FakeClock()
    hot = bytes.fromhex("aac01027102758d99fab")  # 0x2710 = 10000 -> 1000.0
    opened, _ = session(Nova(), clock, [(1001.0, hot)], warm_up_s=0)
    reading = opened.read(5.0)
    assert reading is not None
    assert reading.quality is Quality.OVER_RANGE
    assert "pm2_5_ug_m3 1000 is outside 0 to 999.9" in reading.reason
    assert reading.flags == {
        "pm2_5_ug_m3": (Quality.OVER_RANGE, "pm2_5_ug_m3 1000 is outside 0 to 999.9"),
        "pm10_ug_m3": (Quality.OVER_RANGE, "pm10_ug_m3 1000 is outside 0 to 999.9"),
    }


def test_one_value_out_of_range_leaves_the_others_normal() -> None:
    clock = FakeClock()
    dense = bytes.fromhex("aac05802102758d9c2ab")  # PM2.5 0x0258 = 60.0, PM10 0x2710 = 1000.0
    opened, _ = session(Nova(), clock, [(1001.0, dense)], warm_up_s=0)
    reading = opened.read(5.0)
    assert reading is not None
    assert (reading.quality, set(reading.flags or {})) == (Quality.OVER_RANGE, {"pm10_ug_m3"})


def test_a_faster_device_is_thinned_to_the_interval_on_average() -> None:
    clock = FakeClock()
    opened, _ = session(Nova(), clock, [(1001.0 + 0.4 * n, REPORT) for n in range(100)], interval_s=1.0)
    taken = 0
    while clock.moment < 1040.0:
        taken += opened.read(0.5) is not None
    assert taken in (39, 40)


def test_jitter_costs_no_reading() -> None:
    clock = FakeClock()
    times = [1001.0 + n + (0.1 if n % 2 else -0.1) for n in range(50)]
    opened, _ = session(Nova(), clock, [(time, REPORT) for time in times], interval_s=1.0)
    assert all(opened.read(2.0) is not None for _ in times)


def test_query_asks_at_the_interval() -> None:
    clock = FakeClock()
    opened, port = session(Nova(), clock, [], mode="query", interval_s=5.0, answers={QUERY: REPORT})
    times = []
    while len(times) < 4:
        if opened.read(1.0) is not None:
            times.append(clock.moment)
    assert [round(b - a, 6) for a, b in pairwise(times)] == [5.0, 5.0, 5.0]
    assert port.written.count(QUERY) == 4


def test_an_unanswered_query_is_asked_again_then_silence_is_told() -> None:
    clock = FakeClock()
    opened, port = session(Nova(), clock, [], mode="query")
    with pytest.raises(DeviceSilentError):
        opened.read(60.0)
    assert port.written.count(QUERY) == 10


def test_a_reading_nobody_asked_for_is_no_answer() -> None:
    clock = FakeClock()
    stray = [(1003.0, REPORT)]
    opened, _ = session(Nova(), clock, stray, mode="query", interval_s=5.0, answers={QUERY: REPORT})
    first = opened.read(1.0)
    assert first is not None
    assert opened.read(3.0) is None
    assert opened.readings == 1


def test_a_wrong_model_counts_as_rejected() -> None:
    clock = FakeClock()
    opened, _ = session(Plantower("PMS3003"), clock, [(1001.0, ZEROS)])
    assert opened.read(2.0) is None
    assert opened.rejected == 1
    with pytest.raises(DeviceSilentError, match="a frame of 32 bytes, but a PMS3003 sends 24"):
        opened.read(60.0)


def test_a_lost_port_is_passed_on() -> None:
    clock = FakeClock()
    opened, port = session(Nova(), clock, [])
    port.lost = True
    with pytest.raises(DeviceLostError):
        opened.read(1.0)


def test_opening_writes_wake_and_mode() -> None:
    clock = FakeClock()
    _, port = session(Plantower(), clock, [], mode="query")
    assert port.written == [plantower.WAKE, plantower.PASSIVE]


def test_a_mode_the_driver_has_not() -> None:
    with pytest.raises(BadSettingError, match="no mode 'passive'; allowed: active, query"):
        session(Nova(), FakeClock(), [], mode="passive")

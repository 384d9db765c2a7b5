"""The HJ 212 uplink against a platform that answers, asks, refuses, is slow, deaf and cut."""

from __future__ import annotations

import math
import time
from datetime import datetime

import pytest

from edge_agent.clock import Trust
from edge_agent.config.hj212 import Factor, Hj212
from edge_agent.errors import ConfigError
from edge_agent.hj212 import Frame, cp_to_mapping, decode, encode, join
from edge_agent.messages import Draft
from edge_agent.messages.dust import DustData, Statistic
from edge_agent.messages.envelope import rfc3339
from edge_agent.uplink.history import History
from edge_agent.uplink.hj212_dialogue import Dialogue, PlatformState
from edge_agent.uplink.hj212_link import read_key
from edge_agent.uplink.hj212_records import local_time
from tests.hj212.conftest import MN


def now_minute(minutes_ago: int = 1, step_s: int = 60) -> float:
    """Start of a window that has just ended, so that it is live."""
    return time.time() // step_s * step_s - (minutes_ago - 1) * step_s - step_s


def chinese(moment: float) -> str:
    return local_time(moment, 8)


def test_a_window_becomes_a_real_time_and_a_minute_record_and_leaves_the_outbox(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    start = now_minute()
    post.start()
    post.window(start)
    real_time = platform.next(2011)
    assert cp_to_mapping(real_time.cp) == {
        "DataTime": chinese(start + 60),
        "a34002-Rtd": "95.0",
        "a34002-Flag": "N",
        "LA-Rtd": "50.0",
        "LA-Flag": "N",
    }
    assert real_time.flag == 4
    minute = platform.next(2051)
    assert cp_to_mapping(minute.cp) == {
        "DataTime": chinese(start),
        "a34002-Min": "80.0",
        "a34002-Avg": "95.0",
        "a34002-Max": "118.0",
        "a34002-Flag": "N",
        "Leq-Data": "50.0",
        "LMx-Data": "54.0",
        "LMn-Data": "42.0",
    }
    assert (minute.flag, minute.fields["ST"], minute.fields["PW"], len(minute.qn)) == (5, "39", "123456", 17)
    post.waits_for(lambda: post.pending() == 0)
    assert post.uplinks[0].state().acknowledged == 1


@pytest.mark.slow
def test_minutes_are_joined_to_the_platforms_interval(platform, make_post, settings) -> None:
    post = make_post(settings(platform, min_interval_min=5, send=("minute", "hour", "day")))
    start = math.floor(time.time() / 300) * 300 - 300
    for i, mean in enumerate((10.0, 20.0, 30.0, 40.0, 50.0)):
        post.window(start + 60 * i, mean=mean, count=60 if i else 120)
    post.window(start - 3600, 3600, mean=70)
    post.window(start - 86400, 86400, mean=60)
    post.start()
    assert {platform.next(2051, 2061, 2031).cn for _ in range(3)} == {2051, 2061, 2031}
    post.waits_for(lambda: post.pending() == 0)
    minute = next(decode(raw).frame for raw in platform.raw if b"CN=2051" in raw)
    # (10*120 + (20+30+40+50)*60) / 360 by hand
    assert minute.get("DataTime") == chinese(start)
    assert (minute.get("a34002-Avg"), minute.get("a34002-Min"), minute.get("a34002-Max")) == ("26.7", "-5.0", "73.0")


@pytest.mark.slow
def test_no_answer_no_departure(platform, make_post, settings) -> None:
    deaf = True
    platform.answer = lambda frame: None if deaf else (9014, "")
    post = make_post(settings(platform, timeout_s=0.2, retries=2, send=("minute",)))
    post.window(now_minute())
    post.start()
    tries = [platform.next(2051) for _ in range(3)]
    assert len({frame.qn for frame in tries}) == 1, "sent again with its own QN"
    post.waits_for(lambda: platform.connections >= 2)
    assert post.pending() >= 1
    deaf = False
    post.waits_for(lambda: post.pending() == 0)


def test_a_refused_record_is_set_aside_and_the_others_go_on(platform, make_post, settings) -> None:
    bad, good = now_minute(2), now_minute(1)
    platform.answer = lambda f: (9011, "QnRtn=2") if f.get("DataTime") == chinese(bad) else (9014, "")
    post = make_post(settings(platform, reject_after=1, send=("minute",)))
    post.window(bad)
    post.window(good)
    post.start()
    post.waits_for(lambda: post.uplinks[0].state().acknowledged >= 1 and post.uplinks[0].state().refused >= 1)
    post.waits_for(lambda: post.outbox.depth().lost == {"rejected": {"dust": 1}})
    assert post.uplinks[0].state().connected


@pytest.mark.parametrize("edition", ["2017", "2025"])
@pytest.mark.slow
def test_after_an_outage_new_data_goes_first_and_nothing_is_missing(
    platform, make_post, settings, tmp_path, edition
) -> None:
    key = tmp_path / "key"
    key.write_text("0" * 16)
    key.chmod(0o600)
    platform.key = b"0" * 16 if edition == "2025" else None
    chosen = settings(platform, edition=edition, sm4_key_file=str(key) if edition == "2025" else "", send=("minute",))
    post = make_post(chosen)
    yesterday = now_minute() - 86400
    for i in range(300):
        post.window(yesterday + 60 * i, mean=50 + i / 10)
    fresh = now_minute()
    post.window(fresh)
    post.outbox.flush()
    post.start()
    frames = [platform.next(2051, timeout_s=30) for _ in range(301)]
    assert frames[0].get("DataTime") == chinese(fresh)
    assert [f.get("DataTime") for f in frames[1:]] == [chinese(yesterday + 60 * i) for i in range(300)]
    assert [f.fields.get("RF") for f in frames] == [None, *[("1" if edition == "2025" else None)] * 300]
    assert frames[0].flag == (9 if edition == "2025" else 5)
    post.waits_for(lambda: post.pending() == 0)
    if edition == "2025":
        with pytest.raises(ValueError, match=r"crc|structure"):
            decode(next(raw for raw in platform.raw if b"CN=2051" in raw))


def wide_window(post, start: float) -> None:
    """A minute of 30 values, whose record takes two packets or more."""
    values = {f"value_{i}": Statistic(mean=1.5, min=1, max=2, count=60, flag="N") for i in range(30)}
    data = DustData(sensor="dust", start=rfc3339(start), window_s=60, values=values)
    post.recorder.record(Draft("dust", start + 60, data, subject="dust"))
    post.outbox.flush()


WIDE = {f"value_{i}": Factor(code=f"w{i:05d}") for i in range(30)}


def test_a_record_in_packets_leaves_the_outbox_when_each_packet_was_answered(platform, make_post, settings) -> None:
    """The connection breaks after the answer to the first packet: the record must come again, whole."""
    seen: list[str] = []

    def answer(frame: Frame) -> tuple[int, str] | None:
        seen.append(frame.fields["PNO"])
        if len(seen) != 2:
            return 9014, ""
        platform.cut()
        return None

    platform.answer = answer
    post = make_post(settings(platform, factors=WIDE, send=("minute",)))
    wide_window(post, now_minute())
    post.start()
    post.waits_for(lambda: post.pending() == 0)
    assert platform.connections >= 2
    assert len(seen) > 3
    state = post.uplinks[0].state()
    assert (state.acknowledged, state.refused) == (1, 0)
    packets = [frame for frame in (decode(raw).frame for raw in platform.raw) if frame.cn == 2051]
    count = int(packets[0].fields["PNUM"])
    assert len(cp_to_mapping(join(packets[-count:]).cp)) == 1 + 30 * 4
    assert {frame.flag for frame in packets} == {7}


def test_a_platform_that_answers_packets_once_has_the_record_too(platform, make_post, settings) -> None:
    platform.answer = lambda frame: (9014, "") if frame.fields["PNO"] == frame.fields["PNUM"] else None
    post = make_post(settings(platform, factors=WIDE, send=("minute",), timeout_s=0.3))
    wide_window(post, now_minute())
    post.start()
    post.waits_for(lambda: post.pending() == 0)
    state = post.uplinks[0].state()
    assert (state.acknowledged, state.resent, state.connections) == (1, 0, 1)


def test_a_minute_interval_that_cuts_windows_is_refused(platform, tmp_path, settings) -> None:
    """Records of five minutes went out as if they were of one."""
    dialogue = Dialogue(settings(platform), PlatformState.of(settings(platform)), lambda *_: iter(()), bool, (300.0,))
    for minutes, result in ((1, "3"), (12, "3"), (15, "1")):
        asked = Frame({"QN": "20260715093000123", "CN": "1064"}, ((("MinInterval", str(minutes)),),))
        assert [frame.get("ExeRtn") for frame in dialogue.answer(asked, 0.0)] == ["", result]
    assert dialogue.state.min_interval_min == 15
    for seconds, result in ((60, "3"), (300, "1")):
        asked = Frame({"QN": "20260715093000123", "CN": "1062"}, ((("RtdInterval", str(seconds)),),))
        assert [frame.get("ExeRtn") for frame in dialogue.answer(asked, 0.0)] == ["", result]


def test_the_history_forgets_by_a_trusted_clock_only(tmp_path) -> None:
    """A window from the future of a wrong clock made the whole month old."""
    history = History(tmp_path / "history.db", days=31)
    today = 1784044800.0

    def starts_kept() -> list[float]:
        return [datetime.fromisoformat(data.start).timestamp() for _, data in history.between(0, 1e11)]

    def put(number: int, start: float) -> None:
        history.put([(number, DustData(sensor="s", start=rfc3339(start), window_s=60, values={}))])

    for number, start in enumerate((today - 40 * 86400, today, today + 3650 * 86400)):
        put(number, start)
    assert len(starts_kept()) == 3
    history.forget(today + 60)
    assert starts_kept() == [today, today + 3650 * 86400]
    history.close()


def test_old_windows_leave_the_history_of_a_post(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.history.put([(1, DustData(sensor="s", start="2026-01-01T00:00:00.000Z", window_s=60, values={}))])
    post.start()
    post.window(now_minute())
    post.waits_for(lambda: len(post.history.between(0, 1e11)) == 1)
    assert post.history.between(0, 1e11)[0][1].sensor == "dust"


def test_each_sensor_of_a_post_has_its_real_time_values(platform, make_post, settings) -> None:
    """The newest window of one kept the other's from being sent."""
    post = make_post(settings(platform, send=("real-time",)))
    post.start()
    start = now_minute()
    for sensor, mean in (("station", 40.0), ("laser", 50.0)):
        post.window(start, mean=mean, sensor=sensor)
    assert sorted(platform.next(2011).get("a34002-Rtd") for _ in range(2)) == ["40.0", "50.0"]


def test_cut_again_and_again_nothing_is_missing(platform, make_post, settings) -> None:
    seen = 0

    def answer(frame: object) -> tuple[int, str] | None:
        nonlocal seen
        seen += 1
        if seen % 7 == 0:
            platform.cut()
            return None
        return 9014, ""

    platform.answer = answer
    post = make_post(settings(platform, send=("minute",)))
    start = now_minute() - 7200
    for i in range(40):
        post.window(start + 60 * i)
    post.start()
    post.waits_for(lambda: post.pending() == 0)
    got = {decode(raw).frame.get("DataTime") for raw in platform.raw if b"CN=2051" in raw}
    assert got == {chinese(start + 60 * i) for i in range(40)}
    assert platform.connections > 3


def test_a_dead_platform_holds_no_other_back(platform, make_platform, make_post, settings) -> None:
    dead = make_platform()
    dead.close()
    post = make_post(
        settings(dead, name="dead"), settings(platform, name="alive", dust_unit="mg/m3", send=("minute",), crc="modbus")
    )
    post.window(now_minute())
    post.start()
    assert platform.next(2051).get("a34002-Avg") == "0.0950"
    assert decode(platform.raw[-1]).crc == "modbus"
    post.waits_for(lambda: post.uplinks[1].state().acknowledged == 1)
    assert post.pending() >= 1
    assert "cannot be reached" in post.uplinks[0].state().error


COMMANDS = [
    (1061, "", [(9011, {"QnRtn": "1"}), (1061, {"RtdInterval": "60"}), (9012, {"ExeRtn": "1"})]),
    (1062, "RtdInterval=30", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "1"})]),
    (1062, "RtdInterval=29", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1062, "RtdInterval=x", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1063, "", [(9011, {"QnRtn": "1"}), (1063, {"MinInterval": "1"}), (9012, {"ExeRtn": "1"})]),
    (1064, "MinInterval=7", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1000, "OverTime=5;ReCount=4", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "1"})]),
    (1062, "RtdInterval=3_0", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1064, "MinInterval=٥", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1000, "OverTime=0", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1072, "NewPW=1234567890", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (1012, "SystemTime=20260715101112", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (2012, "", [(9013, {})]),
    (2051, "BeginTime=20200101000000,EndTime=20200102000000", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "100"})]),
    (2061, "BeginTime=yesterday", [(9011, {"QnRtn": "1"}), (9012, {"ExeRtn": "3"})]),
    (3015, "", [(9011, {"QnRtn": "8"})]),
]


@pytest.mark.parametrize(("cn", "cp", "expected"), COMMANDS)
def test_commands(platform, make_post, settings, cn, cp, expected) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.say(cn, cp, qn="20260715093000123")
    answers = [platform.next() for _ in expected]
    assert [(f.cn, cp_to_mapping(f.cp)) for f in answers] == expected
    assert {f.qn for f in answers} == {"20260715093000123"}
    assert {f.fields["ST"] for f in answers if f.cn > 9000} == {"91"}


@pytest.mark.parametrize(("over", "code"), [({"PW": "000000"}, "3"), ({"MN": "other"}, "4"), ({"ST": "32"}, "5")])
def test_requests_that_are_not_for_us_are_refused_with_the_reason(platform, make_post, settings, over, code) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.say(1061, **over)
    assert platform.next(9011).get("QnRtn") == code


def test_a_new_password_holds_for_both_sides(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.say(1072, "NewPW=654321")
    assert platform.next(9012).fields["PW"] == "654321"
    platform.say(1061)
    assert platform.next(9011).get("QnRtn") == "3"
    platform.say(1061, PW="654321")
    assert platform.next(1061).get("RtdInterval") == "60"


def test_a_post_whose_clock_is_not_trusted_asks_for_the_time_and_takes_it_where_it_may(
    platform, make_post, settings, monkeypatch
) -> None:
    """1013 from us, 9013 from the platform, then its 1012. 2026-07-15 10:11:12 in China is 02:11:12 in UTC."""
    set_to: list[float] = []
    monkeypatch.setattr(time, "clock_settime", lambda clock, moment: set_to.append(moment))
    post = make_post(settings(platform, set_clock=True))
    monkeypatch.setattr(type(post.clock), "ask", lambda self: Trust(False, math.inf))
    post.start()
    asked = platform.next(1013)
    assert asked.wants_answer
    platform.say(9013, qn=asked.qn, st="91", flag=4)
    platform.say(1012, "SystemTime=20260715101112")
    assert platform.next(9011).get("QnRtn") == "1"
    assert platform.next(9012).get("ExeRtn") == "1"
    assert set_to == [1784081472.0]


def test_time_is_told_in_local_time(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    before = chinese(time.time())
    platform.say(1011)
    assert before <= platform.next(1011).get("SystemTime") <= chinese(time.time())


def test_what_the_platform_set_survives_a_restart_until_the_configuration_changes(
    platform, make_post, settings
) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.say(1064, "MinInterval=10")
    assert platform.next(9012).get("ExeRtn") == "1"
    post.close()
    for chosen, minutes in ((settings(platform), "10"), (settings(platform, min_interval_min=5), "5")):
        platform.connected.clear()
        post = make_post(chosen)
        post.start()
        assert platform.connected.wait(10)
        platform.say(1063)
        assert platform.next(1063).get("MinInterval") == minutes
        platform.next(9012)
        post.close()


def test_history_is_answered_from_the_store_in_packets_where_long(platform, make_post, settings) -> None:
    wide = {f"value_{i}": Factor(code=f"w{i:05d}") for i in range(30)}
    post = make_post(settings(platform, factors=wide, send=("minute",)))
    start = now_minute() // 3600 * 3600 - 7200
    for i in range(120):
        post.window(start + 60 * i, mean=40 + i)
    values = {name: Statistic(mean=1.5, min=1, max=2, count=60, flag="N") for name in wide}
    data = DustData(sensor="other", start="2026-01-01T00:00:00.000Z", window_s=60, values=values)
    post.start()
    post.waits_for(lambda: post.pending() == 0)
    post.history.put([(999999, data)])
    while not platform.frames.empty():
        platform.frames.get()
    platform.say(2051, f"BeginTime={chinese(start + 600)},EndTime={chinese(start + 1200)}", qn="20260715093000123")
    assert platform.next().get("QnRtn") == "1"
    minutes = [platform.next() for _ in range(11)]
    assert [f.get("DataTime") for f in minutes] == [chinese(start + 600 + 60 * i) for i in range(11)]
    assert [f.get("a34002-Avg") for f in minutes][:2] == ["50.0", "51.0"]
    assert platform.next().get("ExeRtn") == "1"
    platform.say(2061, f"BeginTime={chinese(start)},EndTime={chinese(start + 3600)}")
    platform.next(9011)
    assert [platform.next().get("a34002-Avg") for _ in range(2)] == ["69.5", "129.5"], "hours joined of their minutes"
    assert platform.next().get("ExeRtn") == "1"
    platform.say(2051, "BeginTime=20260101080000,EndTime=20260101080000")
    platform.next(9011)
    parts = [platform.next()]
    parts += [platform.next() for _ in range(int(parts[0].fields["PNUM"]) - 1)]
    assert parts[0].flag == 6
    assert len(cp_to_mapping(join(parts).cp)) == 1 + 30 * 4
    assert platform.next().get("ExeRtn") == "1"


@pytest.mark.slow
def test_real_time_stops_and_starts_as_the_platform_says(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.say(2012)
    platform.next(9013)
    post.window(now_minute(2), mean=33)
    assert platform.next(2011, 2051).cn == 2051
    post.waits_for(lambda: post.pending() == 0)
    platform.say(2011)
    frames = [platform.next() for _ in range(3)]
    assert [f.cn for f in frames] == [9011, 2011, 9012]
    assert frames[1].get("a34002-Rtd") == "33.0"
    post.window(now_minute(1))
    assert {platform.next().cn, platform.next().cn} == {2011, 2051}


def test_garbage_from_the_platform_is_counted_and_survived(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    platform.send(b"\x00\xffnonsense\r\n##0010CN=1061;X=&&FFFF\r\n##9x99\r\n")
    platform.say(1061)
    assert platform.next(1061).get("RtdInterval") == "60"
    assert post.uplinks[0].state().bad_frames >= 2


def test_a_flood_of_commands_is_bounded_and_survived(platform, make_post, settings) -> None:
    post = make_post(settings(platform))
    post.start()
    assert platform.connected.wait(10)
    one = encode(Frame({"QN": "20260715093000123", "ST": "39", "CN": "1061", "PW": "123456", "MN": MN, "Flag": "5"}))
    platform.send(one * 5000)
    post.waits_for(lambda: "asks faster than it is answered" in post.uplinks[0].state().error)
    while platform.next(1063, 9012, timeout_s=2).qn != "20260715093000999":
        if platform.frames.empty():
            platform.say(1063, qn="20260715093000999")
    assert post.uplinks[0].state().connections == 1


@pytest.mark.slow
def test_a_late_answer_counts_once(platform, make_post, settings) -> None:
    held: list[str] = []
    platform.answer = lambda frame: held.append(frame.qn)
    post = make_post(settings(platform, timeout_s=0.3, retries=5, send=("minute",)))
    post.window(now_minute())
    post.start()
    post.waits_for(lambda: len(held) >= 2)
    for _ in range(2):
        platform.say(9014, qn=held[0], st="91", flag=4)
    post.waits_for(lambda: post.pending() == 0)
    state = post.uplinks[0].state()
    assert (state.acknowledged, state.connections) == (1, 1)
    assert state.resent >= 1


@pytest.mark.slow
def test_a_day_s_record_tells_day_and_night_from_the_history(platform, make_post, settings) -> None:
    post = make_post(settings(platform, send=("day",)))
    midnight = (time.time() + 8 * 3600) // 86400 * 86400 - 8 * 3600 - 86400
    post.start()
    for hour in (2, 12, 20):
        post.window(midnight + 3600 * hour, 3600)
    post.waits_for(lambda: len(post.history.between(midnight, midnight + 86400)) == 3)
    post.window(midnight, 86400)
    day = platform.next(2031)
    assert (day.get("DataTime"), day.get("Leq-Data")) == (chinese(midnight), "50.0")
    assert (day.get("Ld-Data"), day.get("Ln-Data"), day.get("Leq-NightData")) == ("50.0", "50.0", "50.0")
    assert day.get("Ldn-Data") == f"{10 * math.log10((16 * 10**5 + 8 * 10**6) / 24):.1f}"


def test_a_key_file_others_may_read_is_refused(tmp_path) -> None:
    key = tmp_path / "key"
    key.write_text("0" * 32 + "\n")
    section = Hj212(host="h", port=1, mn="A", password="1", sm4_key_file=str(key))
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(section)
    key.chmod(0o600)
    assert read_key(section) == bytes(16)
    key.write_text("short")
    with pytest.raises(ConfigError, match="16 characters"):
        read_key(section)

"""Windows against values worked out by hand and by plain sums."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality, Reading
from edge_agent.config.dust import DustSensor
from edge_agent.config.dust import Quality as QualityConfig
from edge_agent.dust.quality import Checked, QualityCheck
from edge_agent.dust.watch import DustWatch
from edge_agent.dust.window import MAX_GAP_WINDOWS, WindowResult, Windows
from edge_agent.messages import DustData

CHINA = timezone(timedelta(hours=8))
MIDNIGHT = datetime(2026, 7, 15, tzinfo=CHINA).timestamp()
PM10 = "pm10_ug_m3"


def reading(time: float, value: float, flag: Quality | None = None) -> Checked:
    return Checked(time, "dust", {PM10: value}, {PM10: (flag, "why")} if flag else {})


def feed(windows: Windows, *readings: Checked) -> list[WindowResult]:
    return [result for one in readings for result in windows.update(one)]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    windows = Windows([60], interval_s=20)
    results = feed(windows, *(reading(MIDNIGHT + t, v) for t, v in ((0, 1), (20, 2), (40, 6), (60, 99))))
    assert [(r.start, r.end) for r in results] == [(MIDNIGHT, MIDNIGHT + 60)]
    value = results[0].values[PM10]
    assert (value.mean, value.min, value.max, value.count, value.flag) == (3.0, 1, 6, 3, Quality.NORMAL)


def test_days_begin_at_local_midnight() -> None:
    windows = Windows([86400], interval_s=600)
    results = feed(windows, *(reading(MIDNIGHT + 600 * i, 1.0) for i in range(145)))
    assert [(datetime.fromtimestamp(r.start, CHINA).isoformat(), r.values[PM10].count) for r in results] == [
        ("2026-07-15T00:00:00+08:00", 144)
    ]


def test_windows_of_five_fifteen_and_sixty_minutes_start_on_the_clock() -> None:
    windows = Windows([300, 900, 3600], interval_s=60)
    start = MIDNIGHT + 7 * 60
    results = feed(windows, *(reading(start + 60 * i, 1.0) for i in range(180)))
    by_length = {w: [r.start - MIDNIGHT for r in results if r.window_s == w] for w in (300, 900, 3600)}
    assert by_length[3600] == [0, 3600, 7200]
    assert by_length[900][:3] == [0, 900, 1800]
    assert by_length[300][:3] == [300, 600, 900]
    assert results == sorted(results, key=lambda r: r.end), "in order of time"


def test_readings_that_are_not_normal_are_counted_and_not_averaged() -> None:
    windows = Windows([60], interval_s=1)
    samples = [
        reading(MIDNIGHT + i, 1000 if i < 20 else 10, Quality.CALIBRATING if i < 20 else None) for i in range(60)
    ]
    value = feed(windows, *samples, reading(MIDNIGHT + 60, 0))[0].values[PM10]
    assert (value.mean, value.count) == (10.0, 40)
    assert value.share == pytest.approx(40 / 60)
    assert (value.flag, value.reason) == (Quality.CALIBRATING, "why")


@pytest.mark.parametrize(("present_s", "flag"), [(674, Quality.COMMUNICATION_LOST), (675, Quality.NORMAL)])
def test_three_quarters_of_a_window_make_it_valid(present_s: int, flag: Quality) -> None:
    windows = Windows([900], interval_s=1)
    value = feed(windows, *(reading(MIDNIGHT + i, 5) for i in range(present_s)), reading(MIDNIGHT + 900, 5))[0].values[
        PM10
    ]
    assert value.flag is flag


def test_a_sensor_that_speaks_every_two_seconds_and_more_covers_its_time() -> None:
    windows = Windows([60], interval_s=1)
    samples = [reading(MIDNIGHT + i * 2.3, 5) for i in range(28)]
    assert feed(windows, *samples)[0].values[PM10].share > 0.95


def test_a_window_without_samples_says_communication_lost() -> None:
    windows = Windows([60], interval_s=1)
    results = feed(windows, reading(MIDNIGHT, 5)) + windows.close(MIDNIGHT + 180)
    assert [r.values[PM10].flag for r in results] == [Quality.COMMUNICATION_LOST] * 3
    assert [r.values[PM10].mean for r in results] == [5, None, None]


def test_a_long_gap_is_left_out() -> None:
    windows = Windows([60, 3600], interval_s=1)
    later = MIDNIGHT + 30 * 86400
    results = feed(windows, reading(MIDNIGHT, 5), reading(later, 6), reading(later + 3600, 7))
    assert [r.start for r in results if r.window_s == 3600] == [MIDNIGHT, later]
    assert len([r for r in results if r.window_s == 60]) == 1 + 60
    assert MAX_GAP_WINDOWS == 60


def test_a_late_reading_is_left_out_and_counted() -> None:
    windows = Windows([60], interval_s=1)
    results = feed(windows, reading(MIDNIGHT + 59, 5), reading(MIDNIGHT + 61, 7), reading(MIDNIGHT + 58, 900))
    results += feed(windows, reading(MIDNIGHT + 62, 7), reading(MIDNIGHT + 121, 0))
    assert [r.values[PM10].mean for r in results] == [5, 7]
    assert windows.late_count == 1


def test_readings_out_of_order_inside_a_window_count() -> None:
    windows = Windows([60], interval_s=1)
    results = feed(windows, *(reading(MIDNIGHT + t, t) for t in (30, 10, 20, 60)))
    assert results[0].values[PM10].count == 3


def test_one_stray_time_breaks_no_later_window() -> None:
    windows = Windows([60], interval_s=1)
    results = feed(windows, reading(MIDNIGHT, 1), reading(MIDNIGHT + 1e7, 1))
    results += feed(windows, *(reading(MIDNIGHT + 60 + i, 3) for i in range(121)))
    assert [(r.start, r.values[PM10].mean) for r in results if r.values[PM10].mean == 3] == [
        (MIDNIGHT + 60, 3),
        (MIDNIGHT + 120, 3),
    ]


def test_a_clock_set_back_starts_windows_anew() -> None:
    windows = Windows([60], interval_s=1)
    feed(windows, *(reading(MIDNIGHT + 3600 + i, 1) for i in range(90)))
    results = feed(windows, *(reading(MIDNIGHT + i, 2) for i in range(130)))
    assert [(r.start - MIDNIGHT, r.values[PM10].count) for r in results] == [(3660, 30), (0, 58), (60, 60)]


def test_rolling_windows_end_with_every_base_window_once_filled() -> None:
    windows = Windows([60], interval_s=60, rolling_s=[300])
    results = feed(windows, *(reading(MIDNIGHT + 60 * i, i) for i in range(8)))
    rolling = [(r.end - MIDNIGHT, r.values[PM10].mean) for r in results if r.rolling]
    assert rolling == [(300, 2.0), (360, 3.0), (420, 4.0)]


def test_flush_closes_what_is_open_at_the_last_time() -> None:
    windows = Windows([60, 3600], interval_s=1)
    feed(windows, reading(MIDNIGHT + 5, 4), reading(MIDNIGHT + 6, 6))
    results = windows.flush()
    assert [(r.window_s, r.values[PM10].mean, r.closed) for r in results] == [
        (60, 5, MIDNIGHT + 6),
        (3600, 5, MIDNIGHT + 6),
    ]
    assert windows.flush() == []


def test_noise_is_averaged_by_energy_and_wind_by_direction() -> None:
    windows = Windows([60], interval_s=30)
    for t, noise, wind in ((0, 60, 350), (30, 70, 20)):
        windows.update(Checked(MIDNIGHT + t, "dust", {"noise_db": noise, "wind_direction_deg": wind}))
    values = windows.close(MIDNIGHT + 60)[0].values
    # 10 lg((10^6 + 10^7) / 2) = 67.40 dB; the middle of 350° and 20° is 5°
    assert values["noise_db"].mean == pytest.approx(67.4036, abs=1e-4)
    assert values["noise_db"].levels == {600: 1, 700: 1}
    assert values["wind_direction_deg"].mean == pytest.approx(5)


@given(
    st.lists(st.tuples(st.floats(0.1, 40), st.floats(0, 1e4), st.booleans()), min_size=1, max_size=200),
    st.sampled_from([(60.0, 900.0), (7.0, 21.0), (10.0, 15.0), (1.5, 4.0)]),
)
def test_every_sample_lands_in_one_window_of_each_length(
    steps: list[tuple[float, float, bool]], lengths: tuple[float, float]
) -> None:
    windows = Windows(lengths, interval_s=1, utc_offset_s=0)
    time, samples, results = MIDNIGHT, [], []
    for gap, value, normal in steps:
        time += gap
        samples.append((time, value, normal))
        results += windows.update(reading(time, value, None if normal else Quality.FAULT))
    results += windows.flush()
    for length in lengths:
        expected: dict[float, list[float]] = {}
        for t, v, normal in samples:
            values = expected.setdefault(math.floor(t / length) * length, [])
            if normal:
                values.append(v)
        got = {r.start: r.values[PM10] for r in results if r.window_s == length}
        assert len(got) == len([r for r in results if r.window_s == length]), "no window twice"
        for start, values in expected.items():
            near = min(got, key=lambda s: abs(s - start))
            assert near == pytest.approx(start)
            assert got[near].count == len(values)
            if values:
                assert got[near].mean == pytest.approx(sum(values) / len(values))
                assert (got[near].min, got[near].max) == (min(values), max(values))
        assert sum(s.count for s in got.values()) == sum(normal for _, _, normal in samples)


def test_quality_flags_value_by_value() -> None:
    check = QualityCheck(QualityConfig(stuck_s=100))
    seen = check.update(
        Reading(0, "dust", {"pm2_5_ug_m3": 90, "pm10_ug_m3": 40, "humidity_percent": 120, "noise_db": 55})
    )
    assert {name: flag for name, (flag, _) in seen.flags.items()} == {
        "pm2_5_ug_m3": Quality.FAULT,
        "pm10_ug_m3": Quality.FAULT,
        "humidity_percent": Quality.OVER_RANGE,
    }
    assert seen.flags["pm10_ug_m3"][1] == "implausible: pm2_5_ug_m3 90 above pm10_ug_m3 40"


def test_a_value_is_stuck_when_it_did_not_change_for_the_time_given() -> None:
    check = QualityCheck(QualityConfig(stuck_s=100))
    flags = [check.update(Reading(t, "dust", {PM10: 7})).flags.get(PM10) for t in range(101)]
    assert flags == [None] * 100 + [(Quality.FAULT, "stuck at 7")]
    assert check.update(Reading(101, "dust", {PM10: 8})).flags == {}


@pytest.mark.parametrize("interval_s", [1.0, 300.0])
def test_a_sensor_that_was_away_or_a_clock_set_forward_is_not_stuck(interval_s: float) -> None:
    check = QualityCheck(QualityConfig(), interval_s)
    times = [interval_s * n for n in range(10)]
    times += [time + 7200 for time in times]
    assert [check.update(Reading(t, "dust", {PM10: 7})).flags for t in times] == [{}] * 20


def test_a_value_out_of_the_sensors_range_takes_no_other_value_with_it() -> None:
    """A quiet night of 29 dB where the station promises 30 made its dust data invalid."""
    check = QualityCheck(QualityConfig())
    noise = (Quality.OVER_RANGE, "noise_db 29 is outside 30 to 130")
    values = {PM10: 60, "pm2_5_ug_m3": 90, "noise_db": 29}
    seen = check.update(Reading(0, "dust", values, Quality.OVER_RANGE, noise[1], {"noise_db": noise}))
    assert seen.flags["noise_db"] == noise
    assert seen.flags[PM10][0] is Quality.FAULT, "what is left is judged as ever"
    assert "humidity_percent" not in check.update(Reading(1, "dust", {"humidity_percent": 50, "noise_db": 29})).flags


def test_a_reading_that_warms_up_keeps_its_flag_for_all_values() -> None:
    check = QualityCheck(QualityConfig())
    seen = check.update(Reading(0, "dust", {PM10: 7, "noise_db": 5}, Quality.CALIBRATING, "warming up"))
    assert set(seen.flags) == {PM10, "noise_db"}
    assert seen.flags[PM10] == (Quality.CALIBRATING, "warming up")


def test_not_a_number_is_never_averaged() -> None:
    check = QualityCheck(QualityConfig())
    assert check.update(Reading(0, "dust", {"raw_mv": math.nan})).flags["raw_mv"][0] is Quality.OVER_RANGE


def test_humidity_correction_stands_beside_the_raw_value() -> None:
    check = QualityCheck(QualityConfig(humidity_correction="kappa-koehler", kappa=0.33))
    values = check.update(Reading(0, "dust", {"pm2_5_ug_m3": 100, "humidity_percent": 80})).values
    # Crilley et al. 2018, eq. 2 by hand: 1 + (0.33/1.65) / (1/0.8 - 1) = 1 + 0.2/0.25 = 1.8
    assert values["pm2_5_ug_m3"] == 100
    assert values["pm2_5_corrected_ug_m3"] == pytest.approx(100 / 1.8)


def test_readings_that_are_published_tell_the_flag_of_each_value_and_why() -> None:
    """A value that was stuck or implausible stood under the quality N of its reading."""
    watch = DustWatch(DustSensor(driver="x", port="y", interval_s=20, publish_readings=True, long_windows_s=()))
    drafts = []
    for t, fine, warm in ((0, 20.0, False), (20, 90.0, False), (40, 20.0, True), (60, 20.0, False)):
        quality = Quality.CALIBRATING if warm else Quality.NORMAL
        values = {"pm2_5_ug_m3": fine, PM10: 40.0, "noise_db": 55.0}
        drafts += watch.update(Reading(MIDNIGHT + t, "dust", values, quality, "warming up" if warm else ""))
    [draft] = drafts
    assert isinstance(draft.data, DustData)
    readings = draft.data.readings
    assert readings is not None
    assert readings.quality == ["N", "D", "C"]
    assert readings.flags == {"pm2_5_ug_m3": ["N", "D", "C"], PM10: ["N", "D", "C"], "noise_db": ["N", "N", "C"]}
    assert readings.reasons == {1: "implausible: pm2_5_ug_m3 90 above pm10_ug_m3 40", 2: "warming up"}

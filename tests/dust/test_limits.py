"""Exceedances: how they start, go on and end, what is allowed, subtracted and left unjudged."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from drivers.readings import Quality, Reading
from edge_agent.config.dust import AqiAdjustment, DustSensor, Limit
from edge_agent.config.dust import Quality as QualityRules
from edge_agent.config.limits import limits_of, names, read_set
from edge_agent.dust.city import CityAir
from edge_agent.dust.watch import DustWatch
from edge_agent.errors import ConfigError
from edge_agent.messages import Draft, ExceedanceData, ViolationData

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China
PM10, TSP = "pm10_ug_m3", "tsp_ug_m3"


def sensor(*limits: Limit, report_window_s: float = 60) -> DustSensor:
    return DustSensor(
        driver="plantower", port="simulated:", interval_s=60, report_window_s=report_window_s, limits=list(limits)
    )


def run(
    watch: DustWatch, means: list[float | None], *, name: str = PM10, window_s: float = 900, start: float = MIDNIGHT
):
    """Feeds one reading a minute so that each window has the mean given (None: warming up), and the first after."""
    drafts: list[Draft] = []
    for i in range(int(len(means) * window_s // 60)):
        mean = means[int(i * 60 // window_s)]
        wobble = 0.5 if i % 2 else -0.5
        quality = Quality.CALIBRATING if mean is None else Quality.NORMAL
        drafts += watch.update(Reading(start + 60 * i, "dust", {name: (mean or 0.0) + wobble}, quality, "warming up"))
    return drafts + watch.tick(start + len(means) * window_s)


def episodes(drafts: list[Draft]) -> list[tuple[str, str, int]]:
    out = []
    for draft in drafts:
        if isinstance(draft.data, ExceedanceData):
            out.append((draft.data.state, draft.data.exceedance[-24:-5], draft.data.windows))
        elif isinstance(draft.data, ViolationData):
            assert draft.data.exceedance is not None
            out.append(("violation", draft.data.exceedance.exceedance[-24:-5], draft.data.exceedance.windows))
    return out


def test_an_exceedance_starts_goes_on_and_ends_under_one_id() -> None:
    watch = DustWatch(sensor(Limit(value_name=PM10, value=150)))
    drafts = run(watch, [100, 200, 300, 250, 140, 160, 100])
    assert episodes(drafts) == [
        ("started", "2026-07-14T16:15:00", 1),
        ("violation", "2026-07-14T16:15:00", 1),
        ("ongoing", "2026-07-14T16:15:00", 2),
        ("ongoing", "2026-07-14T16:15:00", 3),
        ("ended", "2026-07-14T16:15:00", 3),
        ("started", "2026-07-14T17:15:00", 1),
        ("violation", "2026-07-14T17:15:00", 1),
        ("ended", "2026-07-14T17:15:00", 1),
    ]
    ended = next(d.data for d in drafts if isinstance(d.data, ExceedanceData) and d.data.state == "ended")
    assert (ended.peak, ended.since, ended.until) == (
        pytest.approx(300, abs=0.1),
        "2026-07-14T16:15:00.000Z",
        "2026-07-14T17:00:00.000Z",
    )


def test_a_difference_at_the_limit_is_not_above_it_by_a_rounding_error_of_the_machine() -> None:
    """142.3 less 62.3 is 80.00000000000001 to a computer; a case must not rest on that."""
    assert 142.3 - 62.3 > 80.0
    limit = Limit(value_name=PM10, value=80, window_s=3600, background=PM10)
    watch = DustWatch(msgspec.structs.replace(sensor(limit), quality=QualityRules(stuck_s=0)))
    watch.city(CityAir(MIDNIGHT, {PM10: 62.3}))
    reading = [Reading(MIDNIGHT + 60 * i, "dust", {PM10: 142.3}, Quality.NORMAL, "") for i in range(60)]
    drafts = [draft for each in reading for draft in watch.update(each)] + watch.tick(MIDNIGHT + 3600)
    assert episodes(drafts) == []
    watch.city(CityAir(MIDNIGHT + 3600, {PM10: 62.298}))
    reading = [Reading(MIDNIGHT + 3600 + 60 * i, "dust", {PM10: 142.3}, Quality.NORMAL, "") for i in range(60)]
    drafts = [draft for each in reading for draft in watch.update(each)] + watch.tick(MIDNIGHT + 7200)
    assert [state for state, _, _ in episodes(drafts)] == ["started", "violation"]
    data = drafts[-1].data
    assert isinstance(data, ViolationData)
    assert data.exceedance is not None
    assert data.exceedance.judged == 80.002


def test_a_mean_at_the_limit_does_not_exceed_it() -> None:
    watch = DustWatch(sensor(Limit(value_name=PM10, value=150, window_s=60)))
    drafts = [
        d
        for i, v in enumerate((150.0, 150.0, 150.001, 0.0))
        for d in watch.update(Reading(MIDNIGHT + 60 * i, "dust", {PM10: v}))
    ]
    assert [state for state, _, _ in episodes(drafts)] == ["started", "violation"]


def test_windows_that_cannot_be_judged_neither_start_nor_end() -> None:
    watch = DustWatch(sensor(Limit(value_name=PM10, value=150)))
    assert [s for s, _, _ in episodes(run(watch, [200, None, None, None, 200, 100]))] == [
        "started",
        "violation",
        "ongoing",
        "ended",
    ]
    drafts = run(DustWatch(sensor(Limit(value_name=PM10, value=150))), [200, None, None, None, None, 200])
    assert [s for s, _, _ in episodes(drafts)] == ["started", "violation", "ended", "started", "violation"]
    ended = next(d.data for d in drafts if isinstance(d.data, ExceedanceData) and d.data.state == "ended")
    assert (ended.judged, ended.reason) == (None, "no valid data: warming up")


@pytest.mark.parametrize(("share", "judged"), [(0.75, False), (0.6, True), (0.5, True)])
def test_the_least_valid_share_is_the_limits_own(share: float, judged: bool) -> None:
    """Nine of fifteen minutes are measured."""
    watch = DustWatch(sensor(Limit(value_name=PM10, value=150, min_valid_share=share)))
    drafts = run(watch, [200.0] * 9 + [None] * 6, window_s=60)
    assert [state for state, _, _ in episodes(drafts)] == (["started", "violation"] if judged else [])


def test_a_limit_on_the_highest_value_of_a_window() -> None:
    """One minute of fifteen at 299.5: the mean is (7 * 49.5 + 7 * 50.5 + 299.5) / 15."""
    means = [50.0] * 14 + [300.0] + [50.0] * 15
    for statistic, states in (("mean", []), ("max", ["started", "violation", "ended"])):
        limit = Limit(value_name=PM10, value=150, statistic=statistic)  # type: ignore[arg-type]
        drafts = run(DustWatch(sensor(limit)), means, window_s=60)
        assert [state for state, _, _ in episodes(drafts)] == states
    first = next(d.data for d in drafts if isinstance(d.data, ExceedanceData))
    assert (first.judged, first.mean, first.statistic) == (299.5, 66.633, "max")


def test_allowed_exceedances_of_a_day_are_no_violation_and_the_count_begins_anew_at_midnight() -> None:
    limit = Limit(value_name=PM10, value=150, window_s=3600, allowed_per_day=2)
    day = [200.0, 100, 200, 100, 200, 100, *[100.0] * 18]
    drafts = run(DustWatch(sensor(limit)), [*day, 200, 200, 200, 100], window_s=3600)
    violations = [d.data.exceedance for d in drafts if isinstance(d.data, ViolationData)]
    assert [(v.start, v.count_today) for v in violations if v] == [
        ("2026-07-14T20:00:00.000Z", 3),
        ("2026-07-15T18:00:00.000Z", 3),
    ]


def test_background_is_waited_for_and_subtracted() -> None:
    limit = Limit(value_name=PM10, value=80, window_s=3600, background=PM10)
    watch = DustWatch(sensor(limit))
    assert episodes(run(watch, [190, 190, 190], window_s=3600)) == []
    assert watch.city(CityAir(MIDNIGHT + 3600, {PM10: 50.0})) == [], "hour 1 waits for hour 0"
    drafts = watch.city(CityAir(MIDNIGHT, {PM10: 120.0}))
    assert [s for s, _, _ in episodes(drafts)] == ["started", "violation"]
    data = drafts[0].data
    assert isinstance(data, ExceedanceData)
    assert (data.start, data.mean, data.background, data.judged) == ("2026-07-14T17:00:00.000Z", 190, 50, 140)
    assert [s for s, _, _ in episodes(watch.city(CityAir(MIDNIGHT + 7200, {PM10: 150.0})))] == ["ended"]


@pytest.mark.parametrize(
    ("aqi", "primary", "violated"), [(250, "pm10", 0), (250, "o3", 1), (199, "pm10", 1), (None, "", 1)]
)
def test_aqi_adjustment(aqi: float | None, primary: str, violated: int) -> None:
    rule = AqiAdjustment(aqi_min=200, aqi_max=300, primary=["pm10", "pm2_5"], subtract=200)
    watch = DustWatch(sensor(Limit(value_name=TSP, value=500, aqi_adjustment=rule)))
    watch.city(CityAir(MIDNIGHT, aqi=aqi, primary=primary))
    drafts = run(watch, [650], name=TSP)
    assert sum(isinstance(d.data, ViolationData) for d in drafts) == violated


def test_rolling_windows_see_what_aligned_ones_miss_and_say_ongoing_once_a_length() -> None:
    means = [20.0] * 7 + [300.0] * 15 + [20.0] * 23
    limit = Limit(value_name=PM10, value=200)
    aligned = run(DustWatch(sensor(limit)), means, window_s=60)
    assert episodes(aligned) == []
    rolling = Limit(value_name=PM10, value=200, alignment="rolling")
    drafts = run(DustWatch(sensor(rolling)), means, window_s=60)
    # Minutes 7 to 21 at 300, the others at 20: the mean of 15 is above 200 with 10 of them in, so for ends 17 to 27.
    assert episodes(drafts) == [
        ("started", "2026-07-14T16:02:00", 1),
        ("violation", "2026-07-14T16:02:00", 1),
        ("ended", "2026-07-14T16:02:00", 11),
    ]


def test_the_same_readings_give_the_same_drafts() -> None:
    limits = (Limit(value_name=PM10, value=150), Limit(value_name=PM10, value=90, window_s=300, alignment="rolling"))
    means = [100.0, 200, None, 80, 160]
    assert run(DustWatch(sensor(*limits)), means) == run(DustWatch(sensor(*limits)), means)


def test_every_shipped_set_is_read_and_no_figure_from_memory_is_called_confirmed() -> None:
    assert len(names()) >= 5
    for name in names():
        whole = read_set(name)
        assert whole.name == name
        for limit in whole.limit:
            assert limit.source
            assert limit.standard
            assert limit.confirmed is not bool(re.search("unconfirmed", limit.source))
    unconfirmed = {n for n in names() if not all(limit.confirmed for limit in read_set(n).limit)}
    assert unconfirmed == {"jiangsu-db32-4437-2022", "shanghai-db31-964-2016"}


def test_a_figure_is_confirmed_only_where_somebody_wrote_so() -> None:
    """A limit typed into a configuration went out as confirmed, with no standard and no source."""
    drafts = run(DustWatch(sensor(Limit(value_name=PM10, value=150))), [200])
    [data] = [d.data for d in drafts if isinstance(d.data, ViolationData)]
    assert data.exceedance is not None
    assert data.exceedance.confirmed is False


def test_jiangsu_from_the_file() -> None:
    jiangsu = limits_of(DustSensor(driver="modbus", port="simulated:", limits="jiangsu-db32-4437-2022"))
    assert [(li.value_name, li.value, li.window_s, li.alignment) for li in jiangsu] == [
        (TSP, 500, 900, "aligned"),
        (PM10, 80, 3600, "aligned"),
    ]


def test_cases_of_a_set_are_chosen_or_refused() -> None:
    def of(case: str) -> list[Limit]:
        return limits_of(
            DustSensor(driver="x", port="y", limits="liaoning-db21-2642-2016", limits_case=case), "post.toml"
        )

    assert [limit.value for limit in of("suburban")] == [1000]
    with pytest.raises(ConfigError, match=r"post\.toml: dust\.dust\.limits_case: .*suburban, urban; given ''"):
        of("")


def test_an_unknown_set_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'utopia' is no limit set.*jiangsu"):
        limits_of(DustSensor(driver="x", port="y", limits="utopia"))
    broken = tmp_path / "own.toml"
    broken.write_text('name = "own"\ntitle = ""\n[[limit]]\nvalue_name = "pm10_ug_m3"\nvalue = -1.0\n')
    with pytest.raises(ConfigError, match=r"own\.toml: .*limit\[0\]\.value"):
        limits_of(DustSensor(driver="x", port="y", limits=str(broken)))


def test_windows_without_a_common_base_are_refused() -> None:
    with pytest.raises(ConfigError, match="share no base"):
        limits_of(DustSensor(driver="x", port="y", report_window_s=59.999))

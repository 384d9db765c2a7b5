"""Windows and exceedances under clocks that jump, in zones with summer time, and at any rate of readings."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from drivers.readings import Reading
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import Draft, DustData, ExceedanceData, Statistic, ViolationData

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China
PM10 = "pm10_ug_m3"
QUARTER = Limit(value_name=PM10, value=150)
ROLLING = Limit(value_name=PM10, value=150, alignment="rolling")


def watch(*limits: Limit, interval_s: float = 1.0) -> DustWatch:
    return DustWatch(DustSensor(driver="x", port="y", interval_s=interval_s, limits=list(limits)))


def seconds(watch: DustWatch, first: float, count: int, value: float, hz: int = 1) -> list[Draft]:
    """Readings of ``value``, wobbling by half a microgram from second to second."""
    drafts = []
    for n in range(count * hz):
        wobble = 0.5 if n // hz % 2 else -0.5
        drafts += watch.update(Reading(MIDNIGHT + first + n / hz, "dust", {PM10: value + wobble}))
    return drafts


def windows(drafts: list[Draft], window_s: float) -> list[tuple[str, Statistic]]:
    found = [draft.data for draft in drafts if isinstance(draft.data, DustData)]
    return [(data.start, data.values[PM10]) for data in found if data.window_s == window_s]


def exceedances(drafts: list[Draft]) -> list[ExceedanceData]:
    return [draft.data for draft in drafts if isinstance(draft.data, ExceedanceData)]


def violations(drafts: list[Draft]) -> int:
    return sum(isinstance(draft.data, ViolationData) for draft in drafts)


def test_ten_readings_a_second_give_the_windows_of_one() -> None:
    def of(hz: int) -> list[tuple[object, ...]]:
        watched = watch(QUARTER, interval_s=1 / hz)
        drafts = seconds(watched, 0, 900, 200, hz) + watched.tick(MIDNIGHT + 900)
        assert {s.count for _, s in windows(drafts, 60)} == {60 * hz}
        told = [(start, s.mean, s.min, s.max, s.flag, s.share) for start, s in windows(drafts, 60)]
        return [*told, *((e.state, e.mean, e.valid_share) for e in exceedances(drafts))]

    assert of(10) == of(1)
    assert len(of(1)) == 16


def test_a_clock_set_forward_by_an_hour_closes_what_was_open_and_judges_no_gap() -> None:
    """The quarter that holds the jump has too few samples, on both sides of it."""
    watched = watch(QUARTER, ROLLING)
    drafts = seconds(watched, 0, 600, 300) + seconds(watched, 4200, 2400, 300) + watched.tick(MIDNIGHT + 6600)
    quarters = [e for e in exceedances(drafts) if e.alignment == "aligned"]
    assert [e.start[11:16] for e in quarters] == ["17:15", "17:30"]
    assert all(e.valid_share == 1 for e in quarters)
    rolling = [e for e in exceedances(drafts) if e.alignment == "rolling"]
    assert rolling[0].since[11:16] == "17:07", "it ends 12 minutes after the jump, the first with three quarters"
    hour = dict(windows(drafts, 3600))["2026-07-14T16:00:00.000Z"]
    assert (hour.count, hour.flag) == (600, "B")


def test_a_clock_set_back_in_the_midst_of_an_exceedance_leaves_it_one_event_counted_once() -> None:
    watched = watch(QUARTER)
    drafts = seconds(watched, 0, 3900, 300) + seconds(watched, 2100, 3600, 300) + seconds(watched, 5700, 1200, 20)
    told = exceedances(drafts)
    assert len({e.exceedance for e in told}) == 1
    assert [told[0].state, told[-1].state] == ["started", "ended"]
    assert violations(drafts) == 1
    assert told[-1].count_today == 6, "the quarters from 16:00 to 17:30 (UTC), each once"


def test_a_reading_from_the_past_changes_nothing_and_one_from_the_future_is_a_gap() -> None:
    watched = watch(QUARTER)
    drafts = seconds(watched, 0, 1000, 300)
    drafts += watched.update(Reading(MIDNIGHT - 86400, "dust", {PM10: 9.0}))
    drafts += seconds(watched, 1000, 1250, 300)
    assert [(e.state, e.start[11:16]) for e in exceedances(drafts)] == [("started", "16:00"), ("ongoing", "16:15")]
    drafts = watched.update(Reading(MIDNIGHT + 7 * 86400, "dust", {PM10: 9.0}))
    drafts += seconds(watched, 2250, 1350, 300) + watched.tick(MIDNIGHT + 3600)
    told = exceedances(drafts)
    assert [(e.state, e.start[11:16], e.reason) for e in told] == [
        ("ended", "16:00", "no valid data: a gap"),
        ("started", "16:45", ""),
    ]
    assert told[0].until == "2026-07-14T16:30:00.000Z"


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_days_have_24_hours_whatever_the_machines_zone_does() -> None:
    """2026-03-08 has 23 hours in New York and 24 in China, whose clocks the site goes by."""
    march = DustWatch(DustSensor(driver="x", port="y", interval_s=600, report_window_s=600))
    start = 1772812800.0  # 2026-03-07 00:00 in China
    drafts = []
    for n in range(3 * 144 + 1):
        drafts += march.update(Reading(start + 600 * n, "dust", {PM10: 50.0 + n % 2}))
    days = windows(drafts, 86400)
    assert [begin for begin, _ in days] == [f"2026-03-0{day}T16:00:00.000Z" for day in (6, 7, 8)]
    assert {s.count for _, s in days} == {144}

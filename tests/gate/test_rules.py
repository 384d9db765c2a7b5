"""Washing and permitted hours: the wash bay lies above the line (y = 180), and the site above the wash bay."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_agent.config import Gate
from edge_agent.config.gate import Hours, Wash
from edge_agent.gate.rules import permitted
from tests.gate.actors import SECTION, Actor, Path, Stage, drive, passages, violations

BAY = Wash(zone=[(0.2, 0.25), (0.8, 0.25), (0.8, 0.45), (0.2, 0.45)], min_dwell_s=10)
AT_BAY = (320.0, 130.0)


def section(**changes: object) -> Gate:
    return Gate(camera=SECTION.camera, line=SECTION.line, out=SECTION.out, **changes)  # type: ignore[arg-type]


def washed(path: Path, seconds: float = 50, rate: float = 5.0) -> tuple[float | None, list[str]]:
    drafts = Stage(Actor(path), rate=rate, section=section(wash=BAY)).play(seconds)
    (passage,) = passages(drafts)
    return passage.wash_dwell_s, [kind for kind, _ in violations(drafts)]


@pytest.mark.parametrize("rate", [2.0, 5.0])
def test_a_truck_that_stood_in_the_bay_long_enough_is_washed(rate: float) -> None:
    path = drive((8, 320, 75), (12, *AT_BAY), (26, *AT_BAY), (31, 320, 355))
    dwell_s, kinds = washed(path, rate=rate)
    assert kinds == []
    assert dwell_s is not None
    assert 14 <= dwell_s <= 18


def test_a_truck_that_drives_through_the_bay_is_unwashed() -> None:
    dwell_s, kinds = washed(drive((8, 320, 75), (14, 320, 355)))
    assert kinds == ["unwashed_exit"]
    assert dwell_s is not None
    assert 0 < dwell_s < 3


def test_a_truck_that_goes_round_the_bay_is_unwashed() -> None:
    path = drive((8, 560, 75), (12, 570, 140), (40, 570, 140), (45, 560, 355))
    assert washed(path, seconds=60) == (0.0, ["unwashed_exit"])


def test_one_that_comes_in_need_not_be_washed() -> None:
    assert washed(drive((8, 320, 355), (14, 320, 75)))[1] == []


def test_of_one_that_was_there_before_the_watch_began_nothing_is_known() -> None:
    assert washed(drive((0, *AT_BAY), (2, *AT_BAY), (7, 320, 355))) == (None, [])


def test_two_visits_to_the_bay_add_up() -> None:
    path = drive(
        (8, 320, 75),
        (10, *AT_BAY),
        (15, *AT_BAY),
        (17, 320, 75),
        (18, 320, 75),
        (20, *AT_BAY),
        (27, *AT_BAY),
        (31, 320, 355),
    )
    dwell_s, kinds = washed(path)
    assert kinds == []
    assert dwell_s is not None
    assert 12 <= dwell_s <= 17


@pytest.mark.slow
def test_spray_that_hides_a_truck_takes_nothing_from_its_time() -> None:
    before = drive((8, 320, 75), (12, *AT_BAY), (23, *AT_BAY))
    after = drive((63, *AT_BAY), (66, *AT_BAY), (71, 320, 355))
    drafts = Stage(Actor(before), Actor(after), section=section(wash=BAY)).play(80)
    left = [p for p in passages(drafts) if p.direction == "out"]
    assert [p.wash_dwell_s >= 12 for p in left if p.wash_dwell_s is not None] == [True]
    assert violations(drafts) == []


def test_the_next_truck_does_not_get_the_time_of_one_that_vanished_in_the_bay() -> None:
    """The first is never seen to leave; the second is first seen in the bay, beside where the first was."""
    first = drive((8, 250, 75), (12, 250, 130), (20, 250, 130))
    second = drive((29, 420, 110), (34, 420, 355))
    drafts = Stage(Actor(first), Actor(second), rate=2.5, section=section(wash=BAY)).play(45)
    assert [(p.direction, p.wash_dwell_s) for p in passages(drafts)] == [("standing", 6.6), ("out", None)]


def test_the_next_truck_does_not_get_the_time_of_a_part_of_the_one_before() -> None:
    """For six seconds the detector finds the cab of the washing truck once more."""
    whole = drive((8, 320, 75), (12, *AT_BAY), (26, *AT_BAY), (31, 320, 355))
    cab = Actor(drive((14, 330, 128), (20, 330, 128)), width=40, height=30)
    second = drive((30, 320, 75), (36, 320, 355))
    drafts = Stage(Actor(whole), cab, Actor(second), rate=2.5, section=section(wash=BAY)).play(50)
    washed_s, through_s = (p.wash_dwell_s for p in passages(drafts) if p.direction == "out")
    assert washed_s == pytest.approx(16.5, abs=2)
    assert through_s == pytest.approx(1.5, abs=1)
    assert [kind for kind, _ in violations(drafts)] == ["unwashed_exit"]


def test_a_truck_first_seen_inside_the_bay_is_not_accused() -> None:
    """Spray hid it while it came, for nobody knows how long."""
    assert washed(drive((30, *AT_BAY), (33, *AT_BAY), (38, 320, 355))) == (None, [])


@pytest.mark.parametrize("gap", [(10.0, 14.0), (22.0, 26.0)])
def test_seconds_in_which_nobody_looked_at_the_bay_count_for_the_truck(gap: tuple[float, float]) -> None:
    """It stands there from 12 to 23 s; the frames of its coming, or its going, are missing."""
    path = drive((8, 320, 75), (12, *AT_BAY), (23, *AT_BAY), (28, 320, 355))
    drafts = Stage(Actor(path), gap=gap, section=section(wash=BAY)).play(40)
    (passage,) = passages(drafts)
    assert passage.wash_dwell_s is not None
    assert 11 <= passage.wash_dwell_s <= 17
    assert violations(drafts) == []


def test_a_loaded_truck_that_leaves_outside_the_permitted_hours() -> None:
    out = drive((1, 320, 75), (7, 320, 355))
    day = section(hours=Hours(permitted=["22:00-05:00"], utc_offset_h=8))
    night = section(hours=Hours(permitted=["07:00-09:00"], utc_offset_h=8))
    """Stages play at 08:00 in China on 1 January 1970."""
    for kind, load, where in ((["outside_hours"], "covered", day), ([], "empty", day), ([], "covered", night)):
        assert [k for k, _ in violations(Stage(Actor(out, load=load), section=where).play(14))] == kind
    ((_, draft),) = violations(Stage(Actor(out), section=day).play(14))
    assert draft.data.limit == "permitted 22:00-05:00 (UTC+8)"  # type: ignore[attr-defined]
    inward = drive((1, 320, 355), (7, 320, 75))
    assert violations(Stage(Actor(inward), section=day).play(14)) == []


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("04:59", True), ("05:00", False)],
)
def test_a_window_over_midnight_in_local_time(text: str, allowed: bool) -> None:
    hours = Hours(permitted=["22:00-05:00"], utc_offset_h=8)
    local = datetime.fromisoformat(f"2026-07-09T{text}:00+08:00")
    assert permitted(hours, local.timestamp()) is allowed


minutes = st.integers(0, 24 * 60 - 1)


@settings(deadline=None)
@given(minutes, minutes, st.integers(0, 4_000_000_000), st.sampled_from([-5.0, 0.0, 5.5, 8.0]))
def test_windows_agree_with_the_calendar(begin: int, end: int, time: int, offset_h: float) -> None:
    assume(begin != end)
    window = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    local = datetime.fromtimestamp(time + offset_h * 3600, UTC)
    now = local.hour * 60 + local.minute
    inside = begin <= now < end if begin < end else now >= begin or now < end
    assert permitted(Hours(permitted=[window], utc_offset_h=offset_h), time) is inside

"""Spills are told once, with their truck; what light, water, people and paper do to a road is not.

`road/*.jpg` are rendered scenes (``models.scenes.spills``), the road before a truck above the road after it; they are
played with sensor noise and a truck that crosses in between.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config.gate import Spillage
from edge_agent.gate.ring import Scenery
from edge_agent.gate.road import Road
from edge_agent.gate.spillage import SpillWatch
from edge_agent.messages import Draft, ViolationData
from edge_agent.vision.detections import Box, Track
from edge_agent.vision.network import Image
from tests.gate.actors import passed

ROAD = Path(__file__).parent / "road"
TRUTH = json.loads((ROAD / "truth.json").read_text())
ZONE = [tuple(point) for point in TRUTH["zone"]]
SECTION = Spillage(zone=ZONE, confirm_s=5.0)
SPILLS = sorted(name for name, seen in TRUTH["scenes"].items() if "spill" in seen)
# A person who stands still for longer than confirm_s would be told: the walker goes on, which the clip shows.
CLEAN = sorted(set(TRUTH["scenes"]) - set(SPILLS) - {"road-walker"})
ENTERS_S, LEAVES_S, ENDS_S = 7.0, 10.0, 18.0

Scene = Callable[[float], Image]


def pair(name: str) -> tuple[Image, Image]:
    both = np.asarray(cv2.imread(str(ROAD / f"{name}.jpg")), np.uint8)
    half = both.shape[0] // 2
    return both[:half], both[half:]


GRAIN = [np.random.default_rng(k).normal(0, 2.0, (256, 480, 3)).astype(np.float32) for k in range(3)]


def noisy(image: Image, seed: int) -> Image:
    return np.clip(image + GRAIN[seed % 3], 0, 255).astype(np.uint8)


def track(number: int, label: str, box: Box, time: float) -> Track:
    return Track(number, label, 0.9, box, time, time, 9, False, box)


def crossing(time: float, enters_s: float = ENTERS_S, leaves_s: float = LEAVES_S) -> Box | None:
    """A truck's box in a picture of 480×256, from left to right over the whole zone."""
    if not enters_s <= time < leaves_s:
        return None
    x = -150 + (time - enters_s) / (leaves_s - enters_s) * 780
    left, right = max(0.0, x - 130), min(480.0, x + 130)
    return (left, 0.0, right, 250.0) if right - left > 10 else None


def painted(image: Image, box: Box, seed: int) -> Image:
    left, top, right, bottom = map(int, box)
    shape = (bottom - top, right - left, 3)
    image[top:bottom, left:right] = np.random.default_rng(seed).integers(20, 220, shape, np.uint8)
    return image


def play(
    scene: Scene,
    fps: float = 5.0,
    ends_s: float = ENDS_S,
    trucks: Sequence[tuple[int, float, float]] = ((7, ENTERS_S, LEAVES_S),),
    standing: Sequence[Track] = (),
    label: str = "truck",
    watch: SpillWatch | None = None,
    people: tuple[Box, ...] = (),
) -> list[Draft]:
    watch = watch or SpillWatch(SECTION, ("truck", "bus"))
    drafts: list[Draft] = []
    for k in range(int(ends_s * fps)):
        time = k / fps
        if not watch.due(time):
            continue
        image, tracks = noisy(scene(time), k), list(standing)
        for number, enters_s, leaves_s in trucks:
            box = crossing(time, enters_s, leaves_s)
            if box:
                image = painted(image, box, k)
                tracks.append(track(number, label, box, time))
        drafts += watch.update(time, image, tracks, Scenery({t.id: t.box for t in tracks}, people))
    return drafts + watch.finish()


def changed(name: str, at_s: float = ENTERS_S + 1.5) -> Scene:
    before, after = pair(name)
    return lambda time: before if time < at_s else after


def data(drafts: list[Draft]) -> ViolationData:
    assert len(drafts) == 1
    assert isinstance(drafts[0].data, ViolationData)
    return drafts[0].data


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("name", SPILLS)
@pytest.mark.parametrize("fps", [pytest.param(2, marks=pytest.mark.slow), 5, pytest.param(10, marks=pytest.mark.slow)])
def test_a_spill_is_told_once_where_it_lies(name: str, fps: float) -> None:
    drafts = play(changed(name), fps)
    found = data(drafts)
    assert found.kind == "spillage"
    assert found.spillage
    assert overlap(found.spillage.box, TRUTH["scenes"][name]["spill"]) > 0.5
    assert found.spillage.share_of_zone == pytest.approx(TRUTH["scenes"][name]["share"], rel=0.75)
    assert [p.role for p in drafts[0].pictures] == ["full", "full", "full", "crop"]
    before, passing, after, _ = (p.time for p in drafts[0].pictures)
    assert before < ENTERS_S <= passing < LEAVES_S < after - 4


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("fps", [pytest.param(2, marks=pytest.mark.slow), 5, pytest.param(10, marks=pytest.mark.slow)])
def test_what_only_looks_like_it_is_not_told(name: str, fps: float) -> None:
    vehicle = TRUTH["scenes"][name].get("vehicle")
    box = (vehicle[0] * 480, vehicle[1] * 256, vehicle[2] * 480, vehicle[3] * 256) if vehicle else None
    assert play(changed(name), fps, standing=[track(1, "car", box, 0.0)] if box else ()) == []


def test_a_change_without_a_truck_is_not_told() -> None:
    assert play(changed("spill-day"), trucks=()) == []
    assert play(changed("spill-day"), label="car") == []


def test_nothing_is_told_before_the_road_was_seen_at_rest() -> None:
    assert play(changed("spill-day"), trucks=[(7, 0.0, 3.0)]) == []


def test_nothing_is_told_in_the_dark() -> None:
    before, after = pair("spill-night")
    assert play(lambda time: (before if time < 9.5 else after) // 12) == []


def test_nothing_is_told_while_a_vehicle_hides_it() -> None:
    where = TRUTH["scenes"]["spill-day"]["spill"]
    box = (where[0] * 480 - 20, where[1] * 256 - 20, where[2] * 480 + 20, where[3] * 256 + 20)
    assert play(changed("spill-day"), 2, ends_s=40, standing=[track(1, "car", box, 0.0)]) == []


def test_what_moves_on_is_not_told() -> None:
    before, after = pair("road-walker")
    assert play(lambda time: after if 11 <= time < 15 else before) == []


@pytest.mark.parametrize("name", ["road-walker", "spill-day"])
def test_who_comes_behind_a_truck_and_stands_still_is_not_told(name: str) -> None:
    """The road is never at rest for long enough before the next truck comes; the second case has a spill's look."""
    trucks = ((7, ENTERS_S, LEAVES_S), (8, LEAVES_S + 4.5, LEAVES_S + 7.5))
    assert play(changed(name, LEAVES_S + 3), ends_s=30, trucks=trucks) == []


def test_what_stands_in_the_zone_is_hidden_in_the_close_crop_too() -> None:
    """``people`` of the last look stand beside the spill, to the left of its box's surroundings and into them."""
    x1, y1, x2, y2 = data(play(changed("spill-day"))).spillage.box  # type: ignore[union-attr]
    person = (480 * x1 - 40.0, 256 * y1, 480 * x1, 256 * y2)
    (draft,) = play(changed("spill-day"), people=(person,))
    *_, after, crop = draft.pictures
    assert after.hide == (person,)
    ((left, top, right, bottom),) = crop.hide
    corner = 480 * max(0.0, x1 - (x2 - x1) / 2), 256 * max(0.0, y1 - (y2 - y1) / 2)
    assert (left, top) == pytest.approx((person[0] - corner[0], person[1] - corner[1]), abs=1)
    assert (right - left, bottom - top) == pytest.approx((40, 256 * (y2 - y1)))


def test_the_next_truck_is_not_blamed_and_the_spill_is_not_told_again() -> None:
    watch = SpillWatch(SECTION, ("truck",))
    for number in (7, 8):
        watch.passed(number, passed(number))
    drafts = play(changed("spill-day"), 2, ends_s=45, trucks=[(7, 8, 11), (8, 24, 27)], watch=watch)
    found = data(drafts)
    assert found.passage
    assert found.passage.passage == "passage-7"


@pytest.mark.parametrize(("spilt_by", "at_s"), [(7, 9.5), (8, 15.5)])
def test_of_two_trucks_in_a_row_the_one_that_spilt_is_named(spilt_by: int, at_s: float) -> None:
    watch = SpillWatch(SECTION, ("truck",))
    for number in (7, 8):
        watch.passed(number, passed(number))
    drafts = play(changed("spill-day", at_s), fps=2, ends_s=28, trucks=[(7, 8, 11), (8, 14, 17)], watch=watch)
    found = data(drafts)
    assert found.passage
    assert found.passage.passage == f"passage-{spilt_by}"
    assert found.spillage
    assert found.spillage.trucks == 2


@pytest.mark.parametrize("spilt_by", [0, 9])
def test_of_more_trucks_than_are_remembered_no_other_is_named(spilt_by: int) -> None:
    watch = SpillWatch(SECTION, ("truck",))
    trucks = [(number, 7 + 3 * number, 8.5 + 3 * number) for number in range(10)]
    for number, _, _ in trucks:
        watch.passed(number, passed(number))
    found = data(play(changed("spill-day", 7.75 + 3 * spilt_by), 4, ends_s=45, trucks=trucks, watch=watch))
    assert (found.passage.passage if found.passage else None) == {0: None, 9: "passage-9"}[spilt_by]


def test_no_truck_is_named_where_the_road_was_hidden_between_two() -> None:
    watch = SpillWatch(SECTION, ("truck",))
    for number in (7, 8):
        watch.passed(number, passed(number))
    found = data(play(changed("spill-day"), fps=2, ends_s=28, trucks=[(7, 8, 11), (8, 8.5, 11.5)], watch=watch))
    assert found.passage is None


def test_a_spill_is_told_again_after_the_road_was_cleaned() -> None:
    before, after = pair("spill-day")
    scene: Scene = lambda time: after if 9.5 <= time < 22 or time >= 41.5 else before  # noqa: E731
    drafts = play(scene, 2, ends_s=55, trucks=[(7, 8, 11), (8, 40, 43)])
    assert [draft.time for draft in drafts] == [pytest.approx(16, abs=1.5), pytest.approx(48, abs=1.5)]


def test_what_one_truck_leaves_in_two_places_is_one_spill() -> None:
    before, after = pair("spill-day")
    twice = after.copy()
    twice[130:230, 150:290] = np.roll(after, (60, -75), (0, 1))[130:230, 150:290]
    found = data(play(lambda time: before if time < 8.5 else twice, 2))
    assert found.spillage
    assert found.spillage.share_of_zone > 1.5 * TRUTH["scenes"]["spill-day"]["share"]


def test_a_passage_that_goes_on_is_waited_for() -> None:
    watch = SpillWatch(SECTION, ("truck",))
    scene, tracks = changed("spill-day"), [track(7, "truck", (400.0, 0.0, 470.0, 60.0), 0.0)]
    told: list[Draft] = []
    for k in range(60):
        time = k / 2
        box = crossing(time)
        image = painted(noisy(scene(time), k), box, k) if box else noisy(scene(time), k)
        now = [track(7, "truck", box, time)] if box else tracks if 11 <= time < 22 else []
        told += watch.update(time, image, now, Scenery({}))
        if time == 21.5:
            assert told == []
            watch.passed(7, passed(7))
    found = data(told)
    assert found.passage
    assert found.passage.passage == "passage-7"
    assert told[0].subject == "passage-7"


def test_the_clock_may_be_set_while_a_spill_is_confirmed() -> None:
    watch, scene, by_s = SpillWatch(SECTION, ("truck",)), changed("spill-day"), 1e6
    told: list[Draft] = []
    for k in range(50):
        time = k / 2
        box = crossing(time)
        image = painted(noisy(scene(time), k), box, k) if box else noisy(scene(time), k)
        if time == 13:
            watch.shift(by_s)
        now = time + (by_s if time >= 13 else 0)
        told += watch.update(now, image, [track(7, "truck", box, now)] if box else [], Scenery({}))
    assert len(told) == 1
    assert told[0].time > by_s


@settings(max_examples=25, deadline=None)
@given(
    gain=st.floats(0.5, 1.8),
    offset=st.floats(-12, 20),
    tint=st.tuples(*[st.floats(0.93, 1.07)] * 3),
    slope=st.floats(-0.5, 0.5),
    sigma=st.floats(0, 5),
    name=st.sampled_from(["spill-day", "spill-night", "spill-asphalt", "road-rain"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_light_and_noise_are_never_material(
    gain: float,
    offset: float,
    tint: tuple[float, float, float],
    slope: float,
    sigma: float,
    name: str,
    seed: int,
) -> None:
    before, _ = pair(name)
    across = 1 + slope * np.linspace(-1, 1, before.shape[1])[None, :, None]
    lit = np.clip(before * (gain * across * np.array(tint)) + offset, 0, 255).astype(np.uint8)
    road = Road(ZONE, (before.shape[0], before.shape[1]))
    noise = np.random.default_rng(seed)
    grainy = [np.clip(each + noise.normal(0, sigma, each.shape), 0, 255).astype(np.uint8) for each in (before, lit)]
    views = [road.view(each) for each in grainy]
    assert road.material(views[0], views[1], road.mask, SECTION.min_share) == []
    assert road.material(views[1], views[0], road.mask, SECTION.min_share) == []


@settings(max_examples=30, deadline=None)
@given(gain=st.floats(0.6, 1.4), slope=st.floats(-0.3, 0.3), name=st.sampled_from(SPILLS))
def test_material_is_found_in_any_light_and_cleaning_is_none(gain: float, slope: float, name: str) -> None:
    """Light material only in the same light: else a patch of sun would be taken for sand."""
    before, after = pair(name)
    across = 1 + slope * np.linspace(-1, 1, before.shape[1])[None, :, None]
    lit = np.clip(after * gain * across, 0, 255).astype(np.uint8)
    road = Road(ZONE, (before.shape[0], before.shape[1]))
    clean, spilt = road.view(before), road.view(lit)
    if name != "spill-asphalt" or 0.9 < gain < 1.1:
        assert road.material(clean, spilt, road.mask, SECTION.min_share)
    assert road.material(road.view(after), clean, road.mask, SECTION.min_share) == []

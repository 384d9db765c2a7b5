"""The tracker holds an id at 2 to 5 frames a second, over gaps, near others, and never gives one twice."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.vision.detections import Detection
from edge_agent.vision.tracker import Tracker, overlap

SIZE = 120.0
SCENE = (1080, 1920)


def at(x: float, y: float = 300.0, label: str = "truck", score: float = 0.8, size: float = SIZE) -> Detection:
    return Detection(label, score, (x, y, x + size, y + size))


def ids(tracker: Tracker, steps: Iterable[tuple[float, list[Detection]]]) -> set[int]:
    return {track.id for time, found in steps for track in tracker.update(time, found, SCENE)}


@pytest.mark.parametrize("rate", [2.0, 3.0, 5.0, 10.0])
@pytest.mark.parametrize("speed", [20.0, 100.0, 220.0])
def test_one_moving_truck_is_one_id(rate: float, speed: float) -> None:
    """220 pixels a second at 2 frames a second is nearly a truck's length between frames: no overlap."""
    steps = [(k / rate, [at(speed * k / rate)]) for k in range(int(4 * rate))]
    assert ids(Tracker(), steps) == {1}


def test_a_gap_of_several_seconds_keeps_the_id() -> None:
    before = [(k * 0.4, [at(40.0 * k * 0.4)]) for k in range(6)]
    hidden = [(2.4 + k * 0.4, []) for k in range(1, 7)]
    after = [(5.2 + k * 0.4, [at(40.0 * (5.2 + k * 0.4))]) for k in range(4)]
    assert ids(Tracker(lost_after_s=4.0), [*before, *hidden, *after]) == {1}


def test_a_truck_hidden_in_mid_picture_is_held_longer_than_one_that_left_at_the_edge() -> None:
    for x, held in ((600.0, {1}), (1500.0, {1, 2})):
        tracker = Tracker(lost_after_s=3.0)
        steps = [(k * 0.4, [at(x + 24.0 * k)]) for k in range(13)]
        steps += [(5.2 + k, []) for k in range(6)]
        steps += [(11.4, [at(x + 24.0 * 14)]), (11.8, [at(x + 24.0 * 15)])]
        assert ids(tracker, steps) == held


def test_trucks_that_meet_keep_their_ids() -> None:
    tracker = Tracker()
    for k in range(20):
        t = k * 0.25
        tracker.update(t, [at(100 * t, 300.0), at(600 - 100 * t, 420.0)], SCENE)
    assert [round(track.box[0]) for track in tracker.tracks()] == [475, 125]
    assert [track.id for track in tracker.tracks()] == [1, 2]


def cut(x: float) -> Detection:
    """One at ``x``, as far as the picture goes."""
    return Detection("truck", 0.8, (x, 300.0, min(x + SIZE, float(SCENE[1])), 300.0 + SIZE))


def test_one_that_comes_in_where_another_has_just_left_is_not_that_one() -> None:
    leaves = [(k * 0.4, [cut(1500 + 100 * k * 0.4)]) for k in range(11)]
    comes = [(4.4 + k * 0.4, [cut(1860 - 100 * k * 0.4)]) for k in range(6)]
    assert ids(Tracker(), [*leaves, *comes]) == {1, 2}


def test_one_that_rolls_back_at_the_edge_is_the_same() -> None:
    """It slows down, stands a second there, and comes back."""
    out = [1500.0, 1600.0, 1700.0, 1780.0, 1820.0, 1840.0, 1845.0, 1845.0, 1845.0, 1845.0]
    steps = [(k * 0.4, [cut(x)]) for k, x in enumerate([*out, 1835.0, 1815.0, 1780.0, 1740.0, 1690.0])]
    assert ids(Tracker(), steps) == {1}


def test_a_box_that_jumps_once_at_the_edge_is_no_way_out() -> None:
    """Of a truck that comes in slowly only the cab is found once."""
    whole = [Detection("truck", 0.8, (100.0 + 4 * k, 0.0, 260.0 + 4 * k, 60.0 + 4 * k)) for k in range(12)]
    cab = Detection("truck", 0.8, (110.0, 0.0, 220.0, 45.0))
    steps = [(k * 0.2, [cab if k == 6 else one]) for k, one in enumerate(whole)]
    assert ids(Tracker(), steps) == {1}


def test_a_single_weak_detection_is_no_track() -> None:
    tracker = Tracker()
    assert tracker.update(0.0, [at(0, score=0.4)], SCENE) == []
    assert tracker.candidates == 1
    tracker.update(1.0, [], SCENE)
    assert tracker.update(9.0, [], SCENE) == []


def test_the_label_is_voted() -> None:
    tracker = Tracker()
    for k, label in enumerate(["bus", "truck", "truck", "bus", "truck"]):
        tracker.update(k * 0.4, [at(10.0 * k, label=label)], SCENE)
    assert tracker.tracks()[0].label == "truck"


def test_one_box_that_jumps_does_not_make_a_standing_truck_move() -> None:
    tracker = Tracker()
    for k in range(20):
        tracker.update(k * 0.5, [at(200.0 + 30 * (k == 12))], SCENE)
        assert tracker.tracks() == [] or k < 8 or tracker.tracks()[0].still


def test_a_clock_that_is_set_back_shifts_what_is_remembered() -> None:
    tracker = Tracker()
    for k in range(4):
        tracker.update(1000.0 + k, [at(200.0 + 40 * k)], SCENE)
    tracker.shift(-900.0)
    track = tracker.update(104.0, [at(360.0)], SCENE)[0]
    assert (track.id, track.first_seen, track.seen) == (1, 100.0, 104.0)


def test_who_stands_is_still_and_who_drives_off_is_not() -> None:
    tracker = Tracker()
    for k in range(12):
        tracker.update(k * 0.5, [at(200.0 + k % 2)], SCENE)
    assert tracker.tracks()[0].still
    for k in range(12, 16):
        tracker.update(k * 0.5, [at(200.0 + 30 * (k - 11))], SCENE)
    assert not tracker.tracks()[0].still
    assert tracker.tracks()[0].id == 1


def test_one_missed_look_does_not_lose_a_truck_that_stands() -> None:
    tracker = Tracker(lost_after_s=3.0)
    for k in range(10):
        tracker.update(k * 0.5, [at(200.0)], SCENE)
    tracker.update(10.0, [], SCENE)
    assert [t.id for t in tracker.update(15.0, [at(200.0)], SCENE)] == [1]


boxes = st.builds(
    at,
    st.floats(0, 1800),
    st.floats(0, 900),
    st.sampled_from(["truck", "bus", "car"]),
    st.floats(0.25, 1),
    st.floats(1, 600),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 8), st.lists(boxes, max_size=5)), max_size=25))
def test_whatever_is_seen_ids_grow_and_are_never_shared(steps: list[tuple[float, list[Detection]]]) -> None:
    tracker = Tracker()
    time, newest = 0.0, 0
    for gap, found in steps:
        time += gap
        tracks = tracker.update(time, found, SCENE)
        numbers = [track.id for track in tracks]
        assert len(set(numbers)) == len(numbers)
        assert all(track.first_seen <= track.seen <= time for track in tracks)
        assert all(track.box in [d.box for d in found] for track in tracks if track.seen == time)
        fresh = [track.id for track in tracks if track.first_seen == time]
        assert all(number > newest for number in fresh)
        newest = max([newest, *fresh])


def test_overlap_of_half_shifted_squares_is_a_third() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)

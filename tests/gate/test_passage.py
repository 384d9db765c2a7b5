"""Every truck is one passage with the right direction, whatever it does in the gate; the line lies at y = 180."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import Camera, Gate
from edge_agent.gate.passage import Line, Passages
from edge_agent.vision.detections import Detection
from edge_agent.vision.tracker import Tracker
from tests.gate.actors import HEIGHT, SECTION, WIDTH, Actor, Stage, drive, passages

OUT = drive((1, 320, 75), (7, 320, 355))
IN = drive((1, 320, 355), (7, 320, 75))


def directions(*actors: Actor, seconds: float = 14, rate: float = 5.0, gap: tuple[float, float] = (0, 0)) -> list[str]:
    return [p.direction for p in passages(Stage(*actors, rate=rate, gap=gap).play(seconds))]


@pytest.mark.parametrize("rate", [2.0, 5.0, 10.0])
def test_out_and_in_at_any_frame_rate(rate: float) -> None:
    assert directions(Actor(OUT), rate=rate) == ["out"]
    assert directions(Actor(IN), rate=rate) == ["in"]


def test_a_truck_already_there_is_one_standing_passage() -> None:
    assert directions(Actor(drive((0, 320, 150), (60, 322, 151))), seconds=60) == ["standing"]


def test_a_truck_already_there_that_leaves_is_one_passage_out() -> None:
    assert directions(Actor(drive((0, 320, 120), (20, 320, 120), (26, 320, 355))), seconds=34) == ["out"]


def test_a_truck_that_stops_on_the_line_is_one_passage() -> None:
    path = drive((1, 320, 75), (4, 320, 180), (40, 321, 181), (44, 320, 355))
    assert directions(Actor(path), seconds=50) == ["out"]


def test_a_truck_that_parks_in_the_gate_for_an_hour_is_one_passage() -> None:
    """Looked at every five seconds, its box jumping about by a pixel; then it leaves."""
    tracker, gate = Tracker(), Passages(SECTION)
    way = drive((1, 320, 75), (5, 320, 175), (3605, 320, 175), (3611, 320, 355))
    times = [*np.arange(0, 8, 0.4), *np.arange(8, 3605, 5), *np.arange(3605, 3625, 0.4)]
    ended = []
    for k, time in enumerate(times):
        box = Actor(way).box(time)
        jump = k % 3 - 1
        found = [Detection("truck", 0.8, (box[0] + jump, box[1], box[2] + jump, box[3] + jump))] if box else []
        ended += gate.update(time, tracker.update(time, found, (HEIGHT, WIDTH)), (HEIGHT, WIDTH))
    assert [passage.direction for passage in [*ended, *gate.finish()]] == ["out"]


def test_a_truck_that_looks_out_and_goes_back_did_not_leave() -> None:
    path = drive((1, 320, 80), (4, 320, 240), (6, 320, 240), (9, 320, 80))
    assert directions(Actor(path)) == ["standing"]


def test_a_truck_that_only_drives_by_is_no_passage() -> None:
    assert directions(Actor(drive((1, 50, 300), (6, 600, 300)))) == []


def test_a_car_is_no_passage() -> None:
    assert directions(Actor(OUT, label="car")) == []


def test_a_truck_called_a_car_while_it_is_far_off_is_one_passage() -> None:
    """Its label changes when it is already over the line; until then it is seen at 0.6 of its size."""
    stage = Stage(Actor(OUT))
    drafts = []
    for frame in stage.frames(14):
        far = (OUT(frame.time) or (0, 0))[1] < 230
        stage.label = "car" if far else "truck"
        stage.size = 0.6 if far else 1.0
        drafts += stage.watch.update(frame)
    assert [p.direction for p in passages(drafts + stage.watch.finish())] == ["out"]


def test_two_trucks_at_once_are_two_passages() -> None:
    left, right = drive((1, 160, 75), (7, 160, 355)), drive((2, 480, 355), (8, 480, 75))
    assert sorted(directions(Actor(left), Actor(right))) == ["in", "out"]


def test_one_behind_the_other_are_two_passages() -> None:
    second = drive((5, 320, 75), (11, 320, 355))
    assert directions(Actor(OUT), Actor(second), seconds=18) == ["out", "out"]


def test_frames_missing_for_two_seconds_do_not_split_a_passage() -> None:
    assert directions(Actor(OUT), gap=(3.0, 5.0)) == ["out"]


@pytest.mark.parametrize(
    ("out", "outside"), [("down", (50, 90)), ("up", (50, 10)), ("left", (10, 50)), ("right", (90, 50))]
)
def test_out_names_the_side_seen_in_the_picture(out: str, outside: tuple[float, float]) -> None:
    across = ((0.0, 0.5), (1.0, 0.5)) if out in ("up", "down") else ((0.5, 0.0), (0.5, 1.0))
    for ends in (across, across[::-1]):
        line = Line(Gate(camera=Camera(source="none"), line=ends, out=out))  # type: ignore[arg-type]
        x, y = outside
        assert line.side((x - 5, y - 10, x + 5, y), (100, 100), 0) == 1
        assert line.side((95 - x, 90 - y, 105 - x, 100 - y), (100, 100), 0) == -1


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(70, 355), min_size=2, max_size=6), st.sampled_from([2.0, 4.0]))
def test_any_way_through_the_gate_is_at_most_one_passage_of_the_right_direction(ys: list[float], rate: float) -> None:
    path = drive(*((1 + 4 * k, 320.0, y) for k, y in enumerate(ys)))
    found = directions(Actor(path), seconds=4 * len(ys) + 8, rate=rate)
    assert len(found) <= 1
    if found and found[0] != "standing":
        ends_on_the_line = abs(ys[-1] - 180) < 4
        assert ends_on_the_line or found[0] == ("out" if ys[-1] > ys[0] else "in")
        assert min(ys) < 184
        assert max(ys) > 176
    if ys[0] < 150 and ys[-1] > 210:
        assert found == ["out"]


TRUCKS = st.lists(
    st.tuples(st.sampled_from([70, 190, 310, 430, 550]), st.floats(0, 12), st.booleans(), st.floats(5, 12)),
    min_size=1,
    max_size=5,
    unique_by=lambda truck: truck[0],
)


def lanes(trucks: list[tuple[int, float, bool, float]]) -> tuple[list[Actor], list[str]]:
    """Each in its own lane, in over one edge and out over the other, at up to 1.2 of its own height a second."""
    actors = []
    for x, start, out, takes in trucks:
        begin, end = (5, 425) if out else (425, 5)
        actors.append(Actor(drive((1 + start, x, begin), (1 + start + takes, x, end)), height=60 + x / 50))
    return actors, sorted("out" if out else "in" for _, _, out, _ in trucks)


@pytest.mark.slow
@settings(max_examples=10, deadline=None, derandomize=True)
@given(TRUCKS, st.sampled_from([2.5, 5.0, 10.0]))
def test_any_interleaving_of_trucks_is_one_passage_each(
    trucks: list[tuple[int, float, bool, float]], rate: float
) -> None:
    actors, true = lanes(trucks)
    assert sorted(directions(*actors, seconds=38, rate=rate)) == true


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(TRUCKS, st.sampled_from([2.5, 5.0, 10.0]))
def test_any_interleaving_of_boxes_is_one_passage_each(
    trucks: list[tuple[int, float, bool, float]], rate: float
) -> None:
    """The same, of tracker and passages alone, in many more ways."""
    actors, true = lanes(trucks)
    tracker, gate, ended = Tracker(), Passages(SECTION), []
    for k in range(int(38 * rate)):
        found = [Detection("truck", 0.85, box) for actor in actors if (box := actor.box(k / rate))]
        ended += gate.update(k / rate, tracker.update(k / rate, found, (HEIGHT, WIDTH)), (HEIGHT, WIDTH))
    assert sorted(passage.direction or "" for passage in [*ended, *gate.finish()]) == true

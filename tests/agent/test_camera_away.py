"""The gate's camera is pulled out in mid-passage: what was seen is decided soon, the next truck is somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.errors import DeviceLostError
from drivers.frames import Frame
from edge_agent.agent.darkroom import Darkroom
from edge_agent.agent.sources import GateSource
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.config import Device
from edge_agent.messages import Draft
from tests.gate.actors import Actor, Stage, drive, passages, violations

OUT = drive((1, 320, 75), (7, 320, 355), (12, 320, 355))


class HandClock(Clock):
    """Moved by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Pulled:
    """A camera that gives the frames it is given, then is lost; it cannot be opened again."""

    def __init__(self, frames: Iterator[Frame], clock: HandClock) -> None:
        self._frames, self._clock = frames, clock

    def open(self) -> Pulled:
        if self._clock.now:
            raise DeviceLostError("gate is not there")
        return self

    def read(self, timeout_s: float) -> Frame:
        del timeout_s
        for frame in self._frames:
            self._clock.now = frame.time
            return frame
        raise DeviceLostError("gate ended the stream")

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(("pulled_s", "kinds"), [(3.0, []), (5.5, ["muddy_truck"])])
def test_a_passage_is_decided_within_seconds_of_the_loss_of_its_camera(pulled_s: float, kinds: list[str]) -> None:
    """The truck is over the line (y = 180) by 3.3 s; before it has crossed nothing is told of it."""
    stage, clock, drafts = Stage(Actor(OUT, wheels="muddy")), HandClock(), list[Draft]()
    room = Darkroom(stage.watch, Device(id="d", site="s", kind="gate"), away=stage.watch.away)
    camera = Pulled(stage.frames(pulled_s), clock)
    source = GateSource("gate", camera.open, room, lambda _: {}, lambda _, d: drafts.append(d), clock, room=room)
    worker = Worker("gate", source.body, clock=clock)
    for later_s in (0.0, 2.0, 7.0, 9.0, 20.0, 80.0):
        clock.now += later_s
        with pytest.raises(DeviceLostError):
            source.body(worker)
        early = clock.now <= pulled_s + 8
        assert [kind for kind, _ in violations(drafts)] == ([] if early else kinds)
    assert [p.direction for p in passages(drafts)] == ["out"] * len(kinds)


@pytest.mark.parametrize("gap_s", [10.0, 60.0, 600.0])
@pytest.mark.parametrize("inward", [True, False])
def test_who_comes_after_the_camera_was_away_is_another_truck(gap_s: float, inward: bool) -> None:
    """One approaches with mud on its wheels and is not seen to leave; the next one must not be blamed for it."""
    end = 4 + gap_s
    after = drive((end, 320, 355), (end + 7, 320, 75)) if inward else drive((end - 2, 320, 75), (end + 5, 320, 355))
    drafts = Stage(Actor(drive((1, 320, 75), (9, 320, 355)), wheels="muddy"), Actor(after), gap=(4, end)).play(end + 20)
    assert [p.direction for p in passages(drafts)] == ["in" if inward else "out"]
    assert violations(drafts) == []


@pytest.mark.parametrize("gap_s", [10.0, 120.0])
def test_one_that_stands_there_before_and_after_is_one_passage(gap_s: float) -> None:
    end = 10 + gap_s
    path = drive((1, 320, 75), (4, 320, 150), (end + 6, 320, 150), (end + 10, 320, 355))
    drafts = Stage(Actor(path), gap=(10, end)).play(end + 20)
    assert [p.direction for p in passages(drafts)] == ["out"]

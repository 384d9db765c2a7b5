"""Trucks that drive through an empty picture as told, a detector that sees them, a classifier that knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from drivers.frames import Frame
from edge_agent.config import Camera, Gate
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import Draft, PassageData, ViolationData
from edge_agent.messages.gate import Judged
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.detector import Detector
from edge_agent.vision.network import Image
from edge_agent.vision.state import Judgement, StateClassifier

HEIGHT, WIDTH = 360, 640
SECTION = Gate(camera=Camera(source="none"), line=((0.0, 0.5), (1.0, 0.5)), out="down")

Path = Callable[[float], tuple[float, float] | None]


@dataclass(frozen=True)
class Actor:
    """``path`` gives the foot point in pixels at a time, None when it is out of sight."""

    path: Path
    label: str = "truck"
    load: str = "covered"
    wheels: str = "clean"
    confidence: float = 0.9
    width: float = 90.0
    height: float = 70.0

    def box(self, time: float) -> Box | None:
        """Cut off by the picture's edges."""
        foot = self.path(time)
        if foot is None:
            return None
        x1, x2 = max(0.0, foot[0] - self.width / 2), min(float(WIDTH), foot[0] + self.width / 2)
        y1, y2 = max(0.0, foot[1] - self.height), min(float(HEIGHT), foot[1])
        return (x1, y1, x2, y2) if x2 - x1 > 10 and y2 - y1 > 10 else None


def drive(*points: tuple[float, float, float]) -> Path:
    """Straight from point to point, each (time, x, y)."""
    times = [point[0] for point in points]

    def path(time: float) -> tuple[float, float] | None:
        if not times[0] <= time <= times[-1]:
            return None
        return float(np.interp(time, times, [p[1] for p in points])), float(
            np.interp(time, times, [p[2] for p in points])
        )

    return path


class Stage:
    """Plays actors at ``rate`` frames a second; ``gap`` (from, to) drops the frames between."""

    def __init__(
        self, *actors: Actor, rate: float = 5.0, gap: tuple[float, float] = (0, 0), section: Gate = SECTION
    ) -> None:
        self._actors = actors
        self._rate = rate
        self._gap = gap
        self._time = 0.0
        self.label = ""
        self.size = 1.0
        self.watch = GateWatch(section, cast(Detector, self), cast(StateClassifier, self))

    def frames(self, seconds: float) -> Iterator[Frame]:
        """The pictures: a rectangle for each actor on noise that is the same each time."""
        for k in range(int(seconds * self._rate) + 1):
            self._time = k / self._rate
            if self._gap[0] <= self._time < self._gap[1]:
                continue
            image = np.random.default_rng(k).integers(90, 96, (HEIGHT, WIDTH, 3), np.uint8)
            for shade, actor in enumerate(self._actors, 1):
                box = actor.box(self._time)
                if box:
                    x1, y1, x2, y2 = map(int, box)
                    image[y1:y2, x1:x2] = 30 * shade
                    image[y1:y2:4, x1:x2] = 250
            yield Frame("gate", self._time, k, image)

    def play(self, seconds: float) -> list[Draft]:
        """Everything that was decided."""
        drafts = [draft for frame in self.frames(seconds) for draft in self.watch.update(frame)]
        return drafts + self.watch.finish()

    def detect(self, image: Image) -> list[Detection]:
        """The actors' boxes."""
        del image
        boxes = [(actor, actor.box(self._time)) for actor in self._actors]
        return [Detection(self.label or actor.label, 0.85, self._sized(box)) for actor, box in boxes if box]

    def _sized(self, box: Box) -> Box:
        x1, y1, x2, y2 = box
        return (x1, y1, x2, y2) if self.size == 1 else (x2 - (x2 - x1) * self.size, y2 - (y2 - y1) * self.size, x2, y2)

    def judge(self, image: Image, box: Box) -> Judgement:
        """What is true of the actor whose box it is."""
        del image
        actor = next(a for a in self._actors if a.box(self._time) == box)
        return Judgement(
            _spread(["covered", "uncovered", "empty", "unknown"], actor.load, actor.confidence),
            _spread(["clean", "dusty", "muddy", "unknown"], actor.wheels, actor.confidence),
            0.8,
        )


def _spread(states: list[str], true: str, confidence: float) -> dict[str, float]:
    rest = (1 - confidence) / (len(states) - 1)
    return {state: confidence if state == true else rest for state in states}


def passages(drafts: list[Draft]) -> list[PassageData]:
    """Those among the drafts."""
    return [draft.data for draft in drafts if isinstance(draft.data, PassageData)]


def violations(drafts: list[Draft]) -> list[tuple[str, Draft]]:
    """Kind and draft."""
    return [(draft.data.kind, draft) for draft in drafts if isinstance(draft.data, ViolationData)]


def passed(number: int) -> PassageData:
    """A truck's way out of which nothing was judged."""
    unknown = Judged(state="unknown", confidence=0.0)
    return PassageData(
        passage=f"passage-{number}",
        camera="gate",
        direction="out",
        label="truck",
        start="",
        end="",
        frames=1,
        load=unknown,
        wheels=unknown,
    )

"""A row of bays seen from a pole, vehicles that come and go as told, and witnesses that know them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from drivers.frames import Frame
from edge_agent.config.parking import Bay, Pole, PoleCamera, Zone
from edge_agent.messages import BayData, Draft, StayData, ViolationData
from edge_agent.parking.watch import PoleWatch
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.network import Image
from edge_agent.vision.registration import Placement, Shift

WIDTH, HEIGHT = 640, 360
BAY_W, BAY_H = 0.12, 0.25
TOP = 0.4
NAMES = [f"A{n}" for n in range(1, 7)]
BAYS = [
    Bay(
        id=name,
        polygon=[
            (0.1 + n * BAY_W, TOP),
            (0.1 + (n + 1) * BAY_W, TOP),
            (0.1 + (n + 1) * BAY_W, TOP + BAY_H),
            (0.1 + n * BAY_W, TOP + BAY_H),
        ],
    )
    for n, name in enumerate(NAMES)
]
VERGE = Zone(
    name="verge", kind="green_verge", polygon=[(0.1, 0.75), (0.5, 0.75), (0.5, 0.98), (0.1, 0.98)], limit_s=30.0
)
SECTION = Pole(camera=PoleCamera(source="none", name="pole-1"), bay=BAYS, zone=[VERGE])


def centre(bay: str) -> tuple[float, float]:
    """The foot point of a vehicle that stands in the middle of a bay, in pixels."""
    n = NAMES.index(bay)
    return (0.1 + (n + 0.5) * BAY_W) * WIDTH, (TOP + 0.95 * BAY_H) * HEIGHT


@dataclass
class Actor:
    """Drives to ``foot`` until ``since``, stands, and drives off at ``until``; ``chance`` is what its patch looks like.

    ``label`` empty: the detector does not find it. ``before``: it stands before the bays, and whoever is in them is
    seen neither by the detector nor by the classifier, which sees it instead.
    """

    foot: tuple[float, float]
    since: float
    until: float = float("inf")
    label: str = "car"
    chance: float = 0.97
    width: float = 66.0
    height: float = 110.0
    takes_s: float = 3.0
    shade: int = 210
    before: bool = False

    def box(self, time: float) -> Box | None:
        """It comes up from below, and goes back there."""
        if not self.since - self.takes_s <= time <= self.until + self.takes_s:
            return None
        away = max(0.0, (self.since - time) / self.takes_s, (time - self.until) / self.takes_s)
        x, y = self.foot[0], self.foot[1] + away * 200.0
        return x - self.width / 2, y - self.height, x + self.width / 2, y


@dataclass
class Lot:
    """The world: a detector and a classifier at once. ``dark`` and ``lost`` are spans of time."""

    actors: list[Actor] = field(default_factory=list)
    dark: tuple[float, float] = (0.0, 0.0)
    lost: tuple[float, float] = (0.0, 0.0)
    shadow: tuple[float, float] = (0.0, 0.0)
    now: float = 0.0
    looked: list[int] = field(default_factory=list)
    detected: int = 0

    def image(self, time: float) -> Image:
        """Noise-free grey ground with marks, and a rectangle for each vehicle."""
        self.now = time
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        image[::16, :, :] = 120
        if self.shadow[0] <= time < self.shadow[1]:
            image[:, : WIDTH // 3] = image[:, : WIDTH // 3] // 2
        for actor in self.actors:
            box = actor.box(time)
            if box:
                x1, y1, x2, y2 = (max(0, round(v)) for v in box)
                image[y1:y2, x1:x2] = actor.shade
        return image

    def detect(self, image: Image, /) -> list[Detection]:
        """Every vehicle with a label whose box lies in the picture."""
        self.detected += 1
        found = []
        for actor in self.actors:
            box = actor.box(self.now)
            if box and self._is_hidden((box[0] + box[2]) / 2, actor):
                continue
            if box and actor.label and box[1] < HEIGHT and not self._in(self.dark):
                inside = (max(0.0, box[0]), max(0.0, box[1]), min(WIDTH, box[2]), min(HEIGHT, box[3]))
                found.append(Detection(actor.label, 0.9, inside))
        return found

    def judge(self, image: Image, polygons: list[list[tuple[float, float]]], /) -> list[float]:
        """The chance of whoever's foot is nearest to the bay's middle by less than half a bay."""
        self.looked.append(len(polygons))
        return [float("nan") if self._in(self.dark) else self._chance(polygon) for polygon in polygons]

    def update(self, image: Image) -> Shift:
        """A registration that knows when the camera is lost."""
        return Shift(Placement.LOST if self._in(self.lost) else Placement.IN_PLACE, 1.0)

    def _is_hidden(self, x: float, actor: Actor) -> bool:
        boxes = [other.box(self.now) for other in self.actors if other.before and other is not actor]
        return any(box is not None and box[0] <= x <= box[2] for box in boxes)

    def _in(self, span: tuple[float, float]) -> bool:
        return span[0] <= self.now < span[1]

    def _chance(self, polygon: Sequence[tuple[float, float]]) -> float:
        left, right = min(x for x, _ in polygon) * WIDTH, max(x for x, _ in polygon) * WIDTH
        best = 0.03
        for actor in self.actors:
            box = actor.box(self.now)
            if actor.before and box and box[0] <= (left + right) / 2 <= box[2]:
                return actor.chance
        for actor in self.actors:
            box = actor.box(self.now)
            if box and box[3] <= (TOP + BAY_H) * HEIGHT + 25 and box[3] > TOP * HEIGHT:
                share = (min(box[2], right) - max(box[0], left)) / (right - left)
                if share > 0.3:
                    best = max(best, actor.chance)
        return best


def watch(lot: Lot, section: Pole = SECTION) -> PoleWatch:
    """A watch whose witnesses are the lot."""
    return PoleWatch(section, detector=lot, classifier=lot, registration=lot)


def frames(lot: Lot, begin: float, end: float, fps: float = 2.0, index: int = 0) -> Iterator[Frame]:
    """What the camera sees from ``begin`` to ``end``, in seconds."""
    for n in range(round((end - begin) * fps)):
        time = begin + n / fps
        yield Frame("pole-1", time, index + n, lot.image(time))


def play(lot: Lot, end: float, *, section: Pole = SECTION, fps: float = 2.0) -> list[Draft]:
    """All drafts of a lot watched from second 0."""
    decider = watch(lot, section)
    return [draft for frame in frames(lot, 0.0, end, fps) for draft in decider.update(frame)] + decider.finish()


def stays(drafts: Sequence[Draft]) -> list[StayData]:
    """Both phases, in order."""
    return [draft.data for draft in drafts if isinstance(draft.data, StayData)]


def told(drafts: Sequence[Draft]) -> list[BayData]:
    """Messages of bays, in order."""
    return [draft.data for draft in drafts if isinstance(draft.data, BayData)]


def violations(drafts: Sequence[Draft]) -> list[tuple[ViolationData, Draft]]:
    """With their drafts."""
    return [(draft.data, draft) for draft in drafts if isinstance(draft.data, ViolationData)]


def states(drafts: Sequence[Draft]) -> dict[str, str]:
    """Of each bay at the end."""
    return {row.id: row.state for row in told(drafts)[-1].bays}


def phases(drafts: Sequence[Draft]) -> list[tuple[str, str]]:
    """Bay and phase of each stay message."""
    return [(stay.bay, stay.phase) for stay in stays(drafts)]

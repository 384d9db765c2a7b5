"""What the camera saw of late: a ring of encoded frames in memory, for the clip from before to after what was decided.

A frame is encoded once, at most 1280 pixels wide, and only when it was looked at closely, which is when something
moves or is followed: a still gate costs nothing. Each frame knows where every vehicle was and what else moved, so that
of one vehicle's clip the others can be hidden. Frames are kept ``before_s``, and those of a marked moment until their
vehicle is forgotten; never more than ``most_bytes`` of them, the oldest unmarked go first. A clip ends ``after_s``
after its moment, or when its vehicle has left the picture before that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge_agent.messages.envelope import Picture
from edge_agent.vision.blur import outside
from edge_agent.vision.detections import Box
from edge_agent.vision.jpeg import taken
from edge_agent.vision.network import Image
from edge_agent.vision.tracker import inside, overlap

FRAME = "frame"
_MOST_WIDTH = 1280
_QUALITY = 70
_GROW, _NEAR = 0.04, 0.15
_PART = 0.4


@dataclass(frozen=True, slots=True)
class Scenery:
    """Where everything was in one frame: vehicles by their track's id, and what may be people. In pixels."""

    vehicles: dict[int, Box]
    people: tuple[Box, ...] = ()

    def besides(self, number: int) -> tuple[Box, ...]:
        """What is to be hidden when the vehicle ``number`` is blamed: all else, as far as it lies outside its box.

        A vehicle that lies to 40 % in its box is taken for a part of it (a cab is often found twice), and what moves
        close to any vehicle for a part of that.
        """
        own = self.vehicles.get(number)
        others = [
            _grown(b, _GROW) for n, b in self.vehicles.items() if n != number and not (own and inside(b, own) > _PART)
        ]
        near = [_grown(box, _NEAR) for box in self.vehicles.values()]
        others += [box for box in self.people if not any(overlap(box, vehicle) for vehicle in near)]
        return tuple(part for box in others for part in (outside(box, own) if own else (box,)))

    def scaled(self, by: float) -> Scenery:
        """For the picture made smaller."""
        if by == 1:
            return self
        return Scenery(
            {number: _times(box, by) for number, box in self.vehicles.items()},
            tuple(_times(box, by) for box in self.people),
        )


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the ring; ``scenery`` in its own pixels."""

    picture: Picture
    scenery: Scenery


class Ring:
    """Of one camera. Times are those of the frames."""

    def __init__(self, before_s: float, after_s: float, most_bytes: int) -> None:
        self._before_s = before_s
        self._after_s = after_s
        self._most_bytes = most_bytes
        self._shots: list[Shot] = []
        self._bytes = 0
        self._marks: dict[int, float] = {}
        self._left: dict[int, float] = {}

    def add(self, time: float, image: Image, scenery: Scenery) -> None:
        """Takes one frame in."""
        if self._before_s + self._after_s <= 0:
            return
        scale = min(1.0, _MOST_WIDTH / image.shape[1])
        if scale < 1:
            image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
        picture = taken(FRAME, time, image, _QUALITY)
        self._shots.append(Shot(picture, scenery.scaled(scale)))
        self._bytes += len(picture.content)
        self._shrink(time)

    def mark(self, number: int, time: float) -> None:
        """Something was decided about the vehicle ``number`` at ``time``."""
        self._marks[number] = time

    def left(self, number: int, time: float | None) -> None:
        """The vehicle has left the picture by ``time``; None: it is seen."""
        if time is None:
            self._left.pop(number, None)
        else:
            self._left.setdefault(number, time)

    def complete(self, number: int, now: float) -> bool:
        """Whether its clip has all that will be in it."""
        return number in self._marks and (number in self._left or now > self._marks[number] + self._after_s)

    def shots(self, number: int) -> list[Shot]:
        """The frames around its mark, the oldest first; none without one."""
        moment, end = self._marks.get(number), self._left.get(number, float("inf"))
        if moment is None:
            return []
        return [s for s in self._shots if self._within(s.picture.time, moment) and s.picture.time <= end]

    def clip(self, number: int) -> tuple[Picture, ...]:
        """The frames of its clip, each with what is to be hidden in it; nothing of fewer than two."""
        frames = tuple(replace(s.picture, hide=s.scenery.besides(number)) for s in self.shots(number))
        return frames if len(frames) > 1 else ()

    def keep(self, numbers: Iterable[int]) -> None:
        """Forgets the marks of all other vehicles."""
        kept = set(numbers)
        self._marks = {number: moment for number, moment in self._marks.items() if number in kept}
        self._left = {number: time for number, time in self._left.items() if number in kept}

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self._shots = [replace(s, picture=replace(s.picture, time=s.picture.time + by_s)) for s in self._shots]
        self._marks = {number: moment + by_s for number, moment in self._marks.items()}
        self._left = {number: time + by_s for number, time in self._left.items()}

    @property
    def bytes(self) -> int:
        """Held now."""
        return self._bytes

    def _within(self, time: float, moment: float) -> bool:
        return moment - self._before_s <= time <= moment + self._after_s

    def _shrink(self, now: float) -> None:
        old = [s for s in self._shots if now - s.picture.time > self._before_s and not self._marked(s)]
        for shot in old:
            self._drop(shot)
        while self._bytes > self._most_bytes and len(self._shots) > 1:
            self._drop(next((s for s in self._shots[:-1] if not self._marked(s)), self._shots[0]))

    def _marked(self, shot: Shot) -> bool:
        return any(self._within(shot.picture.time, moment) for moment in self._marks.values())

    def _drop(self, shot: Shot) -> None:
        self._shots.remove(shot)
        self._bytes -= len(shot.picture.content)


def _times(box: Box, by: float) -> Box:
    return box[0] * by, box[1] * by, box[2] * by, box[3] * by


def _grown(box: Box, by: float) -> Box:
    dx, dy = (box[2] - box[0]) * by, (box[3] - box[1]) * by
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy

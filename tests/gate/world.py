"""Gates as any camera may see them: trucks are boxes on the ground, driven past a pinhole camera of random height,
tilt, turn and lens. What a detector that is right would find, but for what another hides, and what truly passed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.config import Camera, Gate
from edge_agent.gate.passage import Passages
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.tracker import Tracker
from tests.gate.actors import HEIGHT, WIDTH

_NEAR_M = 0.3
_LEAST_PX = 8.0
_HIDDEN = 0.7
_FIRST_M, _LAST_M = 34.0, -14.0

Points = NDArray[np.float64]


class View:
    """x to the right, y up, z along the road, in metres; the camera stands at z = 0."""

    def __init__(self, chance: random.Random) -> None:
        pitch, yaw = math.radians(chance.uniform(12, 35)), math.radians(chance.uniform(-35, 35))
        self._at = np.array([chance.uniform(-5, 5), chance.uniform(3.5, 7), 0.0])
        self._focal_px = WIDTH / 2 / math.tan(math.radians(chance.uniform(55, 95)) / 2)
        cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        self._turn = np.array([[cy, 0, -sy], [-sp * sy, -cp, -sp * cy], [cp * sy, -sp, cp * cy]])

    def seen(self, points: Sequence[tuple[float, float, float]]) -> Points:
        """In the camera's axes: right, down, ahead."""
        turned: Points = (np.array(points) - self._at) @ self._turn.T
        return turned

    def pixels(self, seen: Points) -> Points:
        """Columns and rows."""
        return np.array([WIDTH / 2, HEIGHT / 2]) + self._focal_px * seen[:, :2] / seen[:, 2:]

    def box(self, corners: Sequence[tuple[float, float, float]]) -> tuple[float, Box] | None:
        """How far away and where in the picture the eight corners of a box are, None out of sight."""
        seen = self.seen(corners)
        ahead = seen[:, 2] >= _NEAR_M
        points = [*seen[ahead]]
        for i in range(8):
            for j in (i ^ 1, i ^ 2, i ^ 4):
                if j > i and ahead[i] != ahead[j]:
                    share = (_NEAR_M - seen[i, 2]) / (seen[j, 2] - seen[i, 2])
                    points.append(seen[i] + share * (seen[j] - seen[i]))
        if not points:
            return None
        pixels = self.pixels(np.array(points))
        x1, y1 = np.maximum(pixels.min(axis=0), 0.0).tolist()
        x2, y2 = np.minimum(pixels.max(axis=0), [WIDTH, HEIGHT]).tolist()
        if min(x2 - x1, y2 - y1) < _LEAST_PX:
            return None
        return float(seen[:, 2].min()), (x1, y1, x2, y2)


@dataclass(frozen=True)
class Truck:
    """``way`` out comes towards the camera. ``waits``: after so many seconds, for how long."""

    way: str
    start: float
    lane_m: float
    length_m: float
    height_m: float
    speed_m_s: float
    waits: tuple[float, float] = (math.inf, 0.0)

    @property
    def end(self) -> float:
        """When it is out of sight."""
        return self.start + (_FIRST_M - _LAST_M) / self.speed_m_s + self.waits[1]

    def corners(self, time: float) -> list[tuple[float, float, float]]:
        """Of its box."""
        after, pause = self.waits
        gone = time - self.start
        driven = self.speed_m_s * (gone if gone < after else max(after, gone - pause))
        z = _FIRST_M - driven if self.way == "out" else _LAST_M + driven
        half = self.length_m / 2
        return [
            (self.lane_m + x, y, z + along)
            for along in (-half, half)
            for y in (0.0, self.height_m)
            for x in (-1.25, 1.25)
        ]


class World:
    """One gate and the one to three trucks that pass, by ``seed``; those of one way follow each other."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.view, self.gate = _gate(chance)
        side = chance.choice((-1.9, 1.9))
        begin = chance.uniform(1, 3)
        ways: list[tuple[str, float]] = chance.choice(
            [
                [(chance.choice(("in", "out")), begin)],
                [("out", begin), ("in", begin + chance.uniform(0, 8))],
                [("out", begin), ("out", begin + 16)],
                [("out", begin), ("in", begin + chance.uniform(0, 6)), ("out", begin + 28)],
            ]
        )
        speed, alone = chance.uniform(2.5, 5), len({way for way, _ in ways}) == len(ways)
        self.trucks = [
            Truck(
                way,
                start,
                lane_m=(side if way == "out" else -side) + chance.uniform(-0.4, 0.4),
                length_m=chance.uniform(6, 11),
                height_m=chance.uniform(2.6, 3.6),
                speed_m_s=speed,
                waits=(chance.uniform(2, 7), chance.uniform(2, 8))
                if alone and chance.random() < 0.4
                else (math.inf, 0.0),
            )
            for way, start in ways
        ]
        self.seconds = max(truck.end for truck in self.trucks) + 4

    @property
    def true(self) -> list[str]:
        """The ways of its trucks."""
        return sorted(truck.way for truck in self.trucks)

    def boxes(self, time: float) -> list[Box]:
        """What is seen, the nearest first."""
        driving = [truck for truck in self.trucks if truck.start <= time <= truck.end]
        found = sorted(filter(None, (self.view.box(truck.corners(time)) for truck in driving)))
        return [box for n, (_, box) in enumerate(found) if not any(_hides(near, box) for _, near in found[:n])]

    def told(self, looks_per_s: float, gap: tuple[float, float] = (0.0, 0.0)) -> list[str]:
        """The passages by tracker and line, without what was seen in the ``gap``."""
        tracker, passages, ended = Tracker(), Passages(self.gate), []
        for k in range(int(self.seconds * looks_per_s)):
            time = k / looks_per_s
            if not gap[0] <= time < gap[1]:
                found = [Detection("truck", 0.9, box) for box in self.boxes(time)]
                ended += passages.update(time, tracker.update(time, found, (HEIGHT, WIDTH)), (HEIGHT, WIDTH))
        return sorted(passage.direction for passage in [*ended, *passages.finish()] if passage.direction)


def _gate(chance: random.Random) -> tuple[View, Gate]:
    """A view in which the line lies well."""
    while True:
        view, z = View(chance), chance.uniform(9, 16)
        ends = view.seen([(-6.0, 0.0, z), (6.0, 0.0, z)])
        if (ends[:, 2] < 1).any():
            continue
        (ax, ay), (bx, by) = (view.pixels(ends) / [WIDTH, HEIGHT]).tolist()
        if min(ay, by) > 0.15 and max(ay, by) < 0.85 and bx - ax > 0.3 and 0.2 < (ax + bx) / 2 < 0.8:
            line = ((min(1.0, max(0.0, ax)), ay), (min(1.0, max(0.0, bx)), by))
            return view, Gate(camera=Camera(source="none"), line=line, out="down")


def _hides(near: Box, box: Box) -> bool:
    width, height = min(near[2], box[2]) - max(near[0], box[0]), min(near[3], box[3]) - max(near[1], box[1])
    return max(0.0, width) * max(0.0, height) > _HIDDEN * (box[2] - box[0]) * (box[3] - box[1])

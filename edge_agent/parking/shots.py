"""The picture chain of a stay: before, entering, standing, leaving, after, and the vehicle's crop.

Only the bay and what stands up from it is cut out; what lies beside it is pixelated at once, whoever is there. When
something begins to move in a bay that was settled, the picture before is cut from the frame before; a second later the
moving one is. At most 8 bays are cut from a frame: where more move at once it is light that changes, not vehicles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge_agent.config.polygon import area, bounds
from edge_agent.config.section import Point
from edge_agent.messages.envelope import Picture
from edge_agent.parking.ground import Vehicle, same_place
from edge_agent.vision.blur import outside, pixelated
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

_QUALITY = 85
_SIDEWAYS, _UPWARDS, _BELOW = 0.25, 0.9, 0.2
_MOVING_AFTER_S = 1.0
_SETTLED_S = 4.0
_MOST_AT_ONCE = 8
_WIDEST = 1.7


@dataclass(slots=True)
class _Episode:
    """What moved in a bay, from ``began`` to ``last``."""

    began: float
    last: float
    before: Picture
    moving: Picture | None = None


class Shots:
    """``update`` with each frame, then ``came`` or ``left`` when a stay begins or ends in a bay."""

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self.place(polygons)
        self._episodes: dict[int, _Episode] = {}
        self._previous: tuple[float, Image] | None = None

    def place(self, polygons: Sequence[Sequence[Point]]) -> None:
        """Where the bays are now."""
        self._polygons = polygons
        self._regions = [_region(polygon) for polygon in polygons]

    def update(self, time: float, image: Image, moving: Collection[int], changing: Collection[int]) -> None:
        """Takes a frame in; ``changing``: bays whose state is about to change."""
        if 0 < len(moving) <= _MOST_AT_ONCE:
            previous = self._previous or (time, image)
            for bay in moving:
                episode = self._episodes.get(bay)
                if episode is None or (time - episode.last > _SETTLED_S and bay not in changing):
                    before = self._cut("before", *previous, bay)
                    self._episodes[bay] = _Episode(time, time, before)
                    continue
                episode.last = time
                if episode.moving is None and time - episode.began >= _MOVING_AFTER_S:
                    episode.moving = self._cut("entering", time, image, bay)
        self._previous = (time, image)

    def came(self, bay: int, first: float, time: float, image: Image, box: Box | None) -> tuple[Picture, ...]:
        """Before, entering (where it was seen), standing, and the vehicle in ``box`` if the detector found it."""
        chain = self._chain(bay, first, "entering")
        chain.append(self._cut("standing", time, image, bay))
        if box is not None and box[2] - box[0] <= _WIDEST * _width(self._polygons[bay]):
            chain.append(_encoded("crop", time, image, box))
        return tuple(chain)

    def left(self, bay: int, first: float, time: float, image: Image) -> tuple[Picture, ...]:
        """Standing (the last of it), leaving (where it was seen), after."""
        chain = [replace(p, role="standing") if p.role == "before" else p for p in self._chain(bay, first, "leaving")]
        return (*chain, self._cut("after", time, image, bay))

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        for episode in self._episodes.values():
            episode.began += by_s
            episode.last += by_s
            episode.before = replace(episode.before, time=episode.before.time + by_s)
            if episode.moving:
                episode.moving = replace(episode.moving, time=episode.moving.time + by_s)
        if self._previous:
            self._previous = (self._previous[0] + by_s, self._previous[1])

    def _chain(self, bay: int, first: float, role: str) -> list[Picture]:
        episode = self._episodes.pop(bay, None)
        if episode is None or not episode.began - _SETTLED_S <= first <= episode.last + 2 * _SETTLED_S:
            return []
        return [episode.before, *([replace(episode.moving, role=role)] if episode.moving else [])]

    def _cut(self, role: str, time: float, image: Image, bay: int) -> Picture:
        return _encoded(role, time, image, self._regions[bay], self._polygons[bay])


def _region(polygon: Sequence[Point]) -> Box:
    left, right, top, bottom = bounds(polygon)
    width, height = right - left, bottom - top
    return left - _SIDEWAYS * width, top - _UPWARDS * height, right + _SIDEWAYS * width, bottom + _BELOW * height


def blame(role: str, time: float, image: Image, box: Box, seen: Sequence[Vehicle], moving: Sequence[Box]) -> Picture:
    """The whole picture (full) or what is close to ``box`` (crop); what else is in it is to be hidden when it is sent.

    ``moving``: where else something moves. Boxes are shares of the picture.
    """
    if role != "full":
        dx, dy = (box[2] - box[0]) * 0.08, (box[3] - box[1]) * 0.08
        return _encoded(role, time, image, (box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy))
    height, width = image.shape[:2]
    others = [vehicle.box for vehicle in seen if not same_place(vehicle.box, box, 0.5)] + list(moving)
    hide = [part for other in others for part in outside(other, box)]
    pixels = tuple((x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in hide)
    return replace(_encoded(role, time, image, (0.0, 0.0, 1.0, 1.0)), hide=pixels)


def _encoded(role: str, time: float, image: Image, box: Box, bay: Sequence[Point] = ()) -> Picture:
    """What is in ``box``; where a bay is given, all that does not stand on it or before it is pixelated."""
    height, width = image.shape[:2]
    left, right = max(0, int(box[0] * width)), min(width, max(int(box[2] * width), int(box[0] * width) + 1))
    top, bottom = max(0, int(box[1] * height)), min(height, max(int(box[3] * height), int(box[1] * height) + 1))
    part = image[top:bottom, left:right]
    if bay:
        corners = np.array(bay, np.float32) * (width, height) - (left, top)
        depth = float(np.ptp(corners[:, 1]))
        up, down = np.array([(0.0, -_UPWARDS * depth), (0.0, _BELOW * depth)], np.float32)
        swept = np.concatenate([corners + up, corners + down])
        hull = cv2.convexHull(np.round(swept).astype(np.int32))
        shown = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(shown, [hull], (1,))
        part = np.where(shown[:, :, None] > 0, part, pixelated(part, ((0.0, 0.0, part.shape[1], part.shape[0]),)))
    content = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return Picture(role, time, "image/jpeg", content, part.shape[1], part.shape[0])


def _width(polygon: Sequence[Point]) -> float:
    """Mean width of a bay in the picture; a vehicle much wider is two that were found as one."""
    _, _, top, bottom = bounds(polygon)
    return abs(area(polygon)) / (bottom - top)

"""What a vehicle's box in a picture taken from a pole says about the ground. Everything is in shares of the picture.

A box encloses the whole vehicle, and from a pole its upper part lies over ground that is only behind the vehicle. What
it stands on is the lower part, about as high in the picture as a bay is deep there: the bay's own outline tells how
much the view shortens the ground. The part above hides what it covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edge_agent.config.polygon import area, bounds
from edge_agent.config.section import Point
from edge_agent.vision.detections import Box, Detection

_DEPTH_OF_BAY = 0.95
_LEAST_DEPTH = 0.35
_INSET = 0.06


class Vehicle(NamedTuple):
    """A detection in shares of the picture."""

    label: str
    score: float
    box: Box


def vehicles(detections: Sequence[Detection], width: int, height: int) -> list[Vehicle]:
    """Detections in a picture of that size."""
    return [
        Vehicle(d.label, d.score, (d.box[0] / width, d.box[1] / height, d.box[2] / width, d.box[3] / height))
        for d in detections
    ]


def footprint(box: Box, depth: float) -> Box:
    """The part of ``box`` that stands on the ground, where a bay is ``depth`` high in the picture."""
    x1, y1, x2, y2 = box
    inset, height = _INSET * (x2 - x1), y2 - y1
    return x1 + inset, y2 - min(height, max(_DEPTH_OF_BAY * depth, _LEAST_DEPTH * height)), x2 - inset, y2


def covered(polygon: Sequence[Point], box: Box) -> float:
    """Share of the polygon's area inside the box."""
    left, right, top, bottom = bounds(polygon)
    if box[2] <= left or box[0] >= right or box[3] <= top or box[1] >= bottom:
        return 0.0
    inside = cut(polygon, box)
    return abs(area(inside)) / abs(area(polygon)) if len(inside) >= 3 else 0.0


def within(box: Box, polygon: Sequence[Point]) -> float:
    """Share of the box's area inside the polygon."""
    inside = cut(polygon, box)
    own = (box[2] - box[0]) * (box[3] - box[1])
    return abs(area(inside)) / own if len(inside) >= 3 and own > 0 else 0.0


def cut(polygon: Sequence[Point], box: Box) -> list[Point]:
    """The part of a polygon inside a box (Sutherland and Hodgman 1974); empty where they do not meet."""
    points = list(polygon)
    for axis, limit, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        kept: list[Point] = []
        for (ax, ay), (bx, by) in zip(points, [*points[1:], *points[:1]], strict=True):
            a, b = sign * ((ax, ay)[axis] - limit), sign * ((bx, by)[axis] - limit)
            if a >= 0:
                kept.append((ax, ay))
            if (a > 0 > b) or (a < 0 < b):
                share = a / (a - b)
                kept.append((ax + share * (bx - ax), ay + share * (by - ay)))
        points = kept
    return points


def same_place(first: Box, second: Box, least: float) -> bool:
    """Whether intersection over union is at least ``least``."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return False
    both = width * height
    either = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)) - both
    return both >= least * either

"""Proposes bays from a series of pictures of one camera: where vehicles stand again and again.

Boxes of vehicles are gathered over the pictures into places; a place counts when a vehicle stood there in enough of
them, and a vehicle that drives by never does. A place's polygon is the lower part of its box, the ground under the
vehicle. Places side by side form rows; where a regular gap in a row has room for one to three more, bays are put in.
Everything is in shares of the picture; nothing here knows what a bay is marked with, so a person looks at the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.heads import suppress
from edge_agent.vision.network import Image

Boxes = NDArray[np.float64]

VEHICLES = frozenset({"car", "truck", "bus", "other_vehicle"})
_SAME = 0.45
_LEAST_SHARE = 0.25
_GROUND = 0.3
_MOST_GAP = 3
_REGULAR = 0.25
_MOST_OVERLAP, _TWICE = 0.2, 0.55
_LARGEST = 0.25
_ENOUGH, _NARROWEST, _WIDEST = 6, 0.5, 2.2
_TILE_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Proposal:
    """``polygon`` on the ground; ``seen``: share of the pictures with a vehicle there, 0 where a gap was filled."""

    polygon: list[tuple[float, float]]
    box: Box
    row: int
    seen: float


def look(image: Image, detect: Callable[[Image], list[Detection]], tiles: int = 3) -> list[Box]:
    """Vehicles' boxes in shares of a picture, found in the whole of it and in ``tiles``×``tiles`` parts that overlap.

    A vehicle cut by the edge of a part is left to the neighbour that sees it whole.
    """
    height, width = image.shape[:2]
    boxes: list[Box] = []
    scores: list[float] = []
    for x0, y0, x1, y1 in [(0, 0, width, height), *_tiles(width, height, tiles)]:
        for found in detect(np.ascontiguousarray(image[y0:y1, x0:x1])):
            a, b, c, d = found.box
            cut = (a < 3 and x0 > 0) or (b < 3 and y0 > 0) or (c > x1 - x0 - 3 and x1 < width)
            if found.label not in VEHICLES or cut or (d > y1 - y0 - 3 and y1 < height):
                continue
            boxes.append(((a + x0) / width, (b + y0) / height, (c + x0) / width, (d + y0) / height))
            scores.append(found.score)
    if not boxes:
        return []
    kept = suppress(np.array(boxes, np.float32), np.array(scores, np.float32), 0.5)
    chosen = [boxes[int(k)] for k in kept]
    return [b for b in chosen if (b[2] - b[0]) * (b[3] - b[1]) <= _LARGEST and not _holds_others(b, chosen)]


def propose(pictures: Sequence[Sequence[Box]]) -> list[Proposal]:
    """Bays, row by row from the far side, left to right, from the boxes seen in each picture."""
    places = [place for place in _places(pictures) if place[1] >= max(_LEAST_SHARE, min(1.0, 2 / len(pictures)))]
    found: list[Proposal] = []
    for number, row in enumerate(_rows(_plausible(places))):
        beside = _filled(row)
        polygons = _side_by_side([_ground(box) for box, _ in beside])
        found += [Proposal(p, box, number, seen) for p, (box, seen) in zip(polygons, beside, strict=True)]
    return _apart(found)


def _tiles(width: int, height: int, tiles: int) -> list[tuple[int, int, int, int]]:
    if tiles < 2:
        return []
    w = round(width / (1 + (tiles - 1) * (1 - _TILE_OVERLAP)))
    h = round(height / (1 + (tiles - 1) * (1 - _TILE_OVERLAP)))
    xs = [round(k * (width - w) / (tiles - 1)) for k in range(tiles)]
    ys = [round(k * (height - h) / (tiles - 1)) for k in range(tiles)]
    return [(x, y, x + w, y + h) for y in ys for x in xs]


def _holds_others(box: Box, others: Sequence[Box]) -> bool:
    """Whether two or more others lie in it: a row of vehicles taken for one."""
    own = 0
    for other in others:
        if other is not box:
            area = (other[2] - other[0]) * (other[3] - other[1])
            own += _common(box, other) > 0.8 * area
    return own >= 2


def _common(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _iou(a: Box, b: Box) -> float:
    both = _common(a, b)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _places(pictures: Sequence[Sequence[Box]]) -> list[tuple[Box, float]]:
    """Median box and share of the pictures, of every place; a picture counts once in a place."""
    members: list[list[Box]] = []
    centres: list[Box] = []
    for boxes in pictures:
        free = set(range(len(centres)))
        for box in boxes:
            best = max(free, key=lambda k: _iou(centres[k], box), default=None)
            if best is None or _iou(centres[best], box) < _SAME:
                members.append([box])
                centres.append(box)
            else:
                free.discard(best)
                members[best].append(box)
                centres[best] = _median(members[best])
    order = sorted(range(len(members)), key=lambda k: -len(members[k]))
    kept: list[int] = []
    for k in order:
        if all(_iou(centres[k], centres[j]) < _SAME for j in kept):
            kept.append(k)
    return [(centres[k], len(members[k]) / len(pictures)) for k in kept]


def _plausible(places: list[tuple[Box, float]]) -> list[tuple[Box, float]]:
    """Without what is far too narrow or wide for a vehicle so far down in the picture, told by the others there."""
    if len(places) < _ENOUGH:
        return places
    bottoms = np.array([box[3] for box, _ in places])
    widths = np.array([box[2] - box[0] for box, _ in places])
    nearest = np.argsort(np.abs(bottoms[:, None] - bottoms), axis=1, kind="stable")[:, 1:_ENOUGH]
    usual = np.median(widths[nearest], axis=1)
    fits = (widths > _NARROWEST * usual) & (widths < _WIDEST * usual)
    return [place for place, fit in zip(places, fits, strict=True) if fit]


def _median(boxes: Sequence[Box]) -> Box:
    a, b, c, d = (float(v) for v in np.median(np.array(boxes), axis=0))
    return a, b, c, d


def _rows(places: Sequence[tuple[Box, float]]) -> list[list[tuple[Box, float]]]:
    """Places whose middles lie within half a height of a neighbour's, walking from left to right."""
    rows: list[list[tuple[Box, float]]] = []
    for place in sorted(places, key=lambda p: p[0][0] + p[0][2]):
        box = place[0]
        best, least = None, 0.5
        for row in rows:
            last = row[-1][0]
            apart = abs(box[3] - last[3]) / max(box[3] - box[1], last[3] - last[1])
            alike = min(box[2] - box[0], last[2] - last[0]) / max(box[2] - box[0], last[2] - last[0])
            reach = (box[0] + box[2] - last[0] - last[2]) / 2 / max(box[2] - box[0], last[2] - last[0])
            if apart < least and alike > 0.5 and 0.4 < reach < _MOST_GAP + 2:
                best, least = row, apart
        if best is None:
            rows.append([place])
        else:
            best.append(place)
    return sorted(rows, key=lambda row: float(np.mean([p[0][3] for p in row])))


def _filled(row: Sequence[tuple[Box, float]]) -> list[tuple[Box, float]]:
    """The row with bays put into gaps that are a whole number of its usual steps wide; needs three places."""
    if len(row) < 3:
        return list(row)
    middles = np.array([(b[0] + b[2]) / 2 for b, _ in row])
    widths = np.array([b[2] - b[0] for b, _ in row])
    steps = np.diff(middles) / ((widths[1:] + widths[:-1]) / 2)
    usual = float(np.median(steps[steps < 1.7])) if (steps < 1.7).any() else 0.0
    filled: list[tuple[Box, float]] = [row[0]]
    for k, step in enumerate(steps):
        room = round(float(step / usual)) if usual > 0 else 1
        if 2 <= room <= _MOST_GAP + 1 and abs(step / usual - room) < _REGULAR * room:
            for part in range(1, room):
                share = part / room
                mixed = (1 - share) * np.array(row[k][0]) + share * np.array(row[k + 1][0])
                filled.append(((float(mixed[0]), float(mixed[1]), float(mixed[2]), float(mixed[3])), 0.0))
        filled.append(row[k + 1])
    return filled


def _ground(box: Box) -> list[tuple[float, float]]:
    """The lower part of a vehicle's box, a little narrower at its far side; inside the picture."""
    x1, y1, x2, y2 = box
    top, narrow = y1 + _GROUND * (y2 - y1), 0.06 * (x2 - x1)
    corners = [(x1 + narrow, top), (x2 - narrow, top), (x2, y2), (x1, y2)]
    return [(round(min(max(x, 0.0), 1.0), 4), round(min(max(y, 0.0), 1.0), 4)) for x, y in corners]


def _side_by_side(polygons: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    """Neighbours of a row that reach into each other, drawn back to the middle between them."""
    for left, right in pairwise(range(len(polygons))):
        end, start = max(x for x, _ in polygons[left]), min(x for x, _ in polygons[right])
        if end > start:
            middle = round((end + start) / 2, 4)
            polygons[left] = [(min(x, middle), y) for x, y in polygons[left]]
            polygons[right] = [(max(x, middle), y) for x, y in polygons[right]]
    return polygons


def _apart(found: Sequence[Proposal]) -> list[Proposal]:
    """Without bays that lie on ones seen more often; those of other rows that reach into each other are drawn in."""
    from edge_agent.config.polygon import overlap

    kept: list[Proposal] = []
    for one in sorted(found, key=lambda p: -p.seen):
        polygon = one.polygon
        for _ in range(4):
            if all(overlap(other.polygon, polygon) <= _MOST_OVERLAP for other in kept):
                kept.append(Proposal(polygon, one.box, one.row, one.seen))
                break
            if not one.seen or any(overlap(other.polygon, one.polygon) > _TWICE for other in kept):
                break
            polygon = _shrunk(polygon, 0.88)
    order = {id(p): k for k, p in enumerate(kept)}
    return sorted(kept, key=lambda p: (p.row, p.box[0] + p.box[2], order[id(p)]))


def _shrunk(polygon: Sequence[tuple[float, float]], by: float) -> list[tuple[float, float]]:
    x, y = np.mean(polygon, axis=0)
    return [(round(float(x + (a - x) * by), 4), round(float(y + (b - y) * by), 4)) for a, b in polygon]

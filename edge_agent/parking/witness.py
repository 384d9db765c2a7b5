"""Joins the two witnesses of a bay in one picture: the classifier of its patch, and vehicles that stand on it.

Both speak in log-odds, which add up. The patch speaks most; a detected vehicle speaks for the bay it covers most, and
neither for nor against one it covers nearly as much; that no vehicle was found says little, for detectors miss what is
dark or wet, and the less the smaller the bay is in the picture. A sum within ±0.8 decides nothing. A look is sure of
``occupied`` where both witnesses say so, the patch by 0.95, or the patch alone by 0.97, and of ``free`` from a
confidence of 0.96. Where the patch cannot be told (NaN) only a vehicle on the bay speaks. A bay that is mostly behind a
vehicle which stands elsewhere is hidden, and what its patch seems to show is that vehicle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from edge_agent.config.polygon import bounds
from edge_agent.config.section import Point
from edge_agent.parking.ground import Vehicle, covered, footprint

Reason = Literal["", "hidden", "dark", "camera", "unclear", "start"]

_LEAST_PATCH = 0.02
_STANDS, _STANDS_ALSO, _NOBODY = 2.0, 0.0, -0.7
_WELL_SEEN = 0.1
_DECIDES = 0.8
_SURE_PATCH, _SURE_ALONE, _SURE_FREE = 0.95, 0.97, 0.96
_COVERS = 0.35
_STICKS_OUT = 0.5
_COVERS_ALSO = 0.65
_HIDDEN, _BEHIND = 0.75, 0.5


class Look(NamedTuple):
    """What one picture says of one bay. ``vote`` empty: nothing; ``vehicle``: which of the picture's stands on it;
    ``sure``: there is little doubt about it; ``doubted``: much around the bay changed too, it may be hidden."""

    vote: Literal["", "free", "occupied", "unknown"]
    confidence: float = 0.0
    reason: Reason = ""
    vehicle: int | None = None
    sure: bool = False
    doubted: bool = False


class Stands(NamedTuple):
    """Vehicle number ``vehicle`` covers the bay by ``share``; ``mostly``: no other bay more."""

    vehicle: int
    share: float
    mostly: bool


def standing(polygons: Sequence[Sequence[Point]], seen: Sequence[Vehicle]) -> dict[int, Stands]:
    """By bay, the vehicle that stands on it; one that sticks out by more than half a bay stands before it."""
    depths = [_depth(polygon) for polygon in polygons]
    feet = [bounds(polygon)[3] + _STICKS_OUT * depth for polygon, depth in zip(polygons, depths, strict=True)]
    found: dict[int, Stands] = {}
    for number, vehicle in enumerate(seen):
        shares = {
            bay: share
            for bay, polygon in enumerate(polygons)
            if vehicle.box[3] <= feet[bay]
            and (share := covered(polygon, footprint(vehicle.box, depths[bay]))) >= _COVERS
        }
        most = max(shares.values(), default=0.0)
        for bay, share in shares.items():
            stands = Stands(number, share, share == most)
            if share >= _COVERS_ALSO * most and (bay not in found or _rank(stands) > _rank(found[bay])):
                found[bay] = stands
    return found


def look(
    polygons: Sequence[Sequence[Point]],
    chances: Mapping[int, float],
    seen: Sequence[Vehicle],
    stands: Mapping[int, Stands],
) -> dict[int, Look]:
    """By bay, what the picture says; ``chances`` are the classifier's, of the bays that were looked at."""
    return {bay: _one(polygons[bay], chance, seen, stands.get(bay)) for bay, chance in chances.items()}


def _one(polygon: Sequence[Point], chance: float, seen: Sequence[Vehicle], stands: Stands | None) -> Look:
    number = stands.vehicle if stands else None
    if stands is None and _hidden(polygon, seen):
        return Look("unknown", 1.0, "hidden")
    if math.isnan(chance) and stands is None:
        return Look("unknown", 1.0, "dark")
    patch = 0.0 if math.isnan(chance) else min(max(chance, _LEAST_PATCH), 1 - _LEAST_PATCH)
    odds = math.log(patch / (1 - patch)) if patch else 0.0
    odds += _nobody(polygon) if stands is None else _STANDS if stands.mostly else _STANDS_ALSO
    confidence = round(1 / (1 + math.exp(-abs(odds))), 4)
    if abs(odds) < _DECIDES:
        return Look("", confidence, "unclear", number)
    if odds < 0:
        return Look("free", confidence, "", number, confidence >= _SURE_FREE)
    return Look("occupied", confidence, "", number, patch >= (_SURE_ALONE if stands is None else _SURE_PATCH))


def _hidden(polygon: Sequence[Point], seen: Sequence[Vehicle]) -> bool:
    depth = _depth(polygon)
    for vehicle in seen:
        if covered(polygon, vehicle.box) >= _HIDDEN:
            x1, y1, x2, _ = vehicle.box
            if covered(polygon, (x1, y1, x2, footprint(vehicle.box, depth)[1])) >= _BEHIND:
                return True
    return False


def _nobody(polygon: Sequence[Point]) -> float:
    left, right, _, _ = bounds(polygon)
    return _NOBODY * min(1.0, (right - left) / _WELL_SEEN)


def _depth(polygon: Sequence[Point]) -> float:
    _, _, top, bottom = bounds(polygon)
    return bottom - top


def _rank(stands: Stands) -> tuple[bool, float]:
    return stands.mostly, stands.share

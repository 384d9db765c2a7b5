"""The words of seeing: detections and tracks. Boxes are x1, y1, x2, y2 in pixels of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
LEAST_SCORE = 0.25


@dataclass(frozen=True, slots=True)
class Detection:
    """A box, a class and a score (0..1) in one frame."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over frames.

    ``score`` is the median of its last scores, ``seen`` the time of the last frame it was found in, ``still`` whether
    it has not moved for some seconds, ``first_box`` where it was at ``first_seen``.
    """

    id: int
    label: str
    score: float
    box: Box
    first_seen: float
    seen: float
    hits: int
    still: bool
    first_box: Box


def largest_truck(found: Sequence[Detection]) -> Box | None:
    """The box of the truck that a picture is of: the largest called truck, or bus where there is none; None."""
    for wanted in ("truck", "bus"):
        boxes = [each.box for each in found if each.label == wanted and each.score >= LEAST_SCORE]
        if boxes:
            return max(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
    return None

"""The words of seeing: detections and tracks. Boxes are x1, y1, x2, y2 in pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[float, float, float, float]


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
    it has not moved for some seconds.
    """

    id: int
    label: str
    score: float
    box: Box
    first_seen: float
    seen: float
    hits: int
    still: bool

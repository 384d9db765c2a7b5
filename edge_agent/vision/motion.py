"""Tells whether anything moves, for a fraction of what looking closely costs.

A picture is sampled to at most 160×90 grey points and compared with a running average of what was there before. Noise
is told from movement per point: a point moves when it differs by more than its own usual noise. What changes nearly
everything at once (a lamp, a camera's gain, lightning) is no movement: the average starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

_WIDTH, _HEIGHT = 160, 90
_LEAST_STEP = 12.0
_NOISE_FACTOR = 4.0
_LEARN = 0.08
_LEAST_SHARE = 0.002
_GLOBAL_SHARE = 0.8
_MOST_PEOPLE = 20
_LEAST_HEIGHT = 30


@dataclass(frozen=True, slots=True)
class Motion:
    """``share`` of the picture that moves; ``anew``: everything changed at once, what was known is void."""

    moved: bool
    share: float
    anew: bool


class MotionGate:
    """One camera's memory of what is usual."""

    def __init__(self) -> None:
        self._usual: NDArray[np.float32] | None = None
        self._noise: NDArray[np.float32] | None = None
        self._moving: NDArray[np.uint8] | None = None

    def update(self, image: Image) -> Motion:
        """Takes one H×W×3 BGR picture in; the first one counts as moved."""
        grey = _sampled(image)
        if self._usual is None or self._noise is None or self._usual.shape != grey.shape:
            self._begin(grey)
            return Motion(True, 1.0, True)
        difference = cv2.absdiff(grey, self._usual)
        apart = difference > np.maximum(_LEAST_STEP, _NOISE_FACTOR * self._noise)
        moving = np.asarray(cv2.erode(apart.astype(np.uint8), np.ones((2, 2), np.uint8)), np.uint8)
        self._moving = moving
        share = float(cv2.countNonZero(moving)) / moving.size
        if share > _GLOBAL_SHARE:
            self._begin(grey)
            return Motion(True, share, True)
        cv2.accumulateWeighted(grey, self._usual, _LEARN)
        cv2.accumulateWeighted(np.minimum(difference, _LEAST_STEP), self._noise, _LEARN)
        return Motion(share >= _LEAST_SHARE, share, False)

    @property
    def points(self) -> NDArray[np.uint8] | None:
        """1 where something moved in the last picture, sampled; None where all of it is new."""
        return self._moving

    def upright(self, size: tuple[int, int]) -> tuple[Box, ...]:
        """Where something moved in the last picture, of ``size`` (height, width), that may be a person: in its pixels.

        At least as high as wide, at most half the picture high, and not below a 30th of it, where no face is known.
        """
        if self._moving is None or not self._moving.any():
            return ()
        joined = cv2.dilate(self._moving, np.ones((3, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        rows, columns = joined.shape
        people = [s for s in stats[1:].tolist() if s[2] <= s[3] and rows / _LEAST_HEIGHT <= s[3] - 2 <= rows / 2]
        people.sort(key=lambda row: (-row[cv2.CC_STAT_AREA], row))
        dx, dy = size[1] / columns, size[0] / rows
        return tuple((x * dx, y * dy, (x + w) * dx, (y + h) * dy) for x, y, w, h, _ in people[:_MOST_PEOPLE])

    def _begin(self, grey: NDArray[np.float32]) -> None:
        self._usual = grey.copy()
        self._noise = np.full_like(grey, _LEAST_STEP / _NOISE_FACTOR)
        self._moving = None


def _sampled(image: Image) -> NDArray[np.float32]:
    step = max(1, -(-image.shape[1] // (2 * _WIDTH)), -(-image.shape[0] // (2 * _HEIGHT)))
    points = np.ascontiguousarray(image[::step, ::step])
    small = cv2.resize(
        points, (max(1, points.shape[1] // 2), max(1, points.shape[0] // 2)), interpolation=cv2.INTER_AREA
    )
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)

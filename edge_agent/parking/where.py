"""In which bays something moves: the motion gate's sampled points, counted by bay."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config.section import Point

_LEAST_SHARE = 0.06
_LEAST_POINTS = 2


class Where:
    """``moving`` says which of the polygons given something moves in."""

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self._polygons = polygons
        self._map: NDArray[np.int32] | None = None
        self._least: NDArray[np.float64] = np.zeros(len(polygons))

    def moving(self, points: NDArray[np.uint8]) -> set[int]:
        """``points``: H×W, not 0 where something moved."""
        if self._map is None or self._map.shape != points.shape:
            self._draw(points.shape)
        assert self._map is not None
        if not points.any():
            return set()
        found = np.bincount(self._map[points > 0], minlength=len(self._polygons) + 1)[1:]
        return set(np.flatnonzero(found >= self._least).tolist())

    def _draw(self, shape: tuple[int, ...]) -> None:
        height, width = shape
        self._map = np.zeros((height, width), np.int32)
        for number, polygon in enumerate(self._polygons, 1):
            corners = np.round(np.array(polygon, np.float64) * (width - 1, height - 1)).astype(np.int32)
            cv2.fillPoly(self._map, [corners], (number,))
        sizes = np.bincount(self._map.ravel(), minlength=len(self._polygons) + 1)[1:]
        self._least = np.maximum(_LEAST_POINTS, _LEAST_SHARE * sizes)

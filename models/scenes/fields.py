"""Smooth random fields on grids, for heaps, tarpaulins and tears."""

import cv2
import numpy as np
from numpy.typing import NDArray


def smooth_noise(rng: np.random.Generator, rows: int, columns: int, cell: float) -> NDArray[np.float32]:
    """Values of mean about 0 and amplitude about 1 that vary over `cell` grid points."""
    small = rng.normal(0, 1, (max(2, int(rows / cell) + 2), max(2, int(columns / cell) + 2))).astype(np.float32)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def fractal_noise(rng: np.random.Generator, rows: int, columns: int, cell: float, octaves: int) -> NDArray[np.float32]:
    """A sum of `octaves` smooth noises, each with half the cell and half the amplitude of the one before."""
    total = np.zeros((rows, columns), np.float32)
    for i in range(octaves):
        total += smooth_noise(rng, rows, columns, max(1.0, cell / 2**i)) * 0.5**i
    return total

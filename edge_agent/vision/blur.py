"""Hides what did nothing: pixelates boxes of a picture, so coarsely that no plate and no face is left in them."""

from __future__ import annotations

import cv2

from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

_BLOCKS = 8
_LEAST_BLOCK_PX = 8


def pixelated(image: Image, boxes: tuple[Box, ...]) -> Image:
    """A copy in which each box is at most 8 blocks long and wide, the blocks at least 8 pixels.

    A plate is about a quarter of a vehicle's width, so two or three blocks, and its characters are gone.
    """
    out = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in boxes:
        left, top = max(0, int(x1)), max(0, int(y1))
        right, bottom = min(width, int(x2 + 0.999)), min(height, int(y2 + 0.999))
        if right <= left or bottom <= top:
            continue
        area = out[top:bottom, left:right]
        across = max(1, min(_BLOCKS, (right - left) // _LEAST_BLOCK_PX))
        down = max(1, min(_BLOCKS, (bottom - top) // _LEAST_BLOCK_PX))
        small = cv2.resize(area, (across, down), interpolation=cv2.INTER_AREA)
        area[:] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    return out


def outside(box: Box, keep: Box) -> tuple[Box, ...]:
    """What of ``box`` lies outside ``keep``: at most four boxes that do not overlap."""
    x1, y1, x2, y2 = box
    kx1, ky1, kx2, ky2 = max(x1, keep[0]), max(y1, keep[1]), min(x2, keep[2]), min(y2, keep[3])
    if kx1 >= kx2 or ky1 >= ky2:
        return (box,)
    parts = ((x1, y1, x2, ky1), (x1, ky2, x2, y2), (x1, ky1, kx1, ky2), (kx2, ky1, x2, ky2))
    return tuple(part for part in parts if part[2] > part[0] and part[3] > part[1])


def hidden_in(boxes: tuple[Box, ...], left: int, top: int, part: Image) -> tuple[Box, ...]:
    """Those of a picture's boxes that reach into its ``part`` cut out at ``left``, ``top``, in the pixels of that."""
    height, width = part.shape[:2]
    moved = ((x1 - left, y1 - top, x2 - left, y2 - top) for x1, y1, x2, y2 in boxes)
    return tuple(b for b in moved if b[0] < width and b[1] < height and b[2] > 0 and b[3] > 0)

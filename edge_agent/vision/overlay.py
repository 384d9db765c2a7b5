"""Writes on a copy of a picture: a band of text below it, so that the text hides nothing of it, and the corners of a
frame around the vehicle that is meant.

OpenCV 5 brings a font with Chinese characters; before that its text is ASCII, and so is the band.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

CHINESE = hasattr(cv2, "FontFace") and any(
    "Unicode font" in line and "YES" in line for line in cv2.getBuildInformation().splitlines()
)
_DARK, _LIGHT = 32, (255, 255, 255)
_FRAME, _ARM = (0, 220, 255), 0.15
_LINES_IN_HEIGHT = 30
_LEAST_PX = 12


def with_text(image: Image, lines: Sequence[str]) -> Image:
    """The picture, and below it a band with the lines; text too long for the width is made smaller."""
    height, width = image.shape[:2]
    size = max(_LEAST_PX, round(height / _LINES_IN_HEIGHT))
    longest = max((_length(line, size) for line in lines), default=0)
    margin = size // 2
    if longest > width - 2 * margin:
        size = max(1, int(size * (width - 2 * margin) / longest))
    step = round(size * 1.4)
    band = np.full((step * len(lines) + margin, width, 3), _DARK, np.uint8)
    for number, line in enumerate(lines, 1):
        _write(band, line, (margin, step * number - round(0.2 * size)), size)
    return np.vstack([image, band])


def framed(image: Image, box: Box) -> Image:
    """A copy on which the corners of ``box``, in shares of width and height, are marked."""
    out = image.copy()
    height, width = out.shape[:2]
    thick = max(2, round(height / 360))
    left, top = max(thick, round(box[0] * width)), max(thick, round(box[1] * height))
    right, bottom = min(width - 1 - thick, round(box[2] * width)), min(height - 1 - thick, round(box[3] * height))
    arm = max(2 * thick, round(min(right - left, bottom - top) * _ARM))
    for x, dx in ((left, arm), (right, -arm)):
        for y, dy in ((top, arm), (bottom, -arm)):
            corner = np.array([(x + dx, y), (x, y), (x, y + dy)], np.int32)
            cv2.polylines(out, [corner], False, _FRAME, thick, cv2.LINE_AA)
    return out


def _length(line: str, size: int) -> int:
    if CHINESE:
        box = cv2.getTextSize((0, 0), line, (0, 0), _font(), size)
        return int(box[2])
    return int(cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size / 30, 1)[0][0])


def _write(band: Image, line: str, at: tuple[int, int], size: int) -> None:
    if CHINESE:
        cv2.putText(band, line, at, _LIGHT, _font(), size)
    else:
        cv2.putText(band, line, at, cv2.FONT_HERSHEY_SIMPLEX, size / 30, _LIGHT, 1, cv2.LINE_AA)


@functools.cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")

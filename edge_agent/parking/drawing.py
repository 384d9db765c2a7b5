"""Draws on a camera's picture the bays and zones of a pole's configuration, for whoever sets it up.

Bays are green with their ids, zones red with their names. A ruler along the edges counts tenths of width and height,
in which corners are given.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.config.parking import Pole
from edge_agent.config.section import Point
from edge_agent.vision.network import Image
from edge_agent.vision.overlay import CHINESE, with_text

GREEN, _RED, _WHITE, _BLACK = (0, 220, 0), (40, 40, 255), (255, 255, 255), (0, 0, 0)


def drawn(section: Pole, image: Image) -> Image:
    """A copy of the H×W×3 BGR picture with bays and zones, and below it what they are."""
    out = image.copy()
    for zone in section.zone:
        outlined(out, zone.polygon, zone.name, _RED)
    for bay in section.bay:
        outlined(out, bay.polygon, bay.id, GREEN)
    _ruler(out)
    said = [("green: bays, their outline on the ground; the ruler counts tenths", "绿:泊位地面轮廓;边缘刻度为十分之一")]
    if section.zone:
        said.append(("red: where nobody may stand", "红:禁停区"))
    return with_text(out, [f"{english}  {chinese}" if CHINESE else english for english, chinese in said])


def outlined(image: Image, polygon: Sequence[Point], name: str, colour: tuple[int, int, int]) -> None:
    """Draws the polygon, in shares of the picture, and its name in its middle, no wider than the polygon."""
    height, width = image.shape[:2]
    points = np.round(np.array(polygon) * (width - 1, height - 1)).astype(np.int32)
    cv2.polylines(image, [points], True, colour, max(1, round(height / 400)), cv2.LINE_AA)
    (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    room = float(np.ptp(points[:, 0]))
    scale = float(np.clip(0.8 * room / max(wide, 1), 0.3, height / 700))
    x, y = points.mean(0)
    _written(image, name, (round(x - scale * wide / 2), round(y + scale * high / 2)), scale, colour)


def _ruler(image: Image) -> None:
    height, width = image.shape[:2]
    scale = max(0.3, height / 1200)
    for tenth in range(1, 10):
        x, y = round(tenth / 10 * (width - 1)), round(tenth / 10 * (height - 1))
        long = round(height / 50)
        cv2.line(image, (x, 0), (x, long), _WHITE, 2)
        cv2.line(image, (0, y), (long, y), _WHITE, 2)
        _written(image, f".{tenth}", (x + 3, long), scale, _WHITE)
        _written(image, f".{tenth}", (long + 3, y), scale, _WHITE)


def _written(image: Image, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    for tint, thick in ((_BLACK, 3), (colour, 1)):
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, tint, thick, cv2.LINE_AA)

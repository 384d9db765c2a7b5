"""Draws on a camera's picture what a gate's configuration says of it, for whoever sets it up.

The line is red, with an arrow the way that is out; the wash bay blue, the watched road yellow.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.config.gate import Gate
from edge_agent.config.section import Point
from edge_agent.vision.network import Image
from edge_agent.vision.overlay import CHINESE, with_text

_RED, _BLUE, _YELLOW = (40, 40, 255), (255, 120, 0), (0, 220, 255)
_ARROW = 0.12


def drawn(section: Gate, image: Image) -> Image:
    """A copy of the H×W×3 BGR picture with line and zones, and below it what they are."""
    out = image.copy()
    height, width = out.shape[:2]
    thick = max(2, round(height / 240))
    said = [("red: the gate's line, the arrow points to the street", "红:大门线,箭头指向出场方向")]
    zones: list[tuple[Sequence[Point], tuple[int, int, int]]] = []
    if section.wash:
        zones.append((section.wash.zone, _BLUE))
        said.append(("blue: where a truck's lower edge is while it is washed", "蓝:洗车区(车辆下沿所在处)"))
    if section.spillage:
        zones.append((section.spillage.zone, _YELLOW))
        said.append(("yellow: the road that is watched", "黄:监看路面"))
    for zone, colour in zones:
        corners = np.array([_pixel(point, width, height) for point in zone], np.int32)
        cv2.polylines(out, [corners], True, colour, thick, cv2.LINE_AA)
    first, second = (_pixel(point, width, height) for point in section.line)
    cv2.line(out, first, second, _RED, thick, cv2.LINE_AA)
    middle = (first[0] + second[0]) // 2, (first[1] + second[1]) // 2
    x, y = section.heading
    tip = middle[0] + round(x * _ARROW * height), middle[1] + round(y * _ARROW * height)
    cv2.arrowedLine(out, middle, tip, _RED, thick, cv2.LINE_AA, tipLength=0.3)
    return with_text(out, [f"{english}  {chinese}" if CHINESE else english for english, chinese in said])


def _pixel(point: Point, width: int, height: int) -> tuple[int, int]:
    return round(point[0] * (width - 1)), round(point[1] * (height - 1))

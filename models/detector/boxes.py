"""Geometry of the detector: letterbox, grid, non-maximum suppression, overlap. Pure numpy.

Boxes are x1, y1, x2, y2 in pixels. A picture sits at the top left of its letterbox, the rest is grey 114.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import STRIDES

Floats = NDArray[np.float32]
PAD = 114
STEP = 32


@dataclass(frozen=True)
class Detections:
    """Boxes N×4 in pixels of the picture, class indices N, scores N, best score first."""

    boxes: Floats
    classes: NDArray[np.int64]
    scores: Floats


def letterbox(image: NDArray[np.uint8], size: tuple[int, int], rectangle: bool) -> tuple[Floats, float]:
    """Picture H×W×3 BGR to 1×3×h×w, and the scale from picture to input pixels.

    With `rectangle` the padding ends at the next multiple of 32, otherwise at `size` (height, width).
    """
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height = max(1, min(size[0], round(image.shape[0] * scale)))
    width = max(1, min(size[1], round(image.shape[1] * scale)))
    whole = (-(-height // STEP) * STEP, -(-width // STEP) * STEP) if rectangle else size
    padded = np.full((*whole, 3), PAD, np.uint8)
    padded[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32), scale


def grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Cell corners A×2 (x, y in cells) and strides A×1 of an input of that size, in output order."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        corners.append(np.stack((columns, rows), 2).reshape(-1, 2))
        strides.append(np.full((corners[-1].shape[0], 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(raw: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """Output A×(5+C) for one input to boxes A×4 in input pixels and scores A×C (objectness times class)."""
    corners, strides = grid(height, width)
    centres = (raw[:, :2] + corners) * strides
    sizes = np.exp(np.minimum(raw[:, 2:4], 8.0)) * strides
    boxes = np.concatenate((centres - sizes / 2, centres + sizes / 2), 1)
    return boxes, raw[:, 4:5] * raw[:, 5:]


def overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every pair, N×M."""
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    opposite = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.clip(opposite - corner, 0, None), 2)
    areas = np.prod(first[:, 2:] - first[:, :2], 1)[:, None] + np.prod(second[:, 2:] - second[:, :2], 1)[None]
    union: Floats = areas - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def suppress(boxes: Floats, scores: Floats, iou_threshold: float) -> NDArray[np.int64]:
    """Indices that greedy non-maximum suppression keeps, best first."""
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlap(boxes[best : best + 1], boxes[order])[0] <= iou_threshold]
    return np.asarray(kept, np.int64)


def detections(
    raw: Floats, size: tuple[int, int], scale: float, score_threshold: float, iou_threshold: float
) -> Detections:
    """Output A×(5+C) of one letterboxed picture to detections; each box has its best class, suppression is by class."""
    boxes, scores = decode(raw, *size)
    classes, best = scores.argmax(1), scores.max(1)
    keep = best >= score_threshold
    boxes, classes, best = boxes[keep] / scale, classes[keep], best[keep]
    shift = classes[:, None].astype(np.float32) * 1e5
    order = suppress(boxes + shift, best, iou_threshold)
    return Detections(boxes[order], classes[order], best[order])

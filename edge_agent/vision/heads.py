"""What detectors answer, as boxes with scores per class, before suppression. Pure arrays; shapes are part of the head.

==========  =================================================================================================
head        first output
==========  =================================================================================================
``yolox``   1×N×(5+C): x, y, w, h, objectness, classes; unless ``decoded`` x, y are offsets in cells of the
            stride and w, h logarithms in strides, level by level, row by row (Ge et al. 2021, §2.1)
``yolov5``  1×N×(5+C): centre x, y, w, h in pixels, objectness, classes
``yolov8``  1×(4+C)×N: centre x, y, w, h in pixels, classes (also YOLO11)
``end2end`` 1×N×6: x1, y1, x2, y2 in pixels, score, class; suppression was done inside
==========  =================================================================================================
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.card import Head

Array = NDArray[np.float32]


def columns(head: Head) -> int:
    """How many numbers the answer holds for each box."""
    return {"yolox": 5, "yolov5": 5, "yolov8": 4}.get(head.type, 6 - len(head.classes)) + len(head.classes)


def fault(head: Head, output: Array) -> str:
    """Why ``output`` is not of the head's shape; empty when it is."""
    need = columns(head)
    axis = 1 if head.type == "yolov8" else 2
    if output.ndim == 3 and output.shape[0] == 1 and output.shape[axis] == need:
        return ""
    shape = f"1×{need}×N" if axis == 1 else f"1×N×{need}"
    return f"head {head.type} with {len(head.classes)} classes answers {shape}, the model answers {list(output.shape)}"


def decode(head: Head, output: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Boxes N×4 (x1, y1, x2, y2 in pixels of the ``size`` = height, width input) and scores N×C."""
    if head.type == "end2end":
        found = output[0]
        scores = np.zeros((len(found), len(head.classes)), np.float32)
        known = (found[:, 5] >= 0) & (found[:, 5] < len(head.classes))
        scores[np.flatnonzero(known), found[known, 5].astype(int)] = found[known, 4]
        return found[:, :4], scores
    if head.type == "yolov8":
        found = output[0].T
        return _corners(found[:, :4]), found[:, 4:]
    found = output[0]
    boxes = found[:, :4]
    if head.type == "yolox" and not head.decoded:
        cells, strides = _grid(head.strides, size)
        boxes = np.concatenate([(boxes[:, :2] + cells) * strides, np.exp(boxes[:, 2:]) * strides], 1)
    return _corners(boxes), found[:, 5:] * found[:, 4:5]


def suppress(boxes: Array, scores: Array, iou_threshold: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best first (greedy non-maximum suppression over all given boxes)."""
    order = np.argsort(-scores, kind="stable")
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        overlap = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = np.prod(np.maximum(overlap, 0), axis=1)
        order = rest[shared <= iou_threshold * (areas[best] + areas[rest] - shared)]
    return np.array(kept, np.intp)


def _corners(boxes: Array) -> Array:
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], 1)


@lru_cache(maxsize=8)
def _grid(strides: tuple[int, ...], size: tuple[int, int]) -> tuple[Array, Array]:
    cells, sizes = [], []
    for stride in strides:
        y, x = np.mgrid[: size[0] // stride, : size[1] // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], 1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sizes).astype(np.float32)

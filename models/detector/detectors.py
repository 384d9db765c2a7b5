"""Detectors behind one call: ours by its card, and the published networks that it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.detector import card
from models.detector.boxes import Detections, Floats, detections, letterbox, suppress

Image = NDArray[np.uint8]
LOWEST = 0.01
# COCO rows of truck, bus, car and motorcycle (for other_vehicle); the published networks know no wheels.
COCO_ROWS = (7, 5, 2, 3)


@dataclass(frozen=True)
class Detector:
    """`see` gives detections of score 0.01 or more; `prepare` and `run` are its parts, for timing."""

    name: str
    prepare: Callable[[Image], Floats]
    run: Callable[[Floats], Floats]
    see: Callable[[Image], Detections]


def session(path: Path) -> onnxruntime.InferenceSession:
    """One thread, as on the device."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def by_card(path: Path, size: tuple[int, int] | None = None) -> Detector:
    """Our detector, at the card's input size or another one."""
    read = card.read(path)
    height, width = size or read["input"]["size"]
    return _yolox(f"{read['name']} {read['version']} {width}", path.with_name(read["file"]), (height, width), True)


def yolox_nano(weights: Path) -> Detector:
    return _yolox("YOLOX-nano 416", weights / "yolox_nano.onnx", (416, 416), False)


def _yolox(name: str, path: Path, size: tuple[int, int], ours: bool) -> Detector:
    model = session(path)
    threshold = 0.5

    def run(images: Floats) -> Floats:
        output: Floats = model.run(None, {model.get_inputs()[0].name: images})[0]
        return output

    def see(image: Image) -> Detections:
        images, scale = letterbox(image, size, rectangle=ours)
        raw = run(images)[0]
        if not ours:
            raw = raw[:, [0, 1, 2, 3, 4, *(5 + row for row in COCO_ROWS)]]
        return detections(raw, (images.shape[2], images.shape[3]), scale, LOWEST, threshold)

    return Detector(name, lambda image: letterbox(image, size, rectangle=ours)[0], run, see)


def fastest_det(weights: Path) -> Detector:
    """FastestDet 352: one level of stride 16; objectness, box (tanh offsets, sigmoid size), class probabilities."""
    model = session(weights / "FastestDet.onnx")
    name = model.get_inputs()[0].name

    def prepare(image: Image) -> Floats:
        stretched = cv2.resize(image, (352, 352)).astype(np.float32) / 255
        return np.ascontiguousarray(stretched.transpose(2, 0, 1)[None])

    def run(images: Floats) -> Floats:
        output: Floats = model.run(None, {name: images})[0]
        return output

    def see(image: Image) -> Detections:
        raw = run(prepare(image))[0]
        _, height, width = raw.shape
        rows, columns = np.mgrid[:height, :width]
        x = (np.tanh(raw[1]) + columns) / width * image.shape[1]
        y = (np.tanh(raw[2]) + rows) / height * image.shape[0]
        halves = 1 / (1 + np.exp(-raw[3:5])) / 2 * np.asarray([image.shape[1], image.shape[0]])[:, None, None]
        boxes = np.stack((x - halves[0], y - halves[1], x + halves[0], y + halves[1]), 2).reshape(-1, 4)
        each = raw[0] ** 0.6 * raw[5:][list(COCO_ROWS)] ** 0.4
        scores = each.reshape(len(COCO_ROWS), -1).astype(np.float32)
        best, classes = scores.max(0), scores.argmax(0)
        keep = best >= LOWEST
        boxes, best, classes = boxes[keep].astype(np.float32), best[keep], classes[keep]
        order = suppress(boxes + classes[:, None].astype(np.float32) * 1e5, best, 0.5)
        return Detections(boxes[order], classes[order].astype(np.int64), best[order])

    return Detector("FastestDet 352", prepare, run, see)

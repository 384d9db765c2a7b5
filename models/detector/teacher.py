"""What the published network sees in the training pictures: boxes for objects that the sets' authors did not label.

The published YOLOX-nano (80 classes) looks at each picture at two sizes and mirrored; boxes that agree are merged by
suppression. Classes are ours: truck, bus, car, and other_vehicle for motorcycles and trains. A box whose best two of
truck, bus and car are close is not sure: its score is halved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.detector.boxes import Floats, decode, letterbox, suppress
from models.detector.export import export
from models.detector.pretrained import (
    COCO_BUS,
    COCO_CAR,
    COCO_MOTORCYCLE,
    COCO_TRAIN,
    COCO_TRUCK,
    load_published,
)
from models.detector.samples import Sample, with_teacher

SIZES = (416, 608)
ROWS = (COCO_TRUCK, COCO_BUS, COCO_CAR, COCO_MOTORCYCLE, COCO_TRAIN)
OURS = np.asarray((0, 1, 2, 3, 3), np.int64)
LOWEST = 0.1
CLOSE = 0.6


class Teacher:
    """`weights` is the published ONNX; `dynamic` is where its copy for all picture sizes is written."""

    def __init__(self, weights: Path, dynamic: Path) -> None:
        export(load_published(weights), dynamic)
        self.session = onnxruntime.InferenceSession(str(dynamic), providers=["CPUExecutionProvider"])

    def look(self, path: Path) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Relative boxes N×4, classes and scores of one picture."""
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        whole = np.asarray([image.shape[1], image.shape[0]] * 2, np.float32)
        boxes, scores = [], []
        for size in SIZES:
            for mirrored in (False, True):
                view = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
                images, scale = letterbox(view, (size, size), rectangle=True)
                raw = self.session.run(None, {"images": images})[0][0]
                found, each = decode(raw, images.shape[2], images.shape[3])
                found, each = found / scale / whole, each[:, ROWS]
                if mirrored:
                    found = np.stack((1 - found[:, 2], found[:, 1], 1 - found[:, 0], found[:, 3]), 1)
                keep = each.max(1) >= LOWEST
                boxes.append(np.clip(found[keep], 0, 1))
                scores.append(each[keep])
        candidates, each = np.concatenate(boxes), np.concatenate(scores)
        best = each.max(1)
        rivals = np.sort(each[:, :3], 1)
        best = np.where((OURS[each.argmax(1)] < 3) & (rivals[:, 1] > CLOSE * rivals[:, 2]), best / 2, best)
        kept = suppress(candidates, best, 0.6)
        return candidates[kept], OURS[each.argmax(1)[kept]], best[kept].astype(np.float32)


def look_at_all(samples: Sequence[Sample], weights: Path, cache: Path) -> list[Sample]:
    """The samples with what the teacher sees added; its answers are kept in `cache` (JSON) for the next run."""
    answers = json.loads(cache.read_text("utf-8")) if cache.exists() else {}
    teacher: Teacher | None = None
    taught = []
    for number, sample in enumerate(samples):
        key = f"{sample.source}/{sample.path.name}"
        if key not in answers:
            teacher = teacher or Teacher(weights, cache.with_name("teacher.onnx"))
            boxes, classes, scores = teacher.look(sample.path)
            answers[key] = [boxes.round(4).tolist(), classes.tolist(), scores.round(3).tolist()]
            if number % 200 == 199:
                cache.write_text(json.dumps(answers), "utf-8")
                print(f"teacher: {number + 1} of {len(samples)} pictures", flush=True)
        boxes, classes, scores = answers[key]
        taught.append(
            with_teacher(
                sample,
                np.asarray(boxes, np.float32).reshape(-1, 4),
                np.asarray(classes, np.int64),
                np.asarray(scores, np.float32),
            )
        )
    cache.write_text(json.dumps(answers), "utf-8")
    return taught

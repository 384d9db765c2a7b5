"""Counting of what a detector finds, the same for training's held-out part and for the evaluation sets.

A truck counts as found by a box labelled truck or bus (the published network calls many head-on tippers buses), score
0.25 or more, IoU 0.5 or more, one box for one truck, best score first. Truck and bus boxes suppress each other at
IoU 0.5. A false box is a truck or bus box that finds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from models.detector.boxes import Detections, Floats, overlap, suppress

SCORE = 0.25
MATCH = 0.5
TRUCK, BUS = 0, 1


@dataclass
class Counts:
    """Sums over the pictures of a set."""

    pictures: int = 0
    pictures_found: int = 0
    objects: int = 0
    found: int = 0
    false: int = 0
    labelled_truck: int = 0
    false_truck: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, name: str, seen: Detections, truth: Floats, spared: Floats) -> None:
        """Count one picture: `truth` and `spared` (no harm in seeing something there) are boxes in its pixels."""
        boxes, classes = vehicles(seen)
        self.pictures += 1
        self.pictures_found += bool(len(boxes))
        self.objects += len(truth)
        free = np.ones(len(truth), bool)
        for box, label in zip(boxes, classes, strict=True):
            ious = overlap(box[None], truth)[0] * free if len(truth) else np.zeros(1, np.float32)
            best = int(ious.argmax())
            if ious[best] >= MATCH:
                free[best] = False
                self.found += 1
                self.labelled_truck += label == TRUCK
            elif not len(spared) or overlap(box[None], spared).max() < MATCH:
                self.false += 1
                self.false_truck += label == TRUCK
        if free.any():
            self.misses.append(f"{name}: {int(free.sum())} of {len(truth)}")


def vehicles(seen: Detections) -> tuple[Floats, NDArray[np.int64]]:
    """Truck and bus boxes of score 0.25 or more after suppression between the two, best first."""
    keep = np.isin(seen.classes, (TRUCK, BUS)) & (seen.scores >= SCORE)
    boxes, classes = seen.boxes[keep], seen.classes[keep]
    order = suppress(boxes, seen.scores[keep], MATCH)
    return boxes[order], classes[order]


def interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a proportion."""
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = beta.ppf(1 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)

"""Measures the bay finder on labelled pictures of one camera: `python -m models.bay.finder FOLDER [--part first|rest]`.

Truth is every labelled place of the pictures that could be registered, as boxes in the first picture's view, joined
where they overlap by half. A place is found when a proposal's box meets its box at an intersection over union of 0.5.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_agent.vision.detections import Box
from edge_agent.vision.detector import Detector
from edge_agent.vision.finder import look, propose
from edge_agent.vision.registration import Registration
from models.bay.data import POLE_TRAIN, pole_labels

MATCH = 0.5
LEAST_LABELLED = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.finder", description="Measure the bay finder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=["first", "rest", "all"], default="first")
    parser.add_argument("--draw", type=Path)
    given = parser.parse_args()
    files = sorted(given.folder.glob("[0-9]*.jpg"))
    cutoff = {"first": slice(0, POLE_TRAIN), "rest": slice(POLE_TRAIN, None), "all": slice(None)}[given.part]
    detector = Detector.load("truck-detector")
    registration: Registration | None = None
    pictures: list[list[Box]] = []
    labelled: list[list[tuple[bool, Box]]] = []
    first = None
    for file in files[cutoff]:
        image = cv2.imread(str(file))
        black = float((image.max(2) < 6).mean())
        if black > 0.02:
            continue
        if registration is None:
            registration, first = Registration(image), image
        shift = registration.update(image)
        if not shift.trusted:
            continue
        back = np.linalg.inv(shift.matrix)
        pictures.append([carried(box, back) for box in look(image, detector.detect)])
        labelled.append([(o, carried(_box(points), back)) for o, points in pole_labels(file.with_suffix(".txt"))])
    truth = places(labelled)
    found = propose(pictures)
    print(f"{len(pictures)} of {len(files[cutoff])} pictures registered, {len(truth)} places, {len(found)} proposals")
    used = [p for p in truth if p[1] >= LEAST_LABELLED]
    proposed = [p.box if p.seen else _box(np.array(p.polygon)) for p in found]
    print(f"{sum(p.seen == 0 for p in found)} of the proposals were put into gaps")
    report("places ever occupied, by proposals with a vehicle", [p[0] for p in used], [p.box for p in found if p.seen])
    gaps = [np.mean(p.polygon, axis=0) for p in found if not p.seen]
    inside = sum(any(a < x < c and b < y < d for (a, b, c, d), _ in truth) for x, y in gaps)
    print(f"{inside} of {len(gaps)} put into gaps have their middle in a labelled place")
    report("places ever occupied", [p[0] for p in used], proposed)
    report("all places", [p[0] for p in truth], proposed)
    if given.draw and first is not None:
        _draw(first, [p[0] for p in truth], [(p.polygon, p.seen) for p in found], given.draw)


def carried(box: Box, matrix: np.ndarray) -> Box:
    """The box around a box's corners after `matrix`."""
    corners = np.array([[box[0], box[1], 1], [box[2], box[1], 1], [box[2], box[3], 1], [box[0], box[3], 1]])
    x, y, w = matrix @ corners.T
    x, y = x / w, y / w
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def places(labelled: Sequence[Sequence[tuple[bool, Box]]]) -> list[tuple[Box, float]]:
    """Median box of every labelled place, and in which share of the pictures it was occupied."""
    members: list[list[tuple[bool, Box]]] = []
    for one in labelled:
        for occupied, box in one:
            best = max(range(len(members)), key=lambda k: _iou(members[k][0][1], box), default=-1)
            if best >= 0 and _iou(members[best][0][1], box) >= MATCH:
                members[best].append((occupied, box))
            else:
                members.append([(occupied, box)])
    found = []
    for group in members:
        if len(group) >= max(2, LEAST_LABELLED * len(labelled)):
            a, b, c, d = np.median([box for _, box in group], axis=0)
            found.append(((float(a), float(b), float(c), float(d)), float(np.mean([o for o, _ in group]))))
    return found


def report(name: str, truth: Sequence[Box], found: Sequence[Box]) -> None:
    """Prints recall and precision; each proposal answers for one place."""
    pairs = sorted(((_iou(t, f), i, j) for i, t in enumerate(truth) for j, f in enumerate(found)), reverse=True)
    taken_truth: set[int] = set()
    taken_found: set[int] = set()
    for iou, i, j in pairs:
        if iou >= MATCH and i not in taken_truth and j not in taken_found:
            taken_truth.add(i)
            taken_found.add(j)
    hits = len(taken_truth)
    print(f"{name}: recall {hits}/{len(truth)}, precision {hits}/{len(found)}")


def _box(points: np.ndarray) -> Box:
    (a, b), (c, d) = points.min(0).tolist(), points.max(0).tolist()
    return a, b, c, d


def _iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _draw(
    image: np.ndarray, truth: Sequence[Box], found: Sequence[tuple[list[tuple[float, float]], float]], file: Path
) -> None:
    height, width = image.shape[:2]
    for a, b, c, d in truth:
        cv2.rectangle(image, (int(a * width), int(b * height)), (int(c * width), int(d * height)), (255, 120, 0), 1)
    for polygon, seen in found:
        points = np.round(np.array(polygon) * (width, height)).astype(np.int32)
        cv2.polylines(image, [points], True, (0, 220, 0) if seen else (0, 220, 255), 2)
    cv2.imwrite(str(file), image)


if __name__ == "__main__":
    main()

"""Measure a detector on real pictures: `python -m models.detector.evaluate --card CARD --data DIR`.

Prints, for the card's model and (with `--weights`) the published networks, what it finds on the evaluation sets with
95 % Clopper-Pearson intervals, and with `--speed` the milliseconds a picture on one thread, all models taking turns in
one run. `--record FILE` writes the figures to a JSON file and the card's own into its [measured] table.
How a truck is counted stands in `models.detector.score`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from models.detector import CLASSES, card
from models.detector.boxes import Floats, overlap
from models.detector.detectors import Detector, Image, by_card, fastest_det, yolox_nano
from models.detector.score import MATCH, SCORE, Counts, interval, vehicles

SETS = {
    "trucks-eval, first 150": "trucks-eval/himanshi-*.jpg",
    "trucks-eval, next 54": "trucks-eval/nam-*.jpg",
    "trucks-eval, none": "trucks-eval/none-*.jpg",
    "truck-state-dev": "truck-state-dev/*.jpg",
    "gate-night": "gate-night/*.jpg",
}
# Sets whose pictures have no boxes: only whether a truck is seen is counted.
UNBOXED = ("truck-state-dev", "gate-night")
WHEEL = CLASSES.index("wheel")
TIMED_SIZE = (720, 1280)


def truth(path: Path, image: Image) -> Floats:
    """Truck boxes of a picture from its YOLO file, pixels."""
    label = path.with_suffix(".txt")
    rows = [line.split() for line in label.read_text("utf-8").splitlines() if line.strip()] if label.exists() else []
    return _corners([[float(value) for value in row[1:5]] for row in rows], image)


def _corners(rows: list[list[float]], image: Image) -> Floats:
    boxes = np.asarray(rows, np.float32).reshape(-1, 4)
    half = boxes[:, 2:] / 2
    size = np.asarray([image.shape[1], image.shape[0]] * 2, np.float32)
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), 1) * size


def pictures(data: Path, pattern: str) -> Iterator[tuple[Path, Image]]:
    for path in sorted(data.glob(pattern)):
        image = cv2.imread(str(path))
        if image is None:
            raise FileNotFoundError(f"{path}: not a readable picture; fetch the data set again")
        yield path, np.asarray(image, np.uint8)


def measure(detector: Detector, data: Path) -> dict[str, Counts]:
    results = {}
    nothing = np.zeros((0, 4), np.float32)
    for name, pattern in SETS.items():
        counts = Counts()
        for path, image in pictures(data, pattern):
            boxes = nothing if name in UNBOXED else truth(path, image)
            counts.add(path.name, detector.see(image), boxes, nothing)
        if not counts.pictures:
            raise FileNotFoundError(f"{data / pattern}: no pictures; --data must be the folder of the evaluation sets")
        results[name] = counts
    return results


def wheels_at_night(detector: Detector, data: Path) -> tuple[int, int]:
    """gate-night: wheels of the other author's model that ours finds too at IoU 0.5, and how many there are."""
    agreed = there = 0
    for path, image in pictures(data, SETS["gate-night"]):
        label = path.with_name(f"{path.stem}.wheels.txt")
        rows = [[float(value) for value in line.split()[1:5]] for line in label.read_text("utf-8").splitlines()]
        boxes = _corners(rows, image)
        seen = detector.see(image)
        mine = seen.boxes[(seen.classes == WHEEL) & (seen.scores >= SCORE)]
        there += len(boxes)
        if len(boxes) and len(mine):
            agreed += int((overlap(boxes, mine).max(1) >= MATCH).sum())
    return agreed, there


def row(name: str, counts: Counts) -> str:
    if name in UNBOXED:
        low, high = interval(counts.pictures_found, counts.pictures)
        return f"{counts.pictures_found}/{counts.pictures} pictures with a truck ({low:.1%} to {high:.1%})"
    if not counts.objects:
        return f"{counts.false} false boxes on {counts.pictures} pictures, {counts.false_truck} of them called truck"
    low, high = interval(counts.found, counts.objects)
    return (
        f"{counts.found}/{counts.objects} ({low:.1%} to {high:.1%}), {counts.labelled_truck} called truck; "
        f"{counts.false} false boxes"
    )


def speed(detectors: list[Detector], rounds: int = 60) -> dict[str, float]:
    """Median milliseconds of the network alone for a 16:9 picture, one thread, the detectors taking turns."""
    image = np.full((*TIMED_SIZE, 3), 90, np.uint8)
    inputs = [detector.prepare(image) for detector in detectors]
    taken: list[list[float]] = [[] for _ in detectors]
    for _ in range(rounds):
        for detector, images, times in zip(detectors, inputs, taken, strict=True):
            start = time.perf_counter()
            detector.run(images)
            times.append((time.perf_counter() - start) * 1e3)
    return {detector.name: round(median(times), 2) for detector, times in zip(detectors, taken, strict=True)}


def worst(detector: Detector, data: Path, folder: Path) -> int:
    """Write the pictures of the boxed sets with a missed truck or a false box: truth green, boxes red."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, pattern in SETS.items():
        for path, image in pictures(data, pattern):
            counts = Counts()
            seen = detector.see(image)
            boxes = truth(path, image)
            counts.add(path.name, seen, boxes, np.zeros((0, 4), np.float32))
            if counts.pictures_found if name in UNBOXED else not (counts.false or counts.misses):
                continue
            thick = max(1, max(image.shape) // 300)
            for group, colour in ((boxes, (0, 255, 0)), (vehicles(seen)[0], (0, 0, 255))):
                for left, top, right, bottom in group.astype(int).tolist():
                    cv2.rectangle(image, (left, top), (right, bottom), colour, thick)
            cv2.imwrite(str(folder / path.name), image)
            written += 1
    return written


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="models.detector.evaluate", description=__doc__)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds trucks-eval/, truck-state-dev/ …")
    parser.add_argument("--weights", type=Path, help="folder of yolox_nano.onnx and FastestDet.onnx, to compare with")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="measure the model at these input sizes too")
    parser.add_argument("--speed", action="store_true", help="time the models, too")
    parser.add_argument("--record", type=Path, help="JSON file for the figures; also fills the card's [measured]")
    parser.add_argument("--worst", type=Path, help="folder for the pictures with errors")
    given = parser.parse_args(arguments)
    ours = by_card(given.card)
    detectors = [ours] + [by_card(given.card, (size, size)) for size in given.sizes]
    if given.weights:
        detectors += [yolox_nano(given.weights), fastest_det(given.weights)]
    report: dict[str, Any] = {}
    for detector in detectors:
        results = measure(detector, given.data)
        report[detector.name] = {name: row(name, counts) for name, counts in results.items()}
        if detector is ours or detector.name.startswith("truck-detector"):
            agreed, there = wheels_at_night(detector, given.data)
            report[detector.name]["gate-night, wheels"] = f"{agreed}/{there} of another model's wheel boxes"
        print(detector.name)
        for name, told in report[detector.name].items():
            print(f"  {name:24} {told}")
        sys.stdout.flush()
    if given.speed:
        report["ms"] = speed(detectors)
        print("milliseconds, one thread, 16:9 picture:", report["ms"])
    if given.worst:
        print(f"{worst(ours, given.data, given.worst)} pictures with errors in {given.worst}")
    if given.record:
        given.record.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
        document = card.read(given.card)
        document["measured"] = report[ours.name]
        card.write(document, given.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())

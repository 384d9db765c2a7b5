"""Measures a bay-state model through the runtime: `python -m models.bay.evaluate --data DIR [--model CARD]`.

Sets: `patches` (pictures of single bays from 8 to 10 lots, none trained on), `pole-rest` and `pole-first` (one pole
camera split by time: the same cars stand in neighbouring pictures, so its bays are not independent). Intervals are
Wilson's at 95 %, which take samples for independent and so flatter the pole.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge_agent.vision.bay import BayClassifier
from models.bay.data import POLE_TRAIN, pole_labels
from models.evaluate.score import wilson

Seen = tuple[str, bool, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.evaluate", description="Measure a bay-state model.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds parking-pole and bay-patches")
    parser.add_argument("--model", default="bay-state")
    parser.add_argument("--sets", nargs="*", default=["patches", "pole-rest"])
    parser.add_argument("--worst", type=int, default=0, help="so many of the worst answers are listed")
    parser.add_argument("--speed", action="store_true", help="measure 50 bays in a 1280x720 picture and stop")
    given = parser.parse_args()
    classifier = BayClassifier.load(given.model)
    if given.speed:
        print(json.dumps(speed(classifier)))
        return
    for name in given.sets:
        seen = list(judged(name, given.data, classifier))
        print(json.dumps({"set": name, **summary(seen)}))
        for where, occupied, chance, size in sorted(seen, key=lambda s: -abs(s[2] - s[1]) if s[2] == s[2] else 0)[
            : given.worst
        ]:
            print(f"  {where} {'occupied' if occupied else 'free'} judged {chance:.2f}, {size:.0f} px")


def speed(classifier: BayClassifier, bays: int = 50, runs: int = 30) -> dict[str, float]:
    """CPU milliseconds of one evaluation, at best and in the middle; both are high on a busy machine."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    corners = np.array([(-0.03, -0.04), (0.03, -0.04), (0.04, 0.05), (-0.04, 0.05)])
    polygons = [(corners + rng.uniform(0.1, 0.9, 2)).tolist() for _ in range(bays)]
    taken = []
    for _ in range(runs):
        started = time.process_time()
        classifier.judge(image, polygons)
        taken.append((time.process_time() - started) * 1000)
    return {"bays": bays, "best_ms": round(min(taken), 1), "median_ms": round(float(np.median(taken)), 1)}


def judged(name: str, folder: Path, classifier: BayClassifier) -> Iterator[Seen]:
    """Where, occupied or not, the chance given, and the longer side in pixels of every labelled bay."""
    if name == "patches":
        for file in sorted((folder / "bay-patches").glob("*.jpg")):
            image = cv2.imread(str(file))
            whole = [(0.06, 0.06), (0.94, 0.06), (0.94, 0.94), (0.06, 0.94)]
            yield (
                file.stem,
                file.stem.startswith("occupied"),
                classifier.judge(image, [whole])[0],
                float(max(image.shape)),
            )
        return
    files = sorted((folder / "parking-pole").glob("[0-9]*.jpg"))
    for file in files[:POLE_TRAIN] if name == "pole-first" else files[POLE_TRAIN:]:
        image = cv2.imread(str(file))
        labels = pole_labels(file.with_suffix(".txt"))
        chances = classifier.judge(image, [points.tolist() for _, points in labels])
        sizes = [float((np.ptp(points, axis=0) * (image.shape[1], image.shape[0])).max()) for _, points in labels]
        for k, ((occupied, _), chance, size) in enumerate(zip(labels, chances, sizes, strict=True)):
            yield f"{file.stem}#{k}", occupied, chance, size


def summary(seen: list[Seen]) -> dict[str, object]:
    """Confusion at 0.5, balanced accuracy over what was judged, and Wilson intervals of both rates."""
    told = [s for s in seen if not math.isnan(s[2])]
    free = [s for s in told if not s[1]]
    occupied = [s for s in told if s[1]]
    right_free = sum(s[2] <= 0.5 for s in free)
    right_occupied = sum(s[2] > 0.5 for s in occupied)
    balanced = (right_free / max(len(free), 1) + right_occupied / max(len(occupied), 1)) / 2
    return {
        "free_right": [right_free, len(free), *_interval(right_free, len(free))],
        "occupied_right": [right_occupied, len(occupied), *_interval(right_occupied, len(occupied))],
        "balanced_accuracy": round(balanced, 4),
        "not_told": len(seen) - len(told),
    }


def _interval(right: int, of: int) -> list[float]:
    return [round(v, 4) for v in wilson(right, of)] if of else []


if __name__ == "__main__":
    main()

"""Replays the real pictures of the pole camera through the agent's deciders: `python -m models.bay.replay --data DIR`.

Each picture of parking-pole is shown for `SHOWN_S` seconds with its labelled bays as the section, the models as
witnesses; printed are, by part (`first`: the 40 pictures that may be trained on, `rest`: those after them, for
measuring only) and camera picture (`plain`, or `turned`: colourless and sheared by the set's publisher), how many bays
of each label became which state, the share decided, and balanced accuracy of those. The same parked cars stand in
neighbouring pictures: this is split by time and not by camera.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agent.parking.ground import vehicles
from edge_agent.parking.occupancy import Occupancy
from edge_agent.parking.witness import look, standing
from edge_agent.vision.bay import BayClassifier
from edge_agent.vision.detector import Detector
from edge_agent.vision.network import Image
from models.bay.data import POLE_TRAIN, Points, pole_labels

SHOWN_S, STEP_S = 132, 6
LABELS = ("free", "occupied")
VEHICLES = ("truck", "bus", "car", "other_vehicle")


@dataclass(frozen=True)
class Named:
    """A bay as far as its states need it."""

    id: str


@dataclass(frozen=True)
class Section:
    """The labels' boxes overlap more than a configured section may; the times are a pole's usual ones."""

    bay: list[Named]
    free_after_s: float = 6.0
    occupied_after_s: float = 6.0
    unknown_after_s: float = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.replay", description="Replay the pole's real pictures.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds parking-pole")
    parser.add_argument("--classifier", default="bay-state")
    parser.add_argument("--detector", default="truck-detector")
    given = parser.parse_args()
    classifier, detector = BayClassifier.load(given.classifier), Detector.load(given.detector)
    files = sorted((given.data / "parking-pole").glob("[0-9]*.jpg"))
    if not files:
        parser.error(f"--data: no pictures in {given.data / 'parking-pole'}")
    counts: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    for number, file in enumerate(files):
        image = np.asarray(cv2.imread(str(file)), np.uint8)
        turned = np.abs(image[..., 0].astype(int) - image[..., 2]).mean() < 1
        part = ("first" if number < POLE_TRAIN else "rest", "turned" if turned else "plain")
        labels = pole_labels(file.with_suffix(".txt"))
        counts.setdefault(part, Counter()).update(states(image, labels, classifier, detector))
    for part in ("first", "rest"):
        whole: Counter[tuple[str, str]] = Counter()
        for kind in ("plain", "turned"):
            own = counts.get((part, kind), Counter())
            whole += own
            print(json.dumps({"part": part, "pictures": kind, **summary(own)}))
        print(json.dumps({"part": part, "pictures": "all", **summary(whole)}))


def states(
    image: Image, labels: list[tuple[bool, Points]], classifier: BayClassifier, detector: Detector
) -> Iterator[tuple[str, str]]:
    """Label and state of every bay after the picture was looked at for `SHOWN_S`, as `PoleWatch` looks at one."""
    height, width = image.shape[:2]
    polygons = [[(float(x), float(y)) for x, y in np.clip(points, 0.0, 1.0)] for _, points in labels]
    seen = vehicles([d for d in detector.detect(image) if d.label in VEHICLES], width, height)
    chances = dict(enumerate(classifier.judge(image, polygons)))
    looks = look(polygons, chances, seen, standing(polygons, seen))
    occupancy = Occupancy(Section([Named(str(n)) for n in range(len(labels))]))  # type: ignore[arg-type]
    for time in range(0, SHOWN_S, STEP_S):
        occupancy.update(float(time + 1), looks)
    for (occupied, _), bay in zip(labels, occupancy.bays, strict=True):
        yield LABELS[occupied], bay.state


def summary(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    """By label how many became which state; share decided; balanced accuracy of the decided."""
    rates, rows = [], {}
    for label in LABELS:
        row = {state: counts[label, state] for state in (*LABELS, "unknown")}
        rows[label] = row
        rates.append(row[label] / max(row["free"] + row["occupied"], 1))
    decided = sum(n for (_, state), n in counts.items() if state != "unknown")
    share = round(decided / max(counts.total(), 1), 4)
    return {**rows, "decided": share, "balanced_accuracy": round(sum(rates) / 2, 4)}


if __name__ == "__main__":
    main()

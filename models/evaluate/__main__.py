"""`python -m models.evaluate --pictures DIR --labels FILE`: the shipped models on labelled pictures.

The truck judged in a picture is the largest box of class truck (score >= 0.25), or of class bus where there is none.
A picture without either is counted as not found and stands in no table. Exit 1 when the labels cannot be used.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from edge_agent.errors import LabelError
from edge_agent.review.labels import LOAD, WHEELS, Label, read_labels
from edge_agent.vision.detections import largest_truck
from edge_agent.vision.detector import Detector
from edge_agent.vision.state import StateClassifier, cut
from models.evaluate.report import write
from models.evaluate.score import Trial, joined


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m models.evaluate", description="Measure the models on labelled pictures."
    )
    parser.add_argument("--pictures", type=Path, required=True, help="folder that holds the pictures")
    parser.add_argument("--labels", type=Path, required=True, help="CSV: file, load_state, mud_state, note")
    parser.add_argument("--detector", default="truck-detector", help="a shipped model or the path of a card")
    parser.add_argument("--classifier", default="truck-state", help="a shipped model or the path of a card")
    parser.add_argument("--out", type=Path, default=Path("eval-out"), help="folder to write (replaced)")
    given = parser.parse_args()
    try:
        labels = read_labels(given.labels)
    except LabelError as error:
        print(error, file=sys.stderr)
        return 1
    return evaluate(
        given.pictures, labels, Detector.load(given.detector), StateClassifier.load(given.classifier), given.out
    )


def evaluate(folder: Path, labels: list[Label], detector: Detector, classifier: StateClassifier, out: Path) -> int:
    """Runs both models over `folder`, prints the report and writes it to `out`."""
    unreadable, missed = [], []
    crops: dict[str, np.ndarray] = {}
    weights: dict[str, float] = {}
    trials: dict[str, list[Trial]] = {"load": [], "wheels": []}
    for label in labels:
        image = cv2.imread(str(folder / label.file), cv2.IMREAD_COLOR)
        if image is None:
            unreadable.append(label.file)
            continue
        found = detector.detect(image)
        box = largest_truck(found)
        if box is None:
            missed.append(label.file)
            continue
        judgement = classifier.judge(image, box)
        crops[label.file], weights[label.file] = cut(image, box, classifier.card.crop.margin), judgement.quality
        for name, truth, classes, said in (
            ("load", label.load, LOAD, judgement.load),
            ("wheels", label.wheels, WHEELS, judgement.wheels),
        ):
            if truth is not None:
                trials[name].append(Trial(truth, np.array([said[c] for c in classes]), label.file))
    vehicles = {label.file: label.vehicle for label in labels}
    hard = {label.file for label in labels if label.hard}
    head: dict[str, object] = {
        "pictures": len(labels),
        "truck found": f"{len(labels) - len(missed) - len(unreadable)} of {len(labels) - len(unreadable)}",
        "not found": ", ".join(missed) or "none",
        "not readable": ", ".join(unreadable) or "none",
        "detector": f"{detector.card.name} {detector.card.version}",
        "classifier": f"{classifier.card.name} {classifier.card.version}",
    }
    parts = {
        "load, by picture": (trials["load"], LOAD),
        "load, by picture, without hard ones": ([t for t in trials["load"] if t.name not in hard], LOAD),
        "load, by vehicle": (joined(trials["load"], vehicles, weights), LOAD),
        "wheels, by picture": (trials["wheels"], WHEELS),
        "wheels, by vehicle": (joined(trials["wheels"], vehicles, weights), WHEELS),
    }
    print(write(out, head, parts, crops))
    return 0


if __name__ == "__main__":
    sys.exit(main())

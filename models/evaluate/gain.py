"""`python -m models.evaluate.gain --pictures DIR --labels FILE`: what adaptation gains with 5, 10 and 20 labels.

Source by source (the file name up to its first hyphen; a stand-in for one camera), and over all pictures together,
which no one camera is. Thirty times vehicles are drawn at random until there are enough labelled pictures, a head is
adapted on them as `edge-agent adapt` does, and all pictures of the other vehicles are judged: by the shipped head (this
is 0 labels), by what adaptation gave out, and by the new head whether or not it was given out.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

from drivers.opencv import read_picture
from edge_agent.cli.adapt import judged
from edge_agent.review.labels import LOAD, WHEELS, read_labels
from edge_agent.vision.adapt import LEAST_CROPS, adapt
from edge_agent.vision.detector import Detector
from edge_agent.vision.state import StateClassifier

DRAWS = 30
LABELS = (5, 10, 20)
LEAST_JUDGED = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate.gain")
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--classifier", default="truck-state", help="a shipped model or the path of a card")
    given = parser.parse_args()
    detector, classifier = Detector.load("truck-detector"), StateClassifier.load(given.classifier)
    labels = read_labels(given.labels)
    seen = [(each, judged(read_picture(given.pictures / each.file), each, detector, classifier)) for each in labels]
    print("| what | source | pictures (vehicles) | 0 labels | labels | shipped | adapted | better / worse | always |")
    print("|---|---|---|---|---|---|---|---|---|")
    for output, words in (("load", LOAD), ("wheels", WHEELS)):
        rows = [(label, said) for label, said in seen if said is not None and getattr(label, output) is not None]
        classes = next(each.classes for each in classifier.card.outputs if each.name == output)
        sources = np.array([label.file.split("-")[0] for label, _ in rows])
        for source in [*sorted(set(sources.tolist())), "all"]:
            chosen = [row for row, of in zip(rows, sources, strict=True) if source in (of, "all")]
            states = np.array([classes.index(words[getattr(label, output)]) for label, _ in chosen])
            if len(chosen) < LEAST_CROPS + LEAST_JUDGED or len(set(states.tolist())) < 2:
                continue
            features = np.array([said.features for _, said in chosen], np.float64)
            logits = np.array([said.logits[output] for _, said in chosen], np.float64)
            vehicles = np.unique([label.vehicle for label, _ in chosen], return_inverse=True)[1]
            measure(output, source, features, logits, states, vehicles)


def measure(
    output: str, source: str, features: np.ndarray, logits: np.ndarray, states: np.ndarray, vehicles: np.ndarray
) -> None:
    """Prints a row for each number of labels that leaves something to judge."""
    distinct = np.unique(vehicles)
    right = (logits.argmax(1) == states).sum()
    for count in LABELS:
        generator = np.random.default_rng(0)
        scores = []
        for _ in range(DRAWS):
            known = np.zeros(len(states), bool)
            for vehicle in generator.permutation(distinct):
                if known.sum() >= count:
                    break
                known |= vehicles == vehicle
            if (~known).sum() < LEAST_JUDGED or len(np.unique(vehicles[known])) < 2:
                continue
            found = adapt(features[known], logits[known], states[known], vehicles[known])
            shipped = (logits[~known].argmax(1) == states[~known]).mean()
            adapted = shipped
            if found.correction is not None:
                said = found.correction.apply(features[~known], logits[~known]).argmax(1)
                adapted = (said == states[~known]).mean()
            always = found.fitted.apply(features[~known], logits[~known]).argmax(1) == states[~known]
            scores.append((shipped, adapted, always.mean()))
        if len(scores) < DRAWS // 2:
            continue
        shipped, adapted, always = np.array(scores).T
        print(
            f"| {output} | {source} | {len(states)} ({len(distinct)}) | {right} right | {count} | "
            f"{shipped.mean():.2f} | {adapted.mean():.2f} | "
            f"{(adapted > shipped).sum()} / {(adapted < shipped).sum()} of {len(scores)} | "
            f"{always.mean():.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()

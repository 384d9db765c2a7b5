"""Records what the shipped models see in a rendered clip, to be replayed in tests without pictures.

    python -m models.scenes clip --script gate-two --scale 0.5 --fps 10 --out CLIP.mp4 --truth TRUTH.json
    python -m tests.gate.record CLIP.mp4 TRUTH.json tests/gate/situations/gate-two.json

One JSON object: the truth's passages and expected counts, the models' versions, the picture's size, the line and the
wash bay, frames a second; for each frame its detections (label, score, box, and for boxes of 24 pixels and more the
judgement of load and wheels with its quality); and for each frame what is truly there: label, share of it that is
seen, box.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2

from edge_agent.vision.detector import Detector
from edge_agent.vision.state import Judgement, StateClassifier

_LEAST_PX = 24


def main(clip: Path, truth: Path, out: Path) -> None:
    detector, classifier = Detector.load("truck-detector"), StateClassifier.load("truck-state")
    told = json.loads(truth.read_text())
    video = cv2.VideoCapture(str(clip))
    frames: list[list[Any]] = []
    while True:
        read, image = video.read()
        if not read:
            break
        rows: list[Any] = []
        for each in detector.detect(image):
            if each.label == "wheel":
                continue
            row: list[Any] = [each.label, round(each.score, 3), [round(v) for v in each.box]]
            if min(each.box[2] - each.box[0], each.box[3] - each.box[1]) >= _LEAST_PX:
                row.append(_told(classifier.judge(image, each.box)))
            rows.append(row)
        frames.append(rows)
    record = {
        "clip": out.stem,
        "models": {"detector": detector.card.version, "state": classifier.card.version},
        "width": told["width"],
        "height": told["height"],
        "fps": told["fps"],
        "gate_line": told["gate_line"],
        **({"wash_zone": told["wash_zone"]} if "wash_zone" in told else {}),
        "expected": told["expected"],
        "passages": [p for p in told["passages"] if p["class"] == "truck"],
    }
    true: list[list[Any]] = [[] for _ in frames]
    for k, number, x1, y1, x2, y2, seen in told["boxes"]:
        true[k].append([told["passages"][number]["class"], seen, [x1, y1, x2, y2]])
    text = json.dumps(record, indent=1)[:-2]
    for name, rows in (("frames", frames), ("true", true)):
        lines = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in rows)
        text += f',\n "{name}": [\n{lines}\n ]'
    out.write_text(text + "\n}\n")


def _told(judgement: Judgement) -> dict[str, Any]:
    return {
        "load": {state: round(p, 3) for state, p in judgement.load.items()},
        "wheels": {state: round(p, 3) for state, p in judgement.wheels.items()},
        "quality": round(judgement.quality, 3),
    }


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:4]))

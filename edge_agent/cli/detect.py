"""``edge-agent detect IMAGE…``: what the models see, one JSON object a picture.

A picture that cannot be read gives ``{"file", "error"}`` and the rest goes on; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures, models, form of output."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture file")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on stdout")
    parser.add_argument("--detector", default="truck-detector", metavar="MODEL", help="shipped model or card file")
    parser.add_argument("--state", default="truck-state", metavar="MODEL", help="shipped model or card file")


def run(args: argparse.Namespace) -> int:
    """Detects and prints."""
    from drivers.opencv import read_picture
    from edge_agent.vision.detector import Detector
    from edge_agent.vision.state import StateClassifier

    detector = Detector.load(args.detector)
    state = StateClassifier.load(args.state)
    failed = False
    for file in args.images:
        image = read_picture(Path(file))
        if image is None:
            failed = True
            found: dict[str, Any] = {"file": file, "error": _why_not(Path(file))}
        else:
            height, width = image.shape[:2]
            found = {"file": file, "width": width, "height": height, "detections": []}
            for detection in detector.detect(image):
                one: dict[str, Any] = {
                    "label": detection.label,
                    "score": round(detection.score, 4),
                    "box": [round(v, 1) for v in detection.box],
                }
                if detection.label == "truck":
                    judged = state.judge(image, detection.box)
                    one["load"] = _best(judged.load)
                    one["wheels"] = _best(judged.wheels)
                found["detections"].append(one)
        print(json.dumps(found, ensure_ascii=False) if args.json else _line(found), flush=True)
    return 1 if failed else 0


def _why_not(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder; name its pictures: {file}/*.jpg"
    if not file.exists():
        return f"{file} is not there; name a JPEG, PNG, BMP, WebP or TIFF file"
    if not os.access(file, os.R_OK):
        return f"{file} may not be read by this user; change its rights, or copy it"
    return f"{file} is no picture that can be read; JPEG, PNG, BMP, WebP and TIFF can be read"


def _best(probabilities: dict[str, float]) -> dict[str, Any]:
    state = max(probabilities, key=lambda name: probabilities[name])
    return {"state": state, "confidence": round(probabilities[state], 4)}


def _line(found: dict[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    words = []
    for one in found["detections"]:
        text = f"{one['label']} {one['score']:.2f}"
        if "load" in one:
            text += f" (load {one['load']['state']} {one['load']['confidence']:.2f}, "
            text += f"wheels {one['wheels']['state']} {one['wheels']['confidence']:.2f})"
        words.append(text)
    return f"{found['file']}: {', '.join(words) or 'nothing'}"

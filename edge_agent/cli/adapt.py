"""``edge-agent adapt --labels FILE CONFIG``: fits the truck-state head to one camera by 10 to 50 reviewed crops.

Nothing is written unless the whole label file is good and the new head is better on crops that were held back; then it
is in use from the next start of ``run``. ``--undo`` takes the last one back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.cli.owner import require_owner
from edge_agent.config import Gate, load
from edge_agent.errors import ConfigError, LabelError
from edge_agent.messages import rfc3339

if TYPE_CHECKING:
    from edge_agent.review.labels import Label
    from edge_agent.vision.adaptation import Adaptation, Head
    from edge_agent.vision.detector import Detector
    from edge_agent.vision.network import Image
    from edge_agent.vision.state import Judgement, StateClassifier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose head, and by what."""
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="configuration file of a device with a gate")
    parser.add_argument("--data-dir", help="the device's data folder, instead of CONFIG")
    parser.add_argument("--camera", help="which camera, where there are several")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--labels", metavar="FILE", help="CSV: file, load_state, mud_state; pictures stand beside it")
    what.add_argument("--undo", action="store_true", help="take the last adaptation back")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


@dataclass(frozen=True, slots=True)
class _Post:
    data_dir: Path
    camera: str
    detector: str
    state: str


@dataclass(frozen=True, slots=True)
class _Crop:
    label: Label
    judgement: Judgement
    sha256: str


def run(args: argparse.Namespace) -> int:
    """Adapts or undoes."""
    post = _post(args)
    require_owner(post.data_dir)
    from edge_agent.vision import adaptation
    from edge_agent.vision.state import StateClassifier

    if args.undo:
        now = adaptation.undo(post.data_dir, post.camera)
        undone = json.dumps({"camera": post.camera, "undone": True, "in_use": now})
        print(undone if args.json else f"{post.camera}: in use from the next start is {now}")
        return 0
    if not post.data_dir.is_dir():
        raise ConfigError(
            args.config or "--data-dir",
            "device.data_dir",
            f"{post.data_dir} is no folder; run this on the device, or name the folder that its agent writes to",
        )
    classifier = StateClassifier.load(post.state)
    crops, skipped = _crops(Path(args.labels), post, classifier)
    for text in skipped:
        print(f"edge-agent: {text}", file=sys.stderr)
    earlier = adaptation.read(post.data_dir, post.camera, classifier.identity)
    report: dict[str, Any] = {"camera": post.camera, "crops": len(crops), "skipped": len(skipped), "heads": {}}
    heads = dict(earlier.heads) if earlier else {}
    better = False
    for output in ("load", "wheels"):
        head, said = _fitted(output, crops, classifier, earlier)
        report["heads"][output] = said
        if head is not None:
            heads[output], better = head, True
    report["changed"] = better
    if better:
        seen = sorted({*(earlier.seen if earlier else ()), *(crop.sha256 for crop in crops)})
        made = adaptation.Adaptation(
            camera=post.camera, model=classifier.identity, made=rfc3339(time.time()), heads=heads, seen=seen
        )
        report["file"] = str(adaptation.write(post.data_dir, made))
    print(json.dumps(report, ensure_ascii=False) if args.json else _text(report))
    return 0


def _post(args: argparse.Namespace) -> _Post:
    if bool(args.config) == bool(args.data_dir):
        raise ConfigError("adapt", "", "give either CONFIG or --data-dir")
    if args.data_dir:
        return _Post(Path(args.data_dir), args.camera or "gate", "truck-detector", "truck-state")
    config = load(args.config)
    gates: dict[str, Gate] = {gate.camera.name: gate for gate in config.gate}
    if not gates:
        raise ConfigError(args.config, "gate", "is missing; only a gate's camera has a head to adapt")
    if args.camera is None and len(gates) > 1:
        raise ConfigError(args.config, "gate", f"--camera must say which; allowed: {', '.join(gates)}")
    camera = args.camera or next(iter(gates))
    if camera not in gates:
        raise ConfigError(args.config, "gate", f"has no camera {camera!r}; allowed: {', '.join(gates)}")
    gate = gates[camera]
    return _Post(Path(config.device.data_dir), camera, gate.detector, gate.state)


def _crops(file: Path, post: _Post, classifier: StateClassifier) -> tuple[list[_Crop], list[str]]:
    """What the classifier makes of every labelled picture of the camera, and sentences about those without a truck."""
    from drivers.opencv import read_picture
    from edge_agent.review.labels import read_labels
    from edge_agent.vision.detector import Detector

    labels = [each for each in read_labels(file) if each.camera in ("", post.camera)]
    labels = [each for each in labels if each.load is not None or each.wheels is not None]
    if not labels:
        raise LabelError(f"{file}: holds no judged row of the camera {post.camera!r}")
    for label in labels:
        if not (file.parent / label.file).is_file():
            raise LabelError(f"{file}:{label.line}: the picture {label.file!r} is missing beside the file")
    detector = Detector.load(post.detector)
    crops, skipped = [], []
    for label in labels:
        path = file.parent / label.file
        image = read_picture(path)
        if image is None:
            raise LabelError(f"{file}:{label.line}: {label.file!r} is no picture that can be read")
        judgement = judged(image, label, detector, classifier)
        if judgement is None:
            skipped.append(f"{file}:{label.line}: no truck is found in {label.file!r}; give its box, or leave it out")
        else:
            crops.append(_Crop(label, judgement, hashlib.sha256(path.read_bytes()).hexdigest()))
    return crops, skipped


def judged(image: Image, label: Label, detector: Detector, classifier: StateClassifier) -> Judgement | None:
    """What is seen of the labelled truck, by its box or of the largest; None where none is found."""
    from edge_agent.vision.detections import largest_truck

    box = label.box or largest_truck(detector.detect(image))
    return classifier.judge(image, box) if box else None


def _fitted(
    output: str, crops: list[_Crop], classifier: StateClassifier, earlier: Adaptation | None
) -> tuple[Head | None, dict[str, Any]]:
    """The new head of one output where it is better, and what was measured."""
    import numpy as np

    from edge_agent.review.labels import LOAD, WHEELS
    from edge_agent.vision.adapt import adapt
    from edge_agent.vision.adaptation import Head

    words = LOAD if output == "load" else WHEELS
    classes = next(each.classes for each in classifier.card.outputs if each.name == output)
    judged = [(crop, state) for crop in crops if (state := getattr(crop.label, output)) is not None]
    if not judged:
        return None, {"crops": 0, "kept": "no crop says anything of it"}
    states = np.array([classes.index(words[state]) for _, state in judged])
    groups = np.unique([crop.label.vehicle for crop, _ in judged], return_inverse=True)[1]
    features = np.array([crop.judgement.features for crop, _ in judged], np.float64)
    logits = np.array([crop.judgement.logits[output] for crop, _ in judged], np.float64)
    before = earlier.heads.get(output) if earlier else None
    fresh = np.array([earlier is None or crop.sha256 not in earlier.seen for crop, _ in judged])
    try:
        found = adapt(features, logits, states, groups, before.correction() if before else None, fresh)
    except ValueError as error:
        return None, {"crops": len(judged), "kept": str(error)}
    said = {"crops": found.crops, "old_right": found.old_right, "new_right": found.new_right}
    if found.correction is None:
        return None, {**said, "kept": "the new head is not better on held-back crops"}
    new = found.correction
    head = Head(
        mean=new.mean.tolist(),
        spread=new.spread.tolist(),
        weights=new.weights.tolist(),
        bias=new.bias.tolist(),
        crops=found.crops,
        old_right=found.old_right,
        new_right=found.new_right,
    )
    return head, said


def _text(report: dict[str, Any]) -> str:
    lines = []
    for output, said in report["heads"].items():
        measured = ""
        if "old_right" in said:
            measured = (
                f"right of {said['crops']} held-back crops: {said['old_right']} before, {said['new_right']} after"
            )
        kept = f"the head in use stays: {said['kept']}" if "kept" in said else "adapted"
        lines.append(f"{report['camera']} {output}: {kept}" + (f" ({measured})" if measured else ""))
    if report["changed"]:
        lines.append(f"in use from the next start of run: {report['file']}")
    return "\n".join(lines)

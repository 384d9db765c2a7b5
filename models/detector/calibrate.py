"""Choose how readily the detector says truck: `python -m models.detector.calibrate --checkpoint FILE --data DIR …`.

Training shows trucks far more often than a street does, so the truck class comes out too eager. A constant is added to
the truck logit of every level: the largest with which the held-out part has no more false boxes (score 0.25) than the
published network has there. Missing a truck costs more at a gate than a second look, so F1 is not the measure; no
evaluation set is looked at. Writes the shifted network beside the checkpoint, ready for export.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from models.detector.augment import View, plain, read
from models.detector.boxes import Floats, detections
from models.detector.network import Head, YoloxNano
from models.detector.pretrained import load_published, with_our_classes
from models.detector.samples import Sample, held_out, real, rendered
from models.detector.score import BUS, TRUCK, Counts
from models.detector.teacher import look_at_all

SHIFTS = tuple(round(-0.25 * step, 2) for step in range(-2, 11))
Answer = tuple[View, Floats]


def answers(network: YoloxNano, samples: list[Sample], size: int = 416) -> list[Answer]:
    """Each sample as the network sees it, and its logits A×(5+C)."""
    network.eval()
    collected = []
    for sample in samples:
        shape = read(sample).shape
        scale = size / max(shape[:2])
        whole = (-(-round(shape[0] * scale) // 32) * 32, -(-round(shape[1] * scale) // 32) * 32)
        view = plain(sample, whole)
        with torch.no_grad():
            logits = network(torch.from_numpy(view.image).permute(2, 0, 1)[None].float())[0].numpy()
        collected.append((view, logits))
    return collected


def count(collected: list[Answer], shift: float) -> Counts:
    """Trucks found and false boxes with `shift` added to the truck logit."""
    counts = Counts()
    for view, logits in collected:
        raw = logits.copy()
        raw[:, 5 + TRUCK] += shift
        raw[:, 4:] = 1 / (1 + np.exp(-raw[:, 4:]))
        spared = np.concatenate((view.boxes[view.classes == BUS], view.ignored))
        height, width = view.image.shape[:2]
        seen = detections(raw, (height, width), 1.0, 0.25, 0.5)
        counts.add("", seen, view.boxes[view.classes == TRUCK], spared)
    return counts


def best_shift(collected: list[Answer], allowed: int) -> tuple[float, list[str]]:
    """The largest shift with at most `allowed` false boxes (the smallest if none has so few), and a line of each."""
    told, fitting = [], [min(SHIFTS)]
    for shift in SHIFTS:
        counts = count(collected, shift)
        told.append(f"{shift:+.2f}: {counts.found}/{counts.objects} found, {counts.false} false boxes")
        if counts.false <= allowed:
            fitting.append(shift)
    return max(fitting), told


def choose(network: YoloxNano, published: Path, samples: list[Sample]) -> tuple[float, list[str]]:
    """The shift for `network` by the rule above, on held-out samples, and what was counted."""
    theirs = count(answers(with_our_classes(load_published(published)), samples), 0.0)
    shift, told = best_shift(answers(network, samples), theirs.false)
    return shift, [f"published: {theirs.found}/{theirs.objects} found, {theirs.false} false boxes", *told]


def shifted(network: YoloxNano, shift: float) -> YoloxNano:
    with torch.no_grad():
        for head in network.heads:
            assert isinstance(head, Head)
            assert head.classes.bias is not None
            head.classes.bias[TRUCK] += shift
    return network


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="models.detector.calibrate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="detector.pt")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder that holds yolox_nano.onnx")
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--shift", type=float, help="take this one instead of the best")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    saved = torch.load(given.checkpoint, map_location="cpu", weights_only=True)
    network = YoloxNano()
    network.load_state_dict(saved["network"])
    samples = [sample for sample in real(given.data)[0] if held_out(sample)]
    samples = look_at_all(samples, given.weights / "yolox_nano.onnx", given.checkpoint.with_name("teacher.json"))
    if given.rendered:
        samples += [sample for sample in rendered(given.rendered) if held_out(sample)]
    shift, told = choose(network, given.weights / "yolox_nano.onnx", samples)
    print("\n".join(told))
    shift = shift if given.shift is None else given.shift
    path = given.checkpoint.with_name("calibrated.pt")
    torch.save({**saved, "network": shifted(network, shift).state_dict(), "truck_shift": shift}, path)
    print(f"truck logit shifted by {shift:+.2f}: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

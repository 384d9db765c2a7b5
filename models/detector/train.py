"""Fine-tune the truck detector: `python -m models.detector.train --data DIR --weights DIR --out DIR --version V`.

Starts from the published YOLOX-nano, learns our classes on the real sets that may be trained on and on rendered
scenes, and is pulled back towards its starting weights all the time (L2-SP, Xuhong et al. 2018), because the real sets
are small.
There is no batch normalisation to estimate: it is folded into the convolutions. The first two stages stay as published.

Every batch is drawn from (seed, step), so a run repeats, and a run that was stopped resumes from its last checkpoint in
`--out` with the batches it would have had. Renders its scenes into `--out/scenes` unless `--rendered` names some.
Writes `detector.pt` (moving average of the weights), `calibrated.pt` (the same with the truck class's constant of
`calibrate`), `truck-detector.onnx` and its card, and the record, `detector-VERSION.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.detector import CLASSES
from models.detector.augment import augmented, plain, read
from models.detector.boxes import detections, grid
from models.detector.calibrate import choose, shifted
from models.detector.export import write
from models.detector.loss import Target, detection_loss
from models.detector.network import Deployed, YoloxNano
from models.detector.pretrained import load_published, with_our_classes
from models.detector.samples import Sample, held_out, real, rendered
from models.detector.score import BUS, TRUCK, Counts
from models.detector.teacher import look_at_all
from models.scenes.dataset import render

# Height, width of a batch and how often it is drawn: what 16:9, 4:3 and square pictures become in the runtime.
SHAPES = (((416, 416), 0.25), ((256, 416), 0.4), ((320, 416), 0.25), ((416, 320), 0.1))
# Share of the pictures drawn from each source; a missing source's share goes to the others.
SHARES = {
    "trucks": 0.18,
    "yuskun-vehicles": 0.24,
    "kerou-z": 0.13,
    "yuskun-car": 0.18,
    "parking-pole": 0.05,
    "rendered": 0.22,
}
LICENCES = {
    "yuskun-vehicles": "CC BY 4.0",
    "yuskun-car": "CC BY 4.0",
    "kerou-z": "MIT",
    "parking-pole": "CC BY 4.0, first 40 frames",
    "rendered": "made by this project",
}
SCENE = (640, 384)
WARM_UP_STEPS = 100
# Of the learning rate, for the backbone's last three stages.
BACKBONE_RATE = 0.3
AVERAGE = 0.998


class Batches(Dataset[tuple[Tensor, list[Target]]]):
    """Batch number n is a function of (seed, n)."""

    def __init__(self, samples: list[Sample], batch: int, steps: int, seed: int) -> None:
        self.pools: dict[str, list[Sample]] = {}
        for sample in samples:
            self.pools.setdefault(sample.source, []).append(sample)
            if sample.source == "yuskun-vehicles" and sample.has("truck"):
                self.pools.setdefault("trucks", []).append(sample)
        self.batch, self.steps, self.seed = batch, steps, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[Tensor, list[Target]]:
        cv2.setNumThreads(1)
        random = np.random.default_rng((self.seed, step))
        names = list(self.pools)
        shares = np.asarray([SHARES[name] for name in names])

        def draw() -> Sample:
            pool = self.pools[names[random.choice(len(names), p=shares / shares.sum())]]
            return pool[random.integers(len(pool))]

        size = SHAPES[random.choice(len(SHAPES), p=[share for _, share in SHAPES])][0]
        views = [augmented(draw, size, random) for _ in range(self.batch)]
        images = torch.from_numpy(np.stack([view.image for view in views])).permute(0, 3, 1, 2)
        targets = [
            Target(
                torch.from_numpy(view.boxes),
                torch.from_numpy(view.classes),
                torch.from_numpy(view.ignored),
                view.wheels_known,
                torch.from_numpy(view.neither),
            )
            for view in views
        ]
        return images, targets


def validate(network: YoloxNano, samples: list[Sample], size: int = 416) -> dict[str, float]:
    """Truck recall, false boxes and recall of the other classes on held-out samples."""
    deployed = Deployed(network.eval())
    trucks = Counts()
    others: dict[str, list[int]] = {name: [0, 0] for name in CLASSES[2:]}
    for sample in samples:
        shape = read(sample).shape
        scale = size / max(shape[:2])
        whole = (-(-round(shape[0] * scale) // 32) * 32, -(-round(shape[1] * scale) // 32) * 32)
        view = plain(sample, whole)
        image = torch.from_numpy(view.image).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            raw = deployed(image)[0].numpy()
        seen = detections(raw, whole, 1.0, 0.25, 0.5)
        buses = view.boxes[view.classes == BUS]
        trucks.add(sample.path.name, seen, view.boxes[view.classes == TRUCK], np.concatenate((buses, view.ignored)))
        for name, tally in others.items():
            if name == "wheel" and not (sample.has("wheel")):
                continue
            index = CLASSES.index(name)
            single = Counts()
            mine = seen.classes == index
            same = type(seen)(seen.boxes[mine], np.zeros(int(mine.sum()), np.int64), seen.scores[mine])
            single.add("", same, view.boxes[view.classes == index], view.ignored)
            tally[0] += single.found
            tally[1] += single.objects
    network.train()
    scores = {
        "truck_recall": trucks.found / max(trucks.objects, 1),
        "truck_recall_as_truck": trucks.labelled_truck / max(trucks.objects, 1),
        "trucks": float(trucks.objects),
        "false_boxes": float(trucks.false),
        "pictures": float(trucks.pictures),
    }
    scores |= {f"{name}_recall": found / max(total, 1) for name, (found, total) in others.items()}
    return {key: round(float(value), 4) for key, value in scores.items()}


def train(given: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    started = time.monotonic()
    given.out.mkdir(parents=True, exist_ok=True)
    samples, left_out = real(given.data)
    samples = look_at_all(samples, given.weights / "yolox_nano.onnx", given.out / "teacher.json")
    scenes = given.rendered or given.out / "scenes"
    if not given.rendered:
        render(scenes, given.scenes, given.first, SCENE, crops=False)
    samples += rendered(scenes)
    learnt = [sample for sample in samples if not held_out(sample)]
    kept_back = [sample for sample in samples if held_out(sample) and sample.source != "rendered"]
    counts = Counter(sample.source for sample in learnt)
    print(f"learning from {dict(counts)}, {len(kept_back)} held out, {len(left_out)} left out", flush=True)

    network = with_our_classes(load_published(given.weights / "yolox_nano.onnx"))
    if given.start:
        network.load_state_dict(torch.load(given.start, map_location="cpu", weights_only=True)["network"])
    network = network.to(memory_format=torch.channels_last).train()
    for part in (network.stem, network.stage2):
        part.requires_grad_(False)
    anchors = [parameter.detach().clone() for parameter in network.parameters()]
    average = deepcopy(network)
    groups = [
        {"params": [*network.stage3.parameters(), *network.stage4.parameters(), *network.stage5.parameters()]},
        {"params": [p for name, p in network.named_parameters() if not name.startswith("st")]},
    ]
    optimiser = torch.optim.AdamW(groups, lr=given.rate, weight_decay=0.0)
    checkpoint = given.out / "checkpoint.pt"
    step, history, spent = 0, [], 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, history, spent = saved["step"], saved["history"], saved["spent"]
        print(f"resuming at step {step}", flush=True)
    else:
        history.append({"step": 0, **validate(network, kept_back)})
        print(history[-1], flush=True)

    batches = Batches(learnt, given.batch, given.steps, given.seed)
    remaining = torch.utils.data.Subset(batches, range(step, given.steps))
    loader = (
        DataLoader(remaining, None, num_workers=1, prefetch_factor=4, multiprocessing_context="spawn")
        if len(remaining)
        else []
    )
    for images, targets in loader:
        progress = step / given.steps
        rate = (
            given.rate * min(1.0, (step + 1) / WARM_UP_STEPS) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
        )
        for group, share in zip(optimiser.param_groups, (BACKBONE_RATE, 1.0), strict=True):
            group["lr"] = rate * share
        height, width = images.shape[2:]
        corners, strides = (torch.from_numpy(part) for part in grid(height, width))
        with torch.autocast("cpu", torch.bfloat16, enabled=given.half):
            raw = network(images.float().contiguous(memory_format=torch.channels_last))
        loss, parts = detection_loss(raw.float(), targets, corners, strides)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, parameter, anchor in zip(average.parameters(), network.parameters(), anchors, strict=True):
                parameter.lerp_(anchor, rate * given.pull)
                mean.lerp_(parameter, 1 - keep)
        if step % 20 == 0:
            elapsed = spent + time.monotonic() - started
            told = " ".join(f"{name} {value:.2f}" for name, value in parts.items())
            print(
                f"step {step}/{given.steps} {elapsed / 60:.1f} min loss {float(loss.detach()):.2f} ({told})", flush=True
            )
        if step % given.every == 0 or step == given.steps:
            history.append({"step": step, **validate(average, kept_back)})
            print(history[-1], flush=True)
            spent_now = spent + time.monotonic() - started
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "history": history,
                "spent": spent_now,
            }
            torch.save(state, checkpoint.with_suffix(".draft"))
            checkpoint.with_suffix(".draft").replace(checkpoint)
            data = {name: f"{counts[name]} pictures, {LICENCES[name]}" for name in counts}
            torch.save({"network": average.state_dict(), "data": data}, given.out / "detector.pt")
    shift, told = choose(average, given.weights / "yolox_nano.onnx", kept_back)
    print("\n".join(told), flush=True)
    data = {name: f"{counts[name]} pictures, {LICENCES[name]}" for name in counts}
    torch.save({"network": shifted(average, shift).state_dict(), "data": data}, given.out / "calibrated.pt")
    return {
        "model": "truck-detector",
        "version": given.version,
        "seed": given.seed,
        "steps": given.steps,
        "batch": given.batch,
        "rate": given.rate,
        "pull": given.pull,
        "start": str(given.start.name) if given.start else "yolox_nano.onnx",
        "pictures": dict(counts),
        "held_out": len(kept_back),
        "left_out": left_out,
        "minutes": round((spent + time.monotonic() - started) / 60, 1),
        "held_out_scores": history,
        "truck_shift": shift,
        "held_out_at_shift": told,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="models.detector.train", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder that holds trucks/, parking-pole/, trucks-eval/ …"
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder that holds yolox_nano.onnx")
    parser.add_argument("--rendered", type=Path, help="scenes drawn by models.scenes, instead of rendering here")
    parser.add_argument("--scenes", type=int, default=300, help="to render, numbered from --first")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and the run's record")
    parser.add_argument("--version", default="0.0.0")
    parser.add_argument("--start", type=Path, help="a detector.pt to start from instead of the published weights")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--pull", type=float, default=1.0, help="share of the way back to the start per unit of rate")
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--half", action=argparse.BooleanOptionalAction, default=False, help="bfloat16 convolutions")
    given = parser.parse_args(arguments)
    record = train(given)
    path = given.out / f"detector-{given.version}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    model, difference = write(given.out / "calibrated.pt", given.version, given.out)
    print(f"wrote {model} (off by {difference:.1e}), its card and {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Trains the bay-state classifier: `python -m models.bay.train --data DIR --weights DIR --out DIR`.

Seeded and resumable: rendered lots, samples and the state of the fit lie in --out. `--without pole` leaves a source
out, so that its camera is an unseen one. `--lean` is added to the logit of occupied after the fit: on an unseen camera
missed vehicles outnumber invented ones, and 1.0 was near the best for the pole's first pictures by a fit without the
pole. The result is `bay-state.onnx`, its card and `bay-<version>.json` in --out.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from edge_agent.vision.detector import Detector
from models.bay import data
from models.bay.augment import plain, view
from models.bay.bank import kept
from models.bay.data import Sample
from models.bay.export import export
from models.bay.lots import render
from models.bay.mobilenet import load_tflite
from models.bay.network import BayState

TFLITE = "mobilenet_v2_1.0_224_quant.tflite"
SHARES = {"lots": 0.5, "pole": 0.14, "yuskun-car": 0.22, "yuskun-vehicles": 0.14}


@dataclass(frozen=True)
class Plan:
    steps: int = 1500
    batch: int = 64
    head_rate: float = 2e-3
    rate: float = 4e-4
    smoothing: float = 0.04
    average: float = 0.99
    seed: int = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.train", description="Train the bay-state classifier.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds parking-pole and trucks/")
    parser.add_argument("--weights", type=Path, required=True, help=f"folder that holds {TFLITE}")
    parser.add_argument(
        "--lots", type=Path, help="folder of rendered lots, filled where it holds fewer (default: OUT/lots)"
    )
    parser.add_argument("--count", type=int, default=720, help="rendered lots")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bank", type=Path, help="folder of kept samples (default: --out)")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--without", nargs="*", default=[], choices=list(SHARES))
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--lean", type=float, default=1.0, help="added to the logit of occupied after the fit")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    bank = given.bank or given.out
    bank.mkdir(parents=True, exist_ok=True)
    made = sources(given.data, given.lots or given.out / "lots", given.count, bank)
    samples = {name: found for name, found in made.items() if name not in given.without}
    plan = Plan(steps=given.steps, seed=given.seed)
    started = time.time()
    net, losses = fit(samples, plan, given.weights / TFLITE, given.out / "fit.pt")
    with torch.no_grad():
        net.head[-1].bias[1] += given.lean  # type: ignore[index, union-attr, operator]
    counts = {name: [sum(not s.occupied for s in own), sum(s.occupied for s in own)] for name, own in samples.items()}
    run = {"plan": asdict(plan), "samples_free_occupied": counts, "seconds": round(time.time() - started)}
    export(net, given.out, given.version, {**run, "without": given.without, "lean": given.lean, "loss": losses})


def sources(folder: Path, lots: Path, count: int, bank: Path) -> dict[str, list[Sample]]:
    """The trainable samples by source; see `data.py`."""
    detector = Detector.load("truck-detector")
    made = {
        "lots": kept(bank / "lots.npz", lambda: data.lots(render(lots, count))),
        "pole": kept(bank / "pole.npz", lambda: data.pole(folder / "parking-pole", first=True)),
    }
    for name in data.SETS:
        rng = np.random.default_rng(len(name))
        made[name] = kept(bank / f"{name}.npz", lambda n=name, r=rng: data.streets(folder / "trucks", n, detector, r))
    return made


def fit(samples: dict[str, list[Sample]], plan: Plan, tflite: Path, state: Path) -> tuple[BayState, list[float]]:
    """The averaged network after `plan.steps`, and the mean loss of every 100 steps; goes on from `state`."""
    torch.manual_seed(plan.seed)
    net = BayState()
    load_tflite(net.convolutions(), tflite)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shadow = {name: value.clone() for name, value in net.state_dict().items()}
    groups = [
        {"params": net.tuned(), "lr": plan.rate},
        {"params": [*net.mask.parameters(), *net.head.parameters()], "lr": plan.head_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [plan.rate, plan.head_rate], total_steps=plan.steps, pct_start=0.1
    )
    first, losses, recent = 0, [], []
    if state.exists():
        stored = torch.load(state, weights_only=False)
        net.load_state_dict(stored["net"])
        optimiser.load_state_dict(stored["optimiser"])
        schedule.load_state_dict(stored["schedule"])
        shadow, first, losses = stored["shadow"], stored["step"], stored["losses"]
    pools = {
        name: ([s for s in own if not s.occupied], [s for s in own if s.occupied]) for name, own in samples.items()
    }
    for step in range(first, plan.steps):
        x, y = batch(pools, plan.batch, np.random.default_rng([plan.seed, step]))
        loss = functional.cross_entropy(net.train()(x), y, label_smoothing=plan.smoothing)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        keep = min(plan.average, (step + 1) / (step + 10))
        for name, value in net.state_dict().items():
            shadow[name].mul_(keep).add_(value.detach(), alpha=1 - keep)
        recent.append(loss.item())
        if (step + 1) % 100 == 0:
            losses.append(round(float(np.mean(recent)), 4))
            recent = []
            print(step + 1, losses[-1], flush=True)
            kept_state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "shadow": shadow}
            torch.save(kept_state | {"schedule": schedule.state_dict(), "step": step + 1, "losses": losses}, state)
    net.load_state_dict(shadow)
    return net.eval(), losses


def batch(
    pools: dict[str, tuple[list[Sample], list[Sample]]], size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Half free, half occupied, of the sources by SHARES."""
    names = list(pools)
    shares = np.array([SHARES[name] for name in names])
    cuts, states = [], []
    for k in range(size):
        free, occupied = pools[names[rng.choice(len(names), p=shares / shares.sum())]]
        own, others = (occupied, free) if k % 2 else (free, occupied)
        lender = others if rng.random() < 0.7 else own
        cuts.append(view(own[rng.integers(len(own))], lender[rng.integers(len(lender))], rng))
        states.append(k % 2)
    return tensor(cuts), torch.tensor(states)


def tensor(cuts: list[np.ndarray]) -> Tensor:
    """Cut-outs (BGR and mask, bytes) as the network's input, channels last in memory."""
    x = np.stack(cuts).astype(np.float32)
    picture = (x[..., 2::-1] - 128) / 128
    return torch.from_numpy(np.concatenate([picture, x[..., 3:] / 255], axis=3)).permute(0, 3, 1, 2)


def chances(net: BayState, samples: list[Sample]) -> np.ndarray:
    """Probability of occupied for each sample, seen as the runtime sees it."""
    found = []
    with torch.no_grad():
        for k in range(0, len(samples), 64):
            found.append(net(tensor([plain(s) for s in samples[k : k + 64]])).softmax(1)[:, 1].numpy())
    return np.concatenate(found)


if __name__ == "__main__":
    main()

"""Trains the wheel classifier: `python -m models.state.train_wheels --data DIR --weights DIR --rendered DIR --out DIR`.

Steps, each left out when its result lies in --out already:
1. a bank of augmented views (wheels.py), kept as maps of the frozen backbone;
2. hold-out fits without kerou-z, without yuskun-vehicles, and without a fifth of the rendered scenes: scores on the
   held-out wheels as they are, and the temperature, of equal parts of each;
3. the final fit on everything, ONNX, card and run file.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from tqdm import tqdm

from models.state import wheels
from models.state.backbone import load_tflite
from models.state.data import WHEELS, real_crops
from models.state.export import export_wheels, write_wheel_card
from models.state.fit import as_maps, balanced, mixed_style
from models.state.train import DATA, TFLITE, temperature
from models.state.views import Mapper
from models.state.wheel_network import WheelState

PART = 1000


@dataclass
class Bank:
    """Rows: maps N x CHANNELS x s x s float16; state, kind N; source and vehicle names N."""

    maps: np.ndarray
    state: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    vehicle: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Bank":
        """The rows where `chosen` (N bool or indices)."""
        return Bank(*(value[chosen] for value in vars(self).values()))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m models.state.train_wheels", description="Train the wheel classifier."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds trucks/")
    parser.add_argument("--weights", type=Path, required=True, help=f"folder that holds {TFLITE}")
    parser.add_argument("--rendered", type=Path, nargs="+", required=True, help="folders of models.scenes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--parts", type=int, default=10, help=f"parts of {PART} views")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    net = WheelState()
    load_tflite(net.backbone, given.weights / TFLITE)
    mapper = Mapper(net.backbone, wheels.SIZE)
    real = wheels.real_wheels(given.data)
    marked = wheels.marked_wheels(real_crops(given.data))
    rendered = [wheel for folder in given.rendered for wheel in wheels.rendered_wheels(folder)]
    make(real, marked, rendered, given.out, given.seed, given.parts, mapper)
    bank = load(given.out, "bank-????.npz")
    plain = load(given.out, "plain.npz")
    scores, held = hold_out(bank, plain, given.steps, given.seed)
    softness = temperature(*held)
    losses = fit(net, bank, given.steps, given.seed, "all")
    model = given.out / "truck-wheels.onnx"
    difference = export_wheels(net, model, wheels.SIZE)
    write_wheel_card(given.out / "truck-wheels.toml", model, given.version, softness, wheels.SIZE, wheels.MARGIN, DATA)
    run = {
        "version": given.version,
        "steps": given.steps,
        "seed": given.seed,
        "views": len(bank.state),
        "wheels": {
            kind: {state: sum(w.state == index for w in some) for index, state in enumerate(WHEELS)}
            for kind, some in (("real", real), ("marked", marked), ("rendered", rendered))
        },
        "held_out": scores,
        "temperature": softness,
        "loss": losses,
        "onnx_minus_torch": difference,
        "seconds": round(time.time() - started),
    }
    (given.out / f"wheels-{given.version}.json").write_text(json.dumps(run, indent=1))
    print(json.dumps(scores, indent=1))
    return 0


def make(
    real: list[wheels.Wheel],
    marked: list[wheels.Wheel],
    rendered: list[wheels.Wheel],
    out: Path,
    seed: int,
    parts: int,
    mapper: Mapper,
) -> None:
    """Writes the parts of the bank that are missing, and the maps of all real and some rendered wheels as they are."""
    draw = wheels.views(real, marked + [w for w in real if w.state == wheels.CLEAN], rendered)
    for part in tqdm(range(parts), desc="views", unit="part", mininterval=20):
        path = out / f"bank-{part:04d}.npz"
        if not path.exists():
            rng = np.random.default_rng((seed, part))
            _write(path, [draw(rng) for _ in range(PART)], mapper)
    if not (out / "plain.npz").exists():
        fifth = [w for w in rendered if _fifth(w.vehicle)]
        chosen = [(w, 0) for w in real] + [(w, 2) for w in fifth[:: max(1, len(fifth) // 500)]]
        _write(out / "plain.npz", [(wheels.plain(w), w.state, kind, w) for w, kind in chosen], mapper)


def _write(path: Path, views: list[wheels.View], mapper: Mapper) -> None:
    partial = path.with_suffix(".tmp.npz")
    np.savez(
        partial,
        maps=mapper([view[0] for view in views]),
        state=[view[1] for view in views],
        kind=[view[2] for view in views],
        source=[view[3].source for view in views],
        vehicle=[view[3].vehicle for view in views],
    )
    partial.rename(path)


def load(out: Path, pattern: str) -> Bank:
    """All parts in order."""
    parts = [np.load(path) for path in sorted(out.glob(pattern))]
    return Bank(*(np.concatenate([part[name] for part in parts]) for name in Bank.__dataclass_fields__))


def _fifth(vehicle: str) -> bool:
    return vehicle.startswith("rendered/") and int(vehicle.rsplit("/", 1)[1]) % 5 == 0


def hold_out(bank: Bank, plain: Bank, steps: int, seed: int) -> tuple[dict[str, object], tuple[np.ndarray, np.ndarray]]:
    """Scores by what was held out, and held-out logits with their truth."""
    scores: dict[str, object] = {}
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for name in ("kerou-z", "yuskun-vehicles", "rendered"):
        out, test = (
            np.array([_fifth(v) for v in some.vehicle]) if name == "rendered" else some.source == name
            for some in (bank, plain)
        )
        net = WheelState()
        fit(net, bank.rows(~out), steps, seed, name)
        found, truth = logits(net, plain.maps[test]), plain.state[test]
        scores[f"without {name}"] = {
            **balanced(found.argmax(1), truth, plain.vehicle[test]),
            "truth by answer": [
                np.bincount(found.argmax(1)[truth == state], minlength=4).tolist() for state in range(4)
            ],
        }
        some = np.random.default_rng(seed).permutation(len(truth))[:150]
        kept.append((found[some], truth[some]))
    return scores, (np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept]))


def fit(net: WheelState, bank: Bank, steps: int, seed: int, note: str) -> list[float]:
    """Trains `net` but its backbone on `bank`; returns the mean loss of every 50 steps."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    maps = as_maps(bank.maps[rng.permutation(len(bank.state))[:2000]])
    net.mean.copy_(maps.mean((0, 2, 3), keepdim=True))
    net.spread.copy_(maps.std((0, 2, 3), keepdim=True) + 1e-3)
    net.train()
    optimiser = torch.optim.AdamW(net.trained(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.1)
    losses, window = [], []
    for _ in tqdm(range(steps), desc=f"fit {note}", mininterval=20):
        rows = rng.integers(0, len(bank.state), 64)
        maps = as_maps(bank.maps[rows])
        if rng.random() < 0.5:
            maps = mixed_style(maps, rng)
        loss = functional.cross_entropy(net.judge(maps)[0], torch.from_numpy(bank.state[rows]), label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.trained(), 5.0)
        optimiser.step()
        schedule.step()
        window.append(float(loss.detach()))
        if len(window) == 50:
            losses.append(round(float(np.mean(window)), 4))
            window = []
    net.eval()
    return losses


@torch.no_grad()
def logits(net: WheelState, maps: np.ndarray) -> np.ndarray:
    """N x 4."""
    net.eval()
    return torch.cat([net.judge(as_maps(maps[i : i + 200]))[0] for i in range(0, len(maps), 200)]).numpy()


if __name__ == "__main__":
    sys.exit(main())

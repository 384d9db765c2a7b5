"""Trains all but the backbone's frozen part; scores by vehicle.

Batches mix kinds (rendered, painted, real) by KIND_SHARE and, within a kind, draw rare states more often. MixStyle
(Zhou et al. 2021) exchanges the channel statistics of maps between samples of a batch, so that the look of one source
is not a clue. What is kept is a moving average of the weights. One run is decided by its seed; with a checkpoint it
goes on where it stopped.
"""

import math
from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor
from tqdm import tqdm

from models.state.network import TruckState
from models.state.views import Bank

KIND_SHARE = {0: 0.2, 1: 0.25, 2: 0.55}
"""Share of real, painted and rendered views in a batch (indices of views.KINDS)."""
UNKNOWN = 3
AVERAGE = 0.998
Restyle = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """How to train: steps of `batch` views, learning rate, the share of it for the backbone, and so on."""

    steps: int = 2500
    batch: int = 32
    rate: float = 1.5e-3
    late_rate: float = 0.15
    decay: float = 0.05
    smoothing: float = 0.05
    unknown_weight: float = 0.6
    style: float = 0.5
    dropout: float = 0.3
    seed: int = 1

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)


def maps_of(net: TruckState, bank: Bank, rows: np.ndarray, restyle: Restyle | None = None) -> Tensor:
    """The backbone's maps of some rows of a bank."""
    fine = torch.from_numpy(bank.maps[rows].astype(np.float32)).contiguous(memory_format=torch.channels_last)
    colours = torch.from_numpy(bank.colours[rows].astype(np.float32))
    return net.backbone.late(restyle(fine) if restyle else fine, colours)


@torch.no_grad()
def standardise(net: TruckState, bank: Bank, rng: np.random.Generator) -> None:
    """Sets the fixed channel mean and spread from 500 views."""
    maps = maps_of(net, bank, rng.permutation(len(bank.load))[:500])
    net.mean.copy_(maps.mean((0, 2, 3), keepdim=True))
    net.spread.copy_(maps.std((0, 2, 3), keepdim=True) + 1e-3)


def fit(net: TruckState, bank: Bank, plan: Plan, note: str = "", checkpoint: Path | None = None) -> list[float]:
    """Trains `net` on all rows of `bank`; returns the mean loss of every 50 steps."""
    rng = np.random.default_rng(plan.seed)
    torch.manual_seed(plan.seed)
    net.to(memory_format=torch.channels_last)
    standardise(net, bank, rng)
    late, behind = net.trained()
    groups = [{"params": late, "lr": plan.rate * plan.late_rate}, {"params": behind, "lr": plan.rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=plan.decay)
    warm = max(1, plan.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1.0, s / plan.steps)))
    )
    average = deepcopy(net).eval()
    losses: list[float] = []
    window: list[float] = []
    begin = 0
    if checkpoint and checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        for part, state in ((net, "net"), (average, "average"), (optimiser, "optimiser"), (schedule, "schedule")):
            part.load_state_dict(saved[state])
        begin, losses = saved["step"], saved["losses"]
    net.train()
    chances = _chances(bank)
    weight = torch.ones(4)
    weight[UNKNOWN] = plan.unknown_weight
    for step in tqdm(range(begin, plan.steps), desc=f"fit {note}", mininterval=20):
        rng = np.random.default_rng((plan.seed, step))
        rows = rng.choice(len(chances), plan.batch, p=chances)
        restyle = (lambda maps: _mixed_style(maps, rng)) if rng.random() < plan.style else None  # noqa: B023
        answer = net.judge(maps_of(net, bank, rows, restyle))
        loss = sum(
            functional.cross_entropy(
                logits, torch.from_numpy(truth[rows]), weight=weight, label_smoothing=plan.smoothing
            )
            for logits, truth in ((answer.load, bank.load), (answer.wheels, bank.wheels))
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*late, *behind], 5.0)
        optimiser.step()
        schedule.step()
        keep = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, value in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                mean.lerp_(value, 1 - keep) if mean.is_floating_point() else mean.copy_(value)
        window.append(float(loss.detach()))
        if len(window) == 50:
            losses.append(round(float(np.mean(window)), 4))
            window = []
            if checkpoint:
                parts = {"net": net, "average": average, "optimiser": optimiser, "schedule": schedule}
                states = {name: part.state_dict() for name, part in parts.items()}
                torch.save({**states, "step": step + 1, "losses": losses}, checkpoint.with_suffix(".draft"))
                checkpoint.with_suffix(".draft").replace(checkpoint)
    net.load_state_dict(average.state_dict())
    net.eval()
    return losses


@torch.no_grad()
def logits(net: TruckState, bank: Bank) -> tuple[np.ndarray, np.ndarray]:
    """Load and wheels logits (N x 4 each) of all rows of a bank."""
    net.eval()
    rows = np.arange(len(bank.load))
    found = [net.judge(maps_of(net, bank, rows[start : start + 50])) for start in range(0, len(rows), 50)]
    return torch.cat([f.load for f in found]).numpy(), torch.cat([f.wheels for f in found]).numpy()


def balanced(
    predicted: np.ndarray, truth: np.ndarray, groups: np.ndarray, states: Collection[int] = range(UNKNOWN)
) -> dict[str, float | int]:
    """Accuracy over vehicles, and its mean over `states`, among those whose true state is one of them.

    A vehicle with several views counts once, by the share of its views that are right.
    """
    known = np.isin(truth, list(states))
    right: dict[int, dict[str, list[bool]]] = {}
    for p, t, g in zip(predicted[known], truth[known], groups[known], strict=True):
        right.setdefault(int(t), {}).setdefault(str(g), []).append(bool(p == t))
    per_state = {state: [float(np.mean(v)) for v in vehicles.values()] for state, vehicles in right.items()}
    everything = [v for values in per_state.values() for v in values]
    if not everything:
        return {"n": 0, "accuracy": float("nan"), "balanced": float("nan")}
    return {
        "n": len(everything),
        "accuracy": round(float(np.mean(everything)), 3),
        "balanced": round(float(np.mean([np.mean(v) for v in per_state.values()])), 3),
    }


def _chances(bank: Bank) -> np.ndarray:
    chances = np.zeros(len(bank.load))
    present = sorted(set(bank.kind.tolist()))
    whole = sum(KIND_SHARE[k] for k in present)
    for kind in present:
        chosen = bank.kind == kind
        weight = np.zeros(int(chosen.sum()))
        for states in (bank.load[chosen], bank.wheels[chosen]):
            counts = np.bincount(states, minlength=4)
            weight += (1 / np.sqrt(np.maximum(counts, 1)))[states]
        chances[chosen] = KIND_SHARE[kind] / whole * weight / weight.sum()
    return chances / chances.sum()


def _mixed_style(maps: Tensor, rng: np.random.Generator) -> Tensor:
    order = torch.from_numpy(rng.permutation(len(maps)))
    mean, spread = maps.mean((2, 3), keepdim=True), maps.std((2, 3), keepdim=True) + 1e-5
    share = torch.from_numpy(rng.beta(0.3, 0.3, (len(maps), 1, 1, 1)).astype(np.float32))
    new_mean = share * mean + (1 - share) * mean[order]
    new_spread = share * spread + (1 - share) * spread[order]
    return (maps - mean) / spread * new_spread + new_mean

"""Counts, confusion tables and intervals. Pure.

Interval: Wilson's 95 % score interval of a proportion. A vehicle or passage of several pictures is one trial: its
probabilities are averaged over its pictures, weighted by the crop's quality as the runtime does.
"""

import math
from dataclasses import dataclass

import numpy as np

UNKNOWN = 3
Z = 1.959964


@dataclass(frozen=True)
class Trial:
    """One picture or vehicle: what it is, the probabilities of the 4 states, and its name."""

    truth: int
    probabilities: np.ndarray
    name: str

    @property
    def answer(self) -> int:
        return int(self.probabilities.argmax())


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of right / n; (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def confusion(trials: list[Trial]) -> np.ndarray:
    """4 x 4 counts, rows truth, columns answer."""
    table = np.zeros((4, 4), int)
    for trial in trials:
        table[trial.truth, trial.answer] += 1
    return table


def joined(trials: list[Trial], vehicles: dict[str, str], weights: dict[str, float]) -> list[Trial]:
    """One trial a vehicle: `vehicles` and `weights` by picture name. The truth must agree within a vehicle."""
    groups: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((vehicles[trial.name], trial.truth), []).append(trial)
    found = []
    for (vehicle, truth), members in groups.items():
        weight = np.array([max(1e-3, weights[m.name]) for m in members])
        mean = (np.stack([m.probabilities for m in members]) * weight[:, None]).sum(0) / weight.sum()
        found.append(Trial(truth, mean, vehicle))
    return found


def summary(trials: list[Trial]) -> dict[str, object]:
    """n, right, accuracy with interval, mean over states, share answered unknown, and accuracy of what was answered."""
    n = len(trials)
    right = sum(t.answer == t.truth for t in trials)
    answered = [t for t in trials if t.answer != UNKNOWN]
    states = sorted({t.truth for t in trials})
    per_state = [np.mean([t.answer == s for t in trials if t.truth == s]) for s in states]
    return {
        "n": n,
        "right": right,
        "accuracy": round(right / n, 3) if n else None,
        "interval": [round(v, 3) for v in wilson(right, n)],
        "mean_over_states": round(float(np.mean(per_state)), 3) if states else None,
        "unknown": n - len(answered),
        "accuracy_of_answered": round(right / len(answered), 3) if answered else None,
    }


def reliability(trials: list[Trial], bins: int = 5) -> list[dict[str, float]]:
    """By confidence: how many, mean confidence, share right; only bins that hold something."""
    found = []
    for low in np.linspace(0, 1, bins, endpoint=False):
        inside = [
            t for t in trials if low <= t.probabilities.max() < low + 1 / bins + (1e-9 if low + 1 / bins >= 1 else 0)
        ]
        if inside:
            found.append(
                {
                    "n": len(inside),
                    "confidence": round(float(np.mean([t.probabilities.max() for t in inside])), 3),
                    "right": round(float(np.mean([t.answer == t.truth for t in inside])), 3),
                }
            )
    return found

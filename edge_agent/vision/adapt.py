"""A correction of one head for one camera, fitted on a few reviewed crops (10 to 50). Pure numpy.

New logits = old logits + features · weights + bias, with a ridge penalty that pulls the correction to nothing: with few
labels it stays near the shipped head. Whether it helps is measured by cross-validation over the crops' groups
(passages), never on crops it was fitted on: better is more right, or as many at a smaller cross-entropy. A correction
that is not better there is not given out. An earlier correction is held against the new one on the crops that it was
not fitted on. Undoing is leaving it away: the model itself never changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAST_CROPS = 5
_PENALTY = 0.01
_STEPS = 300
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Correction:
    """``weights`` D×K on standardised features (``mean``, ``spread``: D), ``bias`` K."""

    mean: Array
    spread: Array
    weights: Array
    bias: Array

    def apply(self, features: Array, logits: Array) -> Array:
        """Corrected logits N×K of features N×D and the shipped head's logits N×K."""
        return np.asarray(logits + (features - self.mean) / self.spread @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Adapted:
    """``correction`` is None when the head in use stays; losses are mean cross-entropies of held-back crops.

    Old is the shipped head, new the correction, each on all crops. ``fitted`` is the correction given out or not.
    """

    correction: Correction | None
    fitted: Correction
    old_loss: float
    new_loss: float
    old_right: int
    new_right: int
    crops: int


def adapt(
    features: Array,
    logits: Array,
    states: NDArray[np.int64],
    groups: NDArray[np.int64],
    earlier: Correction | None = None,
    fresh: NDArray[np.bool_] | None = None,
) -> Adapted:
    """Fits and tests a correction: features N×D, shipped logits N×K, reviewed states N (0..K-1), passages N.

    ``earlier`` is the correction in use, ``fresh`` (N) marks the crops that it was not fitted on.

    Raises ValueError for fewer than LEAST_CROPS crops, shapes that do not agree, or a state outside 0..K-1.
    """
    n = len(states)
    if n < LEAST_CROPS:
        raise ValueError(f"{n} reviewed crops; at least {LEAST_CROPS} are needed")
    if not (len(features) == len(logits) == len(groups) == n) or features.ndim != 2 or logits.ndim != 2:
        raise ValueError(f"features {features.shape}, logits {logits.shape}, states {states.shape} do not agree")
    if states.min() < 0 or states.max() >= logits.shape[1]:
        raise ValueError(f"states must be 0 to {logits.shape[1] - 1}, given {states.min()} to {states.max()}")
    old_loss, old_right = _measured(logits, states)
    distinct = np.unique(groups)
    fitted = _fit(features, logits, states)
    if len(distinct) < 2:
        return Adapted(None, fitted, old_loss, old_loss, old_right, old_right, n)
    folds = {group: index % _FOLDS for index, group in enumerate(distinct.tolist())}
    fold = np.array([folds[group] for group in groups.tolist()])
    held_back = logits.astype(np.float64)
    for index in np.unique(fold).tolist():
        out = fold == index
        held_back[out] = _fit(features[~out], logits[~out], states[~out]).apply(features[out], logits[out])
    new_loss, new_right = _measured(held_back, states)
    better = (new_right, -new_loss) > (old_right, -old_loss)
    if better and earlier is not None and fresh is not None and fresh.any():
        known_loss, known_right = _measured(earlier.apply(features[fresh], logits[fresh]), states[fresh])
        loss, right = _measured(held_back[fresh], states[fresh])
        better = (right, -loss) > (known_right, -known_loss)
    return Adapted(fitted if better else None, fitted, old_loss, new_loss, old_right, new_right, n)


def _fit(features: Array, logits: Array, states: NDArray[np.int64]) -> Correction:
    """Gradient descent on mean cross-entropy and penalty · (|weights|² + |bias|²) / 2; convex, so any start serves.

    The weights lie in the span of the N crops, so the descent runs in its N coordinates.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-3
    x = (features - mean) / spread / np.sqrt(features.shape[1])
    u, s, back = np.linalg.svd(x, full_matrices=False)
    x = u * s
    truth = np.eye(logits.shape[1])[states]
    weights, bias = np.zeros((x.shape[1], logits.shape[1])), np.zeros(logits.shape[1])
    for _ in range(_STEPS):
        error = (_softmax(logits + x @ weights + bias) - truth) / len(x)
        weights -= x.T @ error + _PENALTY * weights
        bias -= error.sum(0) + _PENALTY * bias
    return Correction(mean, spread, back.T @ weights / np.sqrt(features.shape[1]), bias)


def _measured(logits: Array, states: NDArray[np.int64]) -> tuple[float, int]:
    shares = _softmax(logits)
    return float(-np.log(shares[np.arange(len(states)), states] + 1e-12).mean()), int(
        (logits.argmax(1) == states).sum()
    )


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))

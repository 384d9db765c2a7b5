"""Judges one truck in one picture: its load and its wheels, and how far the crop allows to judge at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ModelError
from edge_agent.vision.adapt import Correction
from edge_agent.vision.card import Card, read_card
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Array, Image, Network

_NEEDED = ("load", "wheels")
_FEATURES = "features"
_GOOD_SIDE_PX = 224.0
_GOOD_SHARPNESS = 60.0
_DARK, _LIT = 12.0, 45.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """Probabilities by state, and ``quality`` 0..1: how much this crop should count among others of the same truck.

    ``logits`` (K each, by output, divided by the temperature: their softmax is what the shipped head says) and
    ``features`` (D; empty where the model hands none out) are what a correction for one camera is fitted on, see
    ``edge_agent.vision.adapt``.
    """

    load: dict[str, float]
    wheels: dict[str, float]
    quality: float
    logits: dict[str, Array] = field(default_factory=dict, compare=False)
    features: Array = field(default_factory=lambda: np.zeros(0, np.float32), compare=False)


class StateClassifier:
    """Called with a picture and the box of a truck in it."""

    def __init__(self, network: Network, indices: dict[str, int]) -> None:
        self._network = network
        self._indices = indices
        self._corrections: Mapping[str, Correction] = {}
        names = network.output_names
        self._features = names.index(_FEATURES) if _FEATURES in names else None

    @classmethod
    def load(cls, model: str) -> StateClassifier:
        """A shipped model by name, or another by the path of its card. Raises ModelError."""
        card, file = read_card(model, "truck-state")
        network = Network(card, file)
        indices = {}
        for output in card.outputs:
            if output.name not in network.output_names:
                raise ModelError(f"{file}: has no output {output.name!r}, only {', '.join(network.output_names)}")
            indices[output.name] = network.output_names.index(output.name)
            shape = network.probe[indices[output.name]].shape
            if shape != (1, len(output.classes)):
                raise ModelError(f"{file}: output {output.name} is {list(shape)}, needed is 1×{len(output.classes)}")
        missing = [name for name in _NEEDED if name not in indices]
        if missing:
            raise ModelError(f"{file}: its card names no output {missing[0]!r}; needed are {' and '.join(_NEEDED)}")
        return cls(network, indices)

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._network.card

    @property
    def identity(self) -> str:
        """SHA-256 of the network that judges; a correction fits only the one it was made for."""
        return self.card.sha256

    def correct(self, corrections: Mapping[str, Correction]) -> None:
        """From now on what is said is corrected, by output. Raises ValueError for one of other shapes."""
        probe = self.judge(np.zeros((32, 32, 3), np.uint8), (0.0, 0.0, 32.0, 32.0))
        for name, correction in corrections.items():
            found = (*correction.weights.shape, len(correction.mean), len(correction.spread), len(correction.bias))
            width, states = len(probe.features), len(probe.logits.get(name, ()))
            if found != (width, states, width, width, states):
                raise ValueError(f"the correction of {name} is of shapes {found}, the model needs {width}×{states}")
        self._corrections = corrections

    def judge(self, image: Image, box: Box) -> Judgement:
        """What is seen of the truck in ``box`` (pixels) of an H×W×3 BGR picture."""
        crop = cut(image, box, self.card.crop.margin)
        x, _ = self._network.prepare(crop)
        answers = self._network.run(x)
        logits: dict[str, Array] = {
            output.name: answers[self._indices[output.name]][0] / np.float32(output.temperature)
            for output in self.card.outputs
        }
        features = answers[self._features][0] if self._features is not None else np.zeros(0, np.float32)
        said = {
            output.name: dict(
                zip(output.classes, _softmax(self._corrected(output.name, features, logits)), strict=True)
            )
            for output in self.card.outputs
        }
        return Judgement(said["load"], said["wheels"], quality(image, box), logits, features)

    def _corrected(self, name: str, features: Array, logits: Mapping[str, Array]) -> Array:
        correction = self._corrections.get(name)
        if correction is None:
            return logits[name]
        corrected: Array = correction.apply(features[None].astype(np.float64), logits[name][None].astype(np.float64))[
            0
        ].astype(np.float32)
        return corrected


def cut(image: Image, box: Box, margin: float) -> Image:
    """The part of the picture in ``box`` enlarged by ``margin`` of its sides, at least one pixel."""
    height, width = image.shape[:2]
    dx, dy = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    x1 = int(min(max(0, box[0] - dx), width - 1))
    y1 = int(min(max(0, box[1] - dy), height - 1))
    x2, y2 = int(min(width, box[2] + dx)), int(min(height, box[3] + dy))
    return image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]


def quality(image: Image, box: Box) -> float:
    """0..1 from size, sharpness (variance of the Laplacian), light, and the share that the picture's edge cuts off."""
    height, width = image.shape[:2]
    crop = cut(image, box, 0.0)
    side = min(crop.shape[:2])
    scale = min(1.0, 160.0 / max(crop.shape[:2]))
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    light = float(np.percentile(grey, 75))
    size = min(1.0, side / _GOOD_SIDE_PX)
    sharp = min(1.0, sharpness / _GOOD_SHARPNESS)
    lit = min(1.0, max(0.1, (light - _DARK) / (_LIT - _DARK)))
    touching = sum((box[0] <= 2, box[1] <= 2, box[2] >= width - 2, box[3] >= height - 2))
    return float(size * (0.3 + 0.7 * sharp) * lit * 0.5**touching)


def _softmax(logits: NDArray[np.float32]) -> list[float]:
    powers = np.exp(logits - logits.max())
    shares: list[Any] = (powers / powers.sum()).tolist()
    return shares

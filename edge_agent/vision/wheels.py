"""Judges the wheels of a truck in their own crops, where a wheel fills the network's input instead of a tenth of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_agent.errors import ModelError
from edge_agent.vision.card import Card, read_card
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Array, Image, Network

_LEAST_SIDE_PX = 10
_LARGEST_SHARE = 0.6
_MOST = 2


class WheelClassifier:
    """Called with a picture and boxes of wheels in it. ``width``: numbers in a feature vector."""

    def __init__(self, network: Network, state: int, features: int) -> None:
        self._network = network
        self._state, self._features = state, features
        self.width = network.probe[features].shape[1]

    @classmethod
    def load(cls, model: str) -> WheelClassifier:
        """A shipped model by name, or another by the path of its card. Raises ModelError."""
        card, file = read_card(model, "wheel-state")
        network = Network(card, file)
        names = network.output_names
        missing = [name for name in ("wheels", "features") if name not in names]
        if missing or [output.name for output in card.outputs] != ["wheels"]:
            what = f"its network has no output {missing[0]!r}" if missing else "its card must name one output, wheels"
            raise ModelError(f"{file}: {what}; a wheel-state model answers wheels and features")
        state, features = names.index("wheels"), names.index("features")
        wanted = (1, len(card.outputs[0].classes))
        if network.probe[state].shape != wanted:
            raise ModelError(f"{file}: output wheels is {list(network.probe[state].shape)}, needed is {list(wanted)}")
        return cls(network, state, features)

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._network.card

    def judge(self, image: Image, boxes: Sequence[Box]) -> tuple[Array, Array]:
        """Mean logits (K, divided by the card's temperature) and mean features (D) over at least one box."""
        prepared = [self._network.prepare(square(image, box, self.card.crop.margin))[0] for box in boxes]
        answers = self._network.run(np.concatenate(prepared))
        logits: Array = answers[self._state].mean(0) / np.float32(self.card.outputs[0].temperature)
        features: Array = answers[self._features].mean(0)
        return logits, features


def of_truck(box: Box, wheels: Sequence[Box]) -> list[Box]:
    """The largest wheels with their centre in the truck's box: at most two, none too small to tell, none as a truck."""
    longest = max(box[2] - box[0], box[3] - box[1])
    inside = [
        (side, wheel)
        for wheel in wheels
        if _LEAST_SIDE_PX <= (side := max(wheel[2] - wheel[0], wheel[3] - wheel[1])) <= _LARGEST_SHARE * longest
        and box[0] <= (wheel[0] + wheel[2]) / 2 <= box[2]
        and box[1] <= (wheel[1] + wheel[3]) / 2 <= box[3]
    ]
    return [wheel for _, wheel in sorted(inside, reverse=True)[:_MOST]]


def square(image: Image, box: Box, margin: float) -> Image:
    """The square around ``box`` with ``margin`` of its longer side added on every side; black outside the picture."""
    half = max(box[2] - box[0], box[3] - box[1]) * (0.5 + margin)
    left, top = round((box[0] + box[2]) / 2 - half), round((box[1] + box[3]) / 2 - half)
    side = max(1, round(2 * half))
    cut: Image = np.zeros((side, side, 3), np.uint8)
    height, width = image.shape[:2]
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x2 > x1 and y2 > y1:
        cut[y1 - top : y2 - top, x1 - left : x2 - left] = image[y1:y2, x1:x2]
    return cut

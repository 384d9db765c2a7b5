"""Finds vehicles in one picture."""

from __future__ import annotations

import numpy as np

from edge_agent.errors import ModelError
from edge_agent.vision.card import Card, Head, read_card
from edge_agent.vision.detections import Detection
from edge_agent.vision.heads import decode, fault, suppress
from edge_agent.vision.network import Image, Network

# Kinds of one thing: where two of them cover the same place, only the better one stays, and a truck wins a near tie,
# for a head-on tipper is easily called a bus.
_VEHICLES = frozenset({"truck", "bus", "car", "other_vehicle"})
_TRUCK_BONUS = 1.15
_MOST_CANDIDATES = 1000


class Detector:
    """Called with pictures of any size."""

    def __init__(self, network: Network, head: Head) -> None:
        self._network = network
        self._head = head
        self._vehicles = np.array([name in _VEHICLES for name in head.classes])
        self._bonus = np.array([_TRUCK_BONUS if name == "truck" else 1.0 for name in head.classes], np.float32)

    @classmethod
    def load(cls, model: str) -> Detector:
        """A shipped model by name, or another by the path of its card. Raises ModelError."""
        card, file = read_card(model, "detect")
        network = Network(card, file)
        assert card.head is not None
        problem = fault(card.head, network.probe[0])
        if problem:
            raise ModelError(f"{file}: {problem}; mend [head] in the card")
        return cls(network, card.head)

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._network.card

    def detect(self, image: Image) -> list[Detection]:
        """Detections in an H×W×3 BGR picture, best first; at most one of the vehicle classes for each object."""
        x, placed = self._network.prepare(image)
        height, width = x.shape[2:]
        boxes, scores = decode(self._head, self._network.run(x)[0], (height, width))
        ranked = scores * self._bonus
        labels = ranked.argmax(1)
        best = scores[np.arange(len(scores)), labels]
        chosen = np.flatnonzero(best >= self._head.score_threshold)
        chosen = chosen[np.argsort(-best[chosen], kind="stable")[:_MOST_CANDIDATES]]
        boxes, labels, best = placed.back(boxes[chosen]), labels[chosen], best[chosen]
        kept: list[int] = []
        vehicles = self._vehicles[labels]
        groups = [np.flatnonzero(vehicles)]
        groups += [np.flatnonzero(labels == label) for label in np.unique(labels[~vehicles])]
        for group in groups:
            if len(group):
                kept += group[suppress(boxes[group], best[group], self._head.iou_threshold)].tolist()
        return [
            Detection(self._head.classes[labels[i]], float(best[i]), _box(boxes[i]))
            for i in sorted(kept, key=lambda i: -best[i])
            if boxes[i, 2] > boxes[i, 0] and boxes[i, 3] > boxes[i, 1]
        ]


def _box(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(v) for v in values)
    return x1, y1, x2, y2

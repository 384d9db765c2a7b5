"""Judges marked bays in one picture: how likely a vehicle stands in each.

Every bay becomes one upright square cut-out around its polygon, 1.5 times as wide as the polygon's longer side, with a
fourth channel that says which part of it is the bay. They go through the network ten at a time, which keeps the cache
warm. What cannot be judged is NaN and never a guess: under 8 pixels long or 24 square pixels large, more than half
outside the picture, or so dark that under 2 % of the cut-out is brighter than 24 of 255. Nor is a bay called free in a
cut-out so flat (fog, a blinded lens) that a vehicle would not stand out: coarse brightness spread over less than 20 of
255 from its 5th to its 95th percentile; of 3,900 real bays by day none was flatter than 23.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ModelError
from edge_agent.vision.card import Card, read_card
from edge_agent.vision.network import Array, Image, Network

Points = NDArray[np.float32]

MARGIN = 0.25
_LEAST_SIDE_PX, _LEAST_AREA_PX = 8.0, 24.0
_LEAST_INSIDE = 0.5
_LIT, _LEAST_LIT = 24, 0.02
_LEAST_CONTRAST, _COARSE_PX = 20.0, 4
_BATCH = 10
_EVEN = 0.5
_CLASSES = ["free", "occupied"]


class BayClassifier:
    """Called with a picture and the polygons of bays in it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        output = network.card.outputs[0]
        self._index = network.output_names.index(output.name)
        self._temperature = output.temperature

    @classmethod
    def load(cls, model: str = "bay-state") -> BayClassifier:
        """A shipped model by name, or another by the path of its card. Raises ModelError."""
        card, file = read_card(model, "bay-state")
        if len(card.outputs) != 1 or card.outputs[0].classes != _CLASSES:
            raise ModelError(f"{model}: its card must name one output with the classes {_CLASSES}; mend [[outputs]]")
        if card.input.size[0] != card.input.size[1]:
            raise ModelError(f"{model}: its input is {list(card.input.size)}, needed is a square; mend [input] size")
        network = Network(card, file, channels=4)
        name = card.outputs[0].name
        if name not in network.output_names:
            raise ModelError(f"{file}: has no output {name!r}, only {', '.join(network.output_names)}")
        if network.probe[network.output_names.index(name)].shape != (1, 2):
            raise ModelError(f"{file}: output {name} must be N×2 (free, occupied)")
        return cls(network)

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._network.card

    def judge(self, image: Image, polygons: Sequence[Sequence[Sequence[float]]]) -> list[float]:
        """Probability that each bay is occupied, NaN where it cannot be told.

        ``image``: H×W×3 uint8 BGR. ``polygons``: at least 3 corners (x, y) each, in shares of width and height.
        """
        height, width = image.shape[:2]
        scale = np.array([width, height], np.float32)
        corners = [np.asarray(polygon, np.float32).reshape(-1, 2) * scale for polygon in polygons]
        chances = [float("nan")] * len(corners)
        seen = [k for k, points in enumerate(corners) if can_be_seen(points, width, height)]
        halves = [image]
        margin, side = self.card.crop.margin, self.card.input.size[0]
        for start in range(0, len(seen), _BATCH):
            some = seen[start : start + _BATCH]
            cuts = np.stack([cut(halves, corners[k], side, margin) for k in some])
            answers = self._network.run(prepared(cuts, self.card))[self._index] / self._temperature
            occupied = 1.0 / (1.0 + np.exp(answers[:, 0] - answers[:, 1]))
            brightest = np.maximum(np.maximum(cuts[..., 0], cuts[..., 1]), cuts[..., 2])
            lit = (brightest > _LIT).mean((1, 2)) >= _LEAST_LIT
            told = lit & ((occupied > _EVEN) | (contrast(cuts) >= _LEAST_CONTRAST))
            for k, chance, can in zip(some, occupied.tolist(), told.tolist(), strict=True):
                if can:
                    chances[k] = chance
        return chances


def contrast(cuts: NDArray[np.uint8]) -> NDArray[np.float64]:
    """From the 5th to the 95th percentile of each cut-out's brightness (0 to 255), averaged over 4×4 pixels."""
    count, side, _, channels = cuts.shape
    small = (side // _COARSE_PX, count * side // _COARSE_PX)
    coarse = cv2.resize(cuts.reshape(count * side, side, channels), small, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(coarse[..., :3].mean(2).reshape(count, -1), (5, 95), axis=1)
    return np.asarray(high - low, np.float64)


def can_be_seen(points: Points, width: int, height: int) -> bool:
    """Whether a bay (corners in pixels) is large enough and enough of it lies in the picture."""
    area = abs(float(cv2.contourArea(points)))
    if len(points) < 3 or float(np.ptp(points, axis=0).max()) < _LEAST_SIDE_PX or area < _LEAST_AREA_PX:
        return False
    low, high = points.min(0), points.max(0)
    if low.min() >= 0 and high[0] <= width and high[1] <= height:
        return True
    hull = np.asarray(cv2.convexHull(points), np.float32)
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(hull, frame)
    return float(inside) >= _LEAST_INSIDE * float(cv2.contourArea(hull))


def square(points: Points, margin: float = MARGIN) -> tuple[float, float, float]:
    """Left, top and side, in pixels, of the square that is cut out around a bay."""
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()) * (1 + 2 * margin), 1.0)
    centre = (low + high) / 2
    return float(centre[0]) - side / 2, float(centre[1]) - side / 2, side


def cut(halves: list[Image], points: Points, size: int, margin: float = MARGIN) -> NDArray[np.uint8]:
    """``size``×``size``×4: the square around a bay in BGR, and its mask (0 or 255); grey beyond the picture.

    ``halves``: the picture, then the picture halved again and again, as far as was needed yet; more are appended.
    """
    left, top, side = square(points, margin)
    step = 0
    while side / 2**step > 2 * size:
        step += 1
        if len(halves) <= step:
            halves.append(cv2.resize(halves[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
    source = halves[step]
    across, down = source.shape[1] / halves[0].shape[1], source.shape[0] / halves[0].shape[0]
    scale = size / side
    matrix = np.array([[scale / across, 0, -left * scale], [0, scale / down, -top * scale]])
    whole = np.empty((size, size, 4), np.uint8)
    whole[..., :3] = cv2.warpAffine(
        source,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(114, 114, 114),
    )
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round((points - (left, top)) * scale).astype(np.int32)], (255,))
    whole[..., 3] = mask
    return whole


def prepared(cuts: NDArray[np.uint8], card: Card) -> Array:
    """N×S×S×4 cut-outs as the network's input N×4×S×S: colours as the card says, the mask 0 or 1."""
    wanted = card.input
    order = (2, 1, 0) if wanted.colour == "rgb" else (0, 1, 2)
    x = np.empty((len(cuts), 4, *cuts.shape[1:3]), np.float32)
    for channel, taken in enumerate(order):
        factor = wanted.scale / wanted.std[channel]
        np.multiply(cuts[..., taken], np.float32(factor), out=x[:, channel], casting="unsafe")
        x[:, channel] -= np.float32(wanted.mean[channel] / wanted.std[channel])
    np.divide(cuts[..., 3], np.float32(255), out=x[:, 3], casting="unsafe")
    return x

"""Samples of bays: a square piece of picture around each, its polygon in it, and whether a vehicle stands there.

A piece is SPREAD times the square that the runtime would cut out, so that training may move, turn and scale it.
Sources that may be trained on: rendered lots, the pole camera's first 40 pictures, and vehicle pictures whose boxes
give occupied bays and whose roads without any vehicle give free ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.bay import can_be_seen, cut, square
from edge_agent.vision.detector import Detector

PIECE = 112
SPREAD = 1.75
POLE_TRAIN = 40
SETS = {"yuskun-vehicles": (1, 2, 4), "yuskun-car": (1, 2, 3)}
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """`piece` PIECE x PIECE x 3 BGR; `polygon` (n, 2) in pixels of the piece; `group` tells pictures apart."""

    piece: NDArray[np.uint8]
    polygon: Points
    occupied: bool
    source: str
    group: str


def sample(image: NDArray[np.uint8], points: Points, occupied: bool, source: str, group: str) -> Sample | None:
    """The bay with corners `points` (pixels of `image`), None where the runtime would not judge it."""
    height, width = image.shape[:2]
    points = np.asarray(points, np.float32)
    if not can_be_seen(points, width, height):
        return None
    left, top, side = square(points)
    centre, side = (left + side / 2, top + side / 2), side * SPREAD
    corner = np.array([centre[0] - side / 2, centre[1] - side / 2])
    frame = np.float32(corner + side * np.array([[0, 0], [1, 0], [1, 1], [0, 1]]))
    piece = cut([image], frame, PIECE, 0.0)[..., :3]
    return Sample(np.ascontiguousarray(piece), np.float32((points - corner) * PIECE / side), occupied, source, group)


def pole_labels(path: Path) -> list[tuple[bool, Points]]:
    """Occupied or not, and polygon in shares of the picture; a box becomes its four corners."""
    found: list[tuple[bool, Points]] = []
    for line in path.read_text().splitlines():
        values = np.array(line.split()[1:], np.float32)
        if len(values) == 4:
            (x, y), (w, h) = values[:2], values[2:] / 2
            points = np.array([[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]], np.float32)
        else:
            points = values.reshape(-1, 2)
        found.append((line.split()[0] == "1", points))
    return found


def pole(folder: Path, first: bool) -> Iterator[Sample]:
    """Bays of the first POLE_TRAIN pictures, or of those after them (which are for measuring only)."""
    files = sorted(folder.glob("[0-9]*.jpg"))
    for file in files[:POLE_TRAIN] if first else files[POLE_TRAIN:]:
        image = cv2.imread(str(file))
        for occupied, points in pole_labels(file.with_suffix(".txt")):
            made = sample(image, points * (image.shape[1], image.shape[0]), occupied, "pole", file.stem)
            if made:
                yield made


def patches(folder: Path) -> Iterator[Sample]:
    """Pictures of single bays, taken as the bay up to 6 % from their edges; for measuring only."""
    for file in sorted(folder.glob("*.jpg")):
        image = cv2.imread(str(file))
        height, width = image.shape[:2]
        a, b = 0.06, 0.94
        points = np.array([[a, a], [b, a], [b, b], [a, b]], np.float32) * (width, height)
        made = sample(image, points, file.stem.startswith("occupied"), "patches", file.stem)
        if made:
            yield made


def lots(folder: Path) -> Iterator[Sample]:
    """Bays of rendered lots, see `lots.py`."""
    for line in (folder / "lots.jsonl").read_text().splitlines():
        entry = json.loads(line)
        image = cv2.imread(str(folder / entry["file"]))
        for bay in entry["bays"]:
            points = np.array(bay["polygon"], np.float32) * (image.shape[1], image.shape[0])
            made = sample(image, points, bay["state"] == "occupied", "lots", entry["file"])
            if made:
                yield made


def streets(folder: Path, name: str, detector: Detector, rng: np.random.Generator) -> Iterator[Sample]:
    """Vehicles of a boxed set as occupied bays, and about as many stretches of the same pictures without one."""
    for file in sorted((folder / name).glob("*.jpg")):
        image = cv2.imread(str(file))
        height, width = image.shape[:2]
        boxes: list[NDArray[np.float64]] = []
        vehicles: list[NDArray[np.float64]] = []
        for line in file.with_suffix(".txt").read_text().splitlines():
            label, x, y, w, h = (float(v) for v in line.split()[:5])
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * (width, height, width, height)
            boxes.append(box)
            if int(label) in SETS[name] and min(box[2:] - box[:2]) >= 10 and _hidden(box, boxes) < 0.5:
                vehicles.append(box)
        seen = [np.array(d.box) for d in detector.detect(image) if d.label != "wheel"]
        chosen = [vehicles[k] for k in rng.permutation(len(vehicles))[:14]]
        for box in chosen:
            made = sample(image, bay_of(box, rng), True, name, file.stem)
            if made:
                yield made
        sizes = chosen or [np.array([0, 0, s, s * 0.6]) for s in rng.uniform(30, 180, 3)]
        for k in range(len(sizes) + 2):
            box = sizes[k % len(sizes)]
            quad = _free(box[2:] - box[:2], (width, height), [*boxes, *seen], rng)
            made = sample(image, quad, False, name, file.stem) if quad is not None else None
            if made:
                yield made


def bay_of(box: NDArray[np.float64], rng: np.random.Generator) -> Points:
    """What could be drawn as the bay of the vehicle in `box`: the box, or a slanted quadrilateral under it."""
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    kind = rng.random()
    if kind < 0.4:
        quad = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    else:
        top = y1 + h * rng.uniform(0.1, 0.55)
        lean, narrow = rng.uniform(-0.3, 0.3) * w, rng.uniform(0.0, 0.2) * w
        quad = np.array([[x1 + narrow + lean, top], [x2 - narrow + lean, top], [x2, y2], [x1, y2]])
        quad += rng.normal(0, 0.02, 2) * (w, h)
    return np.float32(quad + rng.normal(0, 0.02, (4, 2)) * (w, h))


def _free(
    size: NDArray[np.float64], picture: tuple[int, int], boxes: list[NDArray[np.float64]], rng: np.random.Generator
) -> Points | None:
    """A quadrilateral of about `size` in the lower three quarters that touches no box; None after 30 tries."""
    width, height = picture
    for _ in range(30):
        w, h = size * rng.uniform(0.6, 1.4, 2)
        if w >= width or h >= height * 0.7:
            return None
        x, y = rng.uniform(0, width - w), rng.uniform(height * 0.25, height - h)
        box = np.array([x, y, x + w, y + h])
        if all(_overlap(box, other) == 0 for other in boxes):
            return bay_of(box, rng)
    return None


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    return float(w * h) if w > 0 and h > 0 else 0.0


def _hidden(box: NDArray[np.float64], others: list[NDArray[np.float64]]) -> float:
    area = float((box[2] - box[0]) * (box[3] - box[1]))
    return max((_overlap(box, other) / area for other in others if other is not box), default=0.0)

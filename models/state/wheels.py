"""Wheels in their own crops: where they come from, and augmented views of them.

A crop is the wheel's box made square (the longer side) with MARGIN of it added on every side, black outside the
picture: the same square that the runtime cuts. Three kinds: real wheels of any vehicle judged by eye
(models/labels/wheel-states.csv), real clean wheels with mud or dust painted on, wheels of rendered trucks.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_agent.vision.wheels import square
from models.state import paint
from models.state.augment import spoiled
from models.state.data import LABELS, WHEELS, Crop

SIZE = 64
MARGIN = 0.2
LEAST_PX = 12
ROOM = 0.6
"""Share of the side kept around a wheel in memory, so that framing can be varied and mud can splash."""
CLEAN, DUSTY, MUDDY = WHEELS.index("clean"), WHEELS.index("dusty"), WHEELS.index("muddy")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Wheel:
    """`image`: H x W x 3 BGR around the wheel, `box` (x1, y1, x2, y2) in it. A vehicle's wheels share `vehicle`."""

    image: np.ndarray
    box: Box
    state: int
    source: str
    vehicle: str


View = tuple[np.ndarray, int, int, Wheel]
"""Picture SIZE x SIZE x 3 BGR, state, kind (0 real, 1 painted, 2 rendered), what it was made of."""


def real_wheels(data: Path) -> list[Wheel]:
    """The wheels of wheel-states.csv. Raises FileNotFoundError when a labelled picture is missing."""
    with (LABELS / "wheel-states.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wheels = []
    for row in rows:
        path = data / "trucks" / row["set"] / row["file"]
        image = cv2.imread(str(path))
        if image is None:
            raise FileNotFoundError(f"{path}: not a readable picture; --data must be the folder that holds trucks/")
        box = (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"]))
        vehicle = f"{row['set']}/{row['file']}"
        wheels.append(_kept(image, box, WHEELS.index(row["state"]), row["set"], vehicle))
    return wheels


def marked_wheels(crops: list[Crop]) -> list[Wheel]:
    """The clean wheels that wheel-ellipses.csv marks on real trucks."""
    return [
        _kept(crop.image, (cx - rx, cy - ry, cx + rx, cy + ry), CLEAN, crop.source, crop.vehicle)
        for crop in crops
        if crop.wheels == CLEAN
        for cx, cy, rx, ry in crop.wheel_ellipses
        if 2 * max(rx, ry) >= LEAST_PX
    ]


def rendered_wheels(folder: Path, least_seed: int = 0) -> list[Wheel]:
    """The wheels of rendered trucks, half visible at least, with the state that is judged of their truck."""
    wheels: list[Wheel] = []
    for index in (path for path in (folder / "crops.jsonl", folder / "labels.jsonl") if path.exists()):
        for line in index.read_text().splitlines():
            row = json.loads(line)
            if row["file"] is None or row["seed"] < least_seed:
                continue
            trucks = {o["id"]: o["wheels"] for o in row.get("objects", [row]) if o["label"] == "truck"}
            found = row.get("wheel_boxes") or [o for o in row.get("objects", []) if o["label"] == "wheel"]
            found = [(w["box"], trucks.get(w.get("of", row.get("id")))) for w in found if w["visible"] >= 0.5]
            found = [(b, s) for b, s in found if s and max(b[2] - b[0], b[3] - b[1]) >= LEAST_PX]
            image = cv2.imread(str(folder / row["file"])) if found else None
            if image is not None:
                vehicle = f"rendered/{row['seed']}"
                wheels += [_kept(image, tuple(b), WHEELS.index(s), "rendered", vehicle) for b, s in found]
    return wheels


def views(real: list[Wheel], paintable: list[Wheel], rendered: list[Wheel]) -> Callable[[np.random.Generator], View]:
    """Draws a view: 40 % real, 25 % painted, 35 % rendered; within a kind the states about equally often."""
    pools = [[[w for w in some if w.state == s] for s in range(4)] for some in (real, rendered)]

    def draw(rng: np.random.Generator) -> View:
        choice = rng.random()
        if choice < 0.25:
            wheel = paintable[rng.integers(len(paintable))]
            image, state = _painted(wheel, rng)
            return _view(image, wheel, rng), state, 1, wheel
        kind = 0 if choice < 0.65 else 2
        shares = np.array([len(p) ** 0.25 for p in pools[kind // 2]]) * (1, 1, 1, 0.5)
        pool = pools[kind // 2][rng.choice(4, p=shares / shares.sum())]
        wheel = pool[rng.integers(len(pool))]
        return _view(wheel.image, wheel, rng), wheel.state, kind, wheel

    return draw


def plain(wheel: Wheel) -> np.ndarray:
    """The view without augmentation, as the runtime would cut it."""
    return _resized(square(wheel.image, wheel.box, MARGIN))


def _kept(image: np.ndarray, box: Box, state: int, source: str, vehicle: str) -> Wheel:
    cut = square(image, box, ROOM)
    wide, high, side = box[2] - box[0], box[3] - box[1], cut.shape[0]
    inside = ((side - wide) / 2, (side - high) / 2, (side + wide) / 2, (side + high) / 2)
    factor = 160 / side
    if factor < 1:
        cut = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        inside = (inside[0] * factor, inside[1] * factor, inside[2] * factor, inside[3] * factor)
    return Wheel(cut, inside, state, source, vehicle)


def _painted(wheel: Wheel, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Mud (half), dust (a third) or only a soiled surrounding (the wheel stays clean) on a clean wheel."""
    factor = max(1.0, 96 / wheel.image.shape[0])
    image = cv2.resize(wheel.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    x1, y1, x2, y2 = (v * factor for v in wheel.box)
    ellipse = [((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2)]
    if rng.random() < 0.5:
        image = paint.soiled_body(image, ellipse, rng)
    choice = rng.random()
    if choice < 0.45:
        image, state = paint.muddy(image, ellipse, rng), MUDDY
    elif choice < 0.8:
        image, state = paint.dusty(image, ellipse, rng), DUSTY
    else:
        state = CLEAN
    return image if factor == 1 else cv2.resize(image, wheel.image.shape[1::-1], interpolation=cv2.INTER_AREA), state


def _view(image: np.ndarray, wheel: Wheel, rng: np.random.Generator) -> np.ndarray:
    """Framed as an uncertain detector would, perhaps mirrored, turned, coarse, and spoiled as by a camera."""
    x1, y1, x2, y2 = wheel.box
    shift, grow = rng.normal(0, 0.07, 2) * (x2 - x1, y2 - y1), rng.normal(0, 0.07)
    box = (x1 + shift[0], y1 + shift[1], x2 + shift[0], y2 + shift[1])
    cut = square(image, box, float(np.clip(MARGIN + grow, 0.02, 0.45)))
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    if rng.random() < 0.4:
        side = cut.shape[0]
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-12, 12), 1.0)
        cut = cv2.warpAffine(cut, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5 and cut.shape[0] > 20:
        side = int(rng.uniform(16, min(80, cut.shape[0])))
        cut = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
    return _resized(spoiled(np.ascontiguousarray(cut), rng))


def _resized(image: np.ndarray) -> np.ndarray:
    shrinks = image.shape[0] > 2 * SIZE
    return cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

"""A bank of augmented views, kept as the map before the first trained block, so that training repeats none of it.

A view: one crop, perhaps with painted wheels and bed, framed and spoiled, resized to SIZE x SIZE and run through the
frozen part of the backbone (float16, 64 x SIZE/16 x SIZE/16). Bank files are numbered parts of PART views each; a part
that exists is not made again, so an interrupted run goes on where it stopped.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from models.state import paint, paint_load
from models.state.augment import framed, spoiled
from models.state.backbone import Backbone
from models.state.data import LOAD, MARGIN, WHEELS, Crop

SIZE = 192
FIRST_TRAINED = 10
"""Blocks before this one stay as ImageNet left them."""
PART = 1000
KINDS = ("real", "painted", "rendered")
CLEAN, DUSTY, MUDDY = WHEELS.index("clean"), WHEELS.index("dusty"), WHEELS.index("muddy")
COVERED, UNCOVERED = LOAD.index("covered"), LOAD.index("uncovered")


@dataclass
class Bank:
    """Rows: maps N x 64 x S x S float16; load, wheels, kind (index in KINDS) N; source and vehicle names N."""

    maps: np.ndarray
    load: np.ndarray
    wheels: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    vehicle: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Bank":
        """The rows where `chosen` (N bool or indices)."""
        return Bank(*(getattr(self, name)[chosen] for name in ("maps", "load", "wheels", "kind", "source", "vehicle")))


def tensor(images: list[np.ndarray], size: int = SIZE) -> torch.Tensor:
    """BGR pictures to the network's input, N x 3 x size x size (stretched, bilinear, as the runtime does)."""
    resized = [cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR) for image in images]
    batch = np.stack(resized)[..., ::-1].astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray((batch - 128) / 128)).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def painted(crop: Crop, rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """The crop's picture with the marked wheels and bed repainted at random, and its states afterwards."""
    image, load, wheels = crop.image, crop.load, crop.wheels
    enlarge = max(1.0, 220 / image.shape[1])
    if enlarge > 1:
        image = cv2.resize(image, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
    if crop.opening:
        opening = [(x * enlarge, y * enlarge) for x, y in crop.opening]
        choice = rng.random()
        if choice < 0.3:
            image, load = paint_load.loaded(image, opening, rng), UNCOVERED
        elif choice < 0.75:
            image, load = paint_load.covered(image, opening, rng), COVERED
        elif choice < 0.85:
            image, load = paint_load.half_covered(image, opening, rng), UNCOVERED
    if crop.wheel_ellipses:
        ellipses = [tuple(v * enlarge for v in e) for e in crop.wheel_ellipses]
        if rng.random() < 0.35:
            image = paint.soiled_body(image, ellipses, rng)
        choice = rng.random()
        if choice < 0.35:
            image, wheels = paint.muddy(image, ellipses, rng), MUDDY
        elif choice < 0.65 and wheels == CLEAN:
            image, wheels = paint.dusty(image, ellipses, rng), DUSTY
    if enlarge > 1:
        image = cv2.resize(image, (crop.image.shape[1], crop.image.shape[0]), interpolation=cv2.INTER_AREA)
    return image, load, wheels


def make(real: list[Crop], rendered: list[Crop], folder: Path, seed: int, parts: int, backbone: Backbone) -> None:
    """Writes the parts that are missing. Half of the real views are painted; with rendered crops, half are rendered."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(real)
    paintable = [crop for crop in real if crop.wheel_ellipses or crop.opening]
    beds = [crop for crop in real if crop.opening]
    for part in tqdm(range(parts), desc="views", unit="k"):
        path = folder / f"{part:04d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng((seed, part))
        images, rows = [], []
        maps: list[np.ndarray] = []
        for _ in range(PART):
            draw = rng.random()
            if rendered and draw < 0.5:
                crop = rendered[rng.integers(len(rendered))]
                image, load, wheels, kind = crop.image, crop.load, crop.wheels, 2
            elif draw < 0.72:
                crop = real[rng.choice(len(real), p=weights)]
                image, load, wheels, kind = crop.image, crop.load, crop.wheels, 0
            else:
                pool = beds if rng.random() < 0.5 else paintable
                crop = pool[rng.integers(len(pool))]
                image, load, wheels = painted(crop, rng)
                kind = 1
            box = crop.box if crop.source != "rendered" else crop.box
            images.append(spoiled(framed(image, box, MARGIN, rng), rng))
            rows.append((load, wheels, kind, crop.source, crop.vehicle))
            if len(images) == 50:
                maps.append(early(backbone, tensor(images)).numpy().astype(np.float16))
                images = []
        columns = list(zip(*rows, strict=True))
        partial = path.with_suffix(".tmp.npz")
        np.savez(partial, maps=np.concatenate(maps), load=columns[0], wheels=columns[1], kind=columns[2], source=columns[3], vehicle=columns[4])
        partial.rename(path)


def load(folder: Path) -> Bank:
    """All parts of a bank, in order."""
    parts = [np.load(path) for path in sorted(folder.glob("????.npz"))]
    return Bank(*(np.concatenate([part[name] for part in parts]) for name in ("maps", "load", "wheels", "kind", "source", "vehicle")))


@torch.no_grad()
def early(backbone: Backbone, x: torch.Tensor) -> torch.Tensor:
    """The map that goes into block FIRST_TRAINED."""
    x = torch.nn.functional.relu6(backbone.stem(x))
    for block in list(backbone.blocks)[:FIRST_TRAINED]:
        x = block(x)
    return x


def _weights(crops: list[Crop]) -> np.ndarray:
    """Equal weight to each vehicle, then to each load and wheel state as far as they exist."""
    vehicles = {v: sum(c.vehicle == v for c in crops) for v in {c.vehicle for c in crops}}
    weight = np.array([1.0 / vehicles[c.vehicle] for c in crops])
    states = np.array([(c.load, c.wheels) for c in crops])
    total = np.zeros(len(crops))
    for column in (0, 1):
        for state in set(states[:, column].tolist()):
            chosen = states[:, column] == state
            total[chosen] += weight[chosen] / weight[chosen].sum() * min(1.0, weight[chosen].sum() / 8)
    return total / total.sum()

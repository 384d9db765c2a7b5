"""A bank of augmented views, kept as the map of the backbone's frozen part, so that training repeats none of it.

A view: one crop, perhaps with painted wheels and bed, framed and spoiled, resized to SIZE x SIZE and run through the
backbone's `early` (float16, 24 x SIZE/4 x SIZE/4, and 3 x SIZE/16 x SIZE/16). Bank files are numbered parts of PART
views each; a part that exists is not made again, so an interrupted run goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

from models.state import paint, paint_load
from models.state.augment import framed, spoiled
from models.state.data import LOAD, MARGIN, WHEELS, Crop
from models.state.efficientnet import Backbone

SIZE = 160
LONGEST = 224
"""Longest side in pixels at which a picture is painted and spoiled."""
PART = 500
COLUMNS = ("load", "wheels", "kind", "source", "vehicle")
KINDS = ("real", "painted", "rendered")
CLEAN, DUSTY, MUDDY = WHEELS.index("clean"), WHEELS.index("dusty"), WHEELS.index("muddy")
COVERED, UNCOVERED = LOAD.index("covered"), LOAD.index("uncovered")


@dataclass
class Bank:
    """Rows: maps N x 24 x SIZE/4 x SIZE/4 and colours N x 3 x SIZE/16 x SIZE/16, float16; load, wheels, kind (index in
    KINDS) N; source and vehicle names N."""

    maps: np.ndarray
    colours: np.ndarray
    load: np.ndarray
    wheels: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    vehicle: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Bank":
        """The rows where `chosen` (N bool or indices)."""
        return Bank(*(getattr(self, name)[chosen] for name in ("maps", "colours", *COLUMNS)))


def tensor(images: list[np.ndarray], size: int = SIZE) -> torch.Tensor:
    """BGR pictures to the network's input, N x 3 x size x size (stretched, bilinear, as the runtime does)."""
    resized = [cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR) for image in images]
    batch = np.stack(resized)[..., ::-1].astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray((batch - 128) / 128)).permute(0, 3, 1, 2).contiguous()


def sized(crop: Crop) -> Crop:
    """The crop with a box whose longest side is LONGEST pixels, or as it is when smaller and unmarked."""
    longest = max(crop.box[2] - crop.box[0], crop.box[3] - crop.box[1])
    factor = LONGEST / longest
    if factor > 1 and not (crop.opening or crop.wheel_ellipses):
        return crop
    image = cv2.resize(
        crop.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    box = (crop.box[0] * factor, crop.box[1] * factor, crop.box[2] * factor, crop.box[3] * factor)
    ellipses = tuple((a * factor, b * factor, c * factor, d * factor) for a, b, c, d in crop.wheel_ellipses)
    return replace(
        crop,
        image=image,
        box=box,
        wheel_ellipses=ellipses,
        opening=tuple((x * factor, y * factor) for x, y in crop.opening),
    )


def painted(crop: Crop, rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """The crop's picture with the marked wheels and bed repainted at random, and its states afterwards."""
    image, load, wheels = crop.image, crop.load, crop.wheels
    if crop.opening:
        opening = list(crop.opening)
        choice = rng.random()
        if choice < 0.3:
            image, load = paint_load.loaded(image, opening, rng), UNCOVERED
        elif choice < 0.75:
            image, load = paint_load.covered(image, opening, rng), COVERED
        elif choice < 0.85:
            image, load = paint_load.half_covered(image, opening, rng), UNCOVERED
    if crop.wheel_ellipses:
        ellipses = list(crop.wheel_ellipses)
        if rng.random() < 0.35:
            image = paint.soiled_body(image, ellipses, rng)
        choice = rng.random()
        if choice < 0.4:
            image, wheels = paint.muddy(image, ellipses, rng), MUDDY
        elif choice < 0.7 and wheels == CLEAN:
            image, wheels = paint.dusty(image, ellipses, rng), DUSTY
    return image, load, wheels


View = tuple[np.ndarray, int, int, int, Crop]
"""Picture, load, wheels, index in KINDS, the crop it was made of."""


def real_views(crops: list[Crop]) -> Callable[[np.random.Generator], View]:
    """Draws real crops: 45 % as they are, 30 % from those with a marked bed, 25 % with marked wheels, repainted."""
    crops = [sized(crop) for crop in crops]
    weights = _weights(crops)
    beds = [crop for crop in crops if crop.opening]
    wheels = [crop for crop in crops if crop.wheel_ellipses]

    def draw(rng: np.random.Generator) -> View:
        choice = rng.random()
        if choice < 0.45:
            crop = crops[rng.choice(len(crops), p=weights)]
            return crop.image, crop.load, crop.wheels, 0, crop
        pool = beds if choice < 0.75 else wheels
        crop = pool[rng.integers(len(pool))]
        return *painted(crop, rng), 1, crop

    return draw


def rendered_views(crops: list[Crop]) -> Callable[[np.random.Generator], View]:
    """Draws rendered crops, each load and wheel state about equally often."""
    crops = [sized(crop) for crop in crops]
    states = np.array([(crop.load, crop.wheels) for crop in crops])
    chances = np.zeros(len(crops))
    for column in (0, 1):
        counts = np.bincount(states[:, column], minlength=4)
        chances += (1 / np.sqrt(np.maximum(counts, 1)))[states[:, column]]
    chances /= chances.sum()

    def draw(rng: np.random.Generator) -> View:
        crop = crops[rng.choice(len(crops), p=chances)]
        return crop.image, crop.load, crop.wheels, 2, crop

    return draw


def make(draw: Callable[[np.random.Generator], View], folder: Path, seed: int, parts: int, mapper: "Mapper") -> None:
    """Writes the parts 0000 to `parts` - 1 that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in tqdm(range(parts), desc=f"views {folder.name}", unit="part"):
        path = folder / f"{part:04d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng((seed, part))
        images: list[np.ndarray] = []
        rows: list[tuple[int, int, int, str, str]] = []
        maps: list[tuple[np.ndarray, np.ndarray]] = []
        for _ in range(PART):
            image, load, wheels, kind, crop = draw(rng)
            images.append(spoiled(framed(image, crop.box, MARGIN, rng), rng))
            rows.append((load, wheels, kind, crop.source, crop.vehicle))
            if len(images) == 50:
                maps.append(mapper(images))
                images = []
        columns = list(zip(*rows, strict=True))
        partial = path.with_suffix(".tmp.npz")
        fine, colours = (np.concatenate(part) for part in zip(*maps, strict=True))
        np.savez(partial, maps=fine, colours=colours, **dict(zip(COLUMNS, columns, strict=True)))
        partial.rename(path)


def load(*folders: Path) -> Bank:
    """All parts of the banks in `folders`, in order."""
    parts = [np.load(path) for folder in folders for path in sorted(folder.glob("????.npz"))]
    return Bank(*(np.concatenate([part[name] for part in parts]) for name in ("maps", "colours", *COLUMNS)))


class Early(torch.nn.Module):
    """What is run ahead of training."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.backbone.early(x)


class Mapper:
    """The backbone's frozen part under onnxruntime, which is twice as fast as torch on a CPU."""

    def __init__(self, backbone: Backbone) -> None:
        file = BytesIO()
        torch.onnx.export(
            Early(backbone).eval(),
            (torch.zeros(1, 3, SIZE, SIZE),),
            file,
            input_names=["picture"],
            output_names=["map", "colour"],
            dynamic_axes={name: {0: "n"} for name in ("picture", "map", "colour")},
            opset_version=17,
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])

    def __call__(self, images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Maps and colours of a bank's rows."""
        batches = [tensor(images[start : start + 2]).numpy() for start in range(0, len(images), 2)]
        found = [self._session.run(None, {"picture": batch}) for batch in batches]
        fine, colours = (np.concatenate(part).astype(np.float16) for part in zip(*found, strict=True))
        return fine, colours


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

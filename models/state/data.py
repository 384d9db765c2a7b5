"""Truck crops with their load and wheel state, real (models/labels/truck-states.csv) and rendered (labels.jsonl).

A crop is the truck box with MARGIN of its width and height added on every side, clipped to the picture: the same
rectangle that the runtime cuts. Real crops carry a source (the data set, the unit that is held out) and a vehicle
(augmented copies of one vehicle share it). States are indices into LOAD and WHEELS.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

LOAD = ("covered", "uncovered", "empty", "unknown")
WHEELS = ("clean", "dusty", "muddy", "unknown")
MARGIN = 0.08
LABELS = Path(__file__).parent.parent / "labels"
LEAST_PX = 70
ROOM = 0.3
"""Share of the box kept around a crop in memory, so that framing can be varied."""

Box = tuple[float, float, float, float]
Ellipse = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """One truck: `image` is H x W x 3 uint8 BGR with room around `box` (x1, y1, x2, y2, in pixels of `image`).

    `wheel_ellipses` (cx, cy, rx, ry) and `opening` (points of the bed's opening, two for a rim seen from the side) are
    in pixels of `image` and empty where they were not marked.
    """

    image: np.ndarray
    box: Box
    load: int
    wheels: int
    source: str
    vehicle: str
    wheel_ellipses: tuple[Ellipse, ...] = ()
    opening: tuple[Point, ...] = ()


def with_room(image: np.ndarray, box: Box, room: float) -> tuple[np.ndarray, Box]:
    """Cuts `box` with `room` (share of its size) on each side; returns the cut and the box inside it."""
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * room, (y2 - y1) * room
    height, width = image.shape[:2]
    left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
    right, bottom = min(width, int(np.ceil(x2 + dx))), min(height, int(np.ceil(y2 + dy)))
    return image[top:bottom, left:right].copy(), (x1 - left, y1 - top, x2 - left, y2 - top)


def real_crops(data: Path) -> list[Crop]:
    """The hand-labelled crops of the trainable sets under `data`/trucks; a box is a line of the YOLO file.

    Raises FileNotFoundError when a labelled picture is missing or cannot be read.
    """
    ellipses, openings = _marks("wheel-ellipses.csv"), _marks("bed-openings.csv")
    crops: list[Crop] = []
    for row in _rows(LABELS / "truck-states.csv"):
        path = data / "trucks" / row["set"] / row["file"]
        image = cv2.imread(str(path))
        if image is None:
            raise FileNotFoundError(f"{path}: not a readable picture; --data must be the folder that holds trucks/")
        height, width = image.shape[:2]
        line = path.with_suffix(".txt").read_text().splitlines()[int(row["box"])]
        cx, cy, w, h = (float(v) for v in line.split()[1:5])
        box = ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height)
        image, (x1, y1, x2, y2) = with_room(image, box, ROOM)
        key = (row["set"], row["file"], row["box"])
        wide, high = x2 - x1, y2 - y1
        crops.append(
            Crop(
                image,
                (x1, y1, x2, y2),
                LOAD.index(row["load"]),
                WHEELS.index(row["wheels"]),
                row["set"],
                f"{row['set']}/{row['vehicle']}",
                tuple(
                    (
                        x1 + float(r["cx"]) * wide,
                        y1 + float(r["cy"]) * high,
                        float(r["rx"]) * wide,
                        float(r["ry"]) * high,
                    )
                    for r in ellipses.get(key, [])
                ),
                tuple(
                    (x1 + float(p.split(",")[0]) * wide, y1 + float(p.split(",")[1]) * high)
                    for r in openings.get(key, [])
                    for p in r["points"].split()
                ),
            )
        )
    return crops


def rendered_crops(folder: Path) -> list[Crop]:
    """The trucks of models/scenes under `folder`: single crops (crops.jsonl) and whole scenes (labels.jsonl).

    Used keys: file (null where a scene gave no crop), seed, and of each truck box, load, wheels, visible. Trucks of
    which less than half is visible or whose longer side is under LEAST_PX pixels are left out. Raises ValueError for
    an unknown state, FileNotFoundError where neither index exists or a picture is missing.
    """
    crops: list[Crop] = []
    indices = [path for path in (folder / "crops.jsonl", folder / "labels.jsonl") if path.exists()]
    if not indices:
        raise FileNotFoundError(f"{folder}: holds neither crops.jsonl nor labels.jsonl; render them with models.scenes")
    for index in indices:
        for number, line in enumerate(index.read_text().splitlines(), start=1):
            row = json.loads(line)
            if row["file"] is None:
                continue
            trucks = [o for o in row.get("objects", [row]) if o["label"] == "truck" and _usable(o)]
            image = cv2.imread(str(folder / row["file"])) if trucks else None
            if trucks and image is None:
                raise FileNotFoundError(f"{folder / row['file']}: not a readable picture")
            for truck in trucks:
                if truck["load"] not in LOAD or truck["wheels"] not in WHEELS:
                    said = f"{truck['load']!r}, {truck['wheels']!r}"
                    raise ValueError(f"{index}:{number}: {said}; allowed {LOAD}, {WHEELS}")
                x1, y1, x2, y2 = (float(v) for v in truck["box"])
                cut, box = with_room(image, (x1, y1, x2, y2), ROOM)
                states = LOAD.index(truck["load"]), WHEELS.index(truck["wheels"])
                crops.append(Crop(cut, box, *states, "rendered", f"rendered/{row['seed']}"))
    return crops


def _usable(truck: dict[str, Any]) -> bool:
    x1, y1, x2, y2 = truck["box"]
    return "load" in truck and truck["visible"] >= 0.5 and max(x2 - x1, y2 - y1) >= LEAST_PX


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _marks(name: str) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    marks: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in _rows(LABELS / name):
        marks.setdefault((row["set"], row["file"], row["box"]), []).append(row)
    return marks

"""The pictures the detector learns from, with their boxes in our classes, and how they are split.

Rules:
- Only sets that may be trained on are read: trucks/*, the first 40 frames of parking-pole, rendered scenes.
- A training picture whose 24×24 grey thumbnail correlates with a picture of an evaluation set by `TWIN` or more is left
  out, and so is all of yuskun-car's motorway that is also the evaluation clips' (frames `CLIP_FRAMES`).
- Labels are incomplete. What a teacher sees and nobody labelled becomes a box (score `SURE` or more) or a region where
  missing objects are not punished (`MAYBE` or more).
- Trucks and buses that a network saw and nobody labelled were looked at by eye (`models/labels/vehicle-reviews.csv`):
  truck, bus, neither (a truck or bus there is punished) or unsure (ignored). The review stands above the teacher.
- Wheels are labelled in rendered pictures and, on some trucks, by `models/labels/wheel-ellipses.csv`; elsewhere a wheel
  is unlabelled, not absent (`wheels_known`).
- The held-out part is a scene of yuskun-car, a fifth of yuskun-vehicles and a fifth of kerou-z, by group.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import CLASSES
from models.detector.boxes import Floats, overlap

TWIN = 0.95
CLIP_FRAMES = tuple(range(205, 300)) + tuple(range(345, 366))
HELD_OUT_FRAMES = range(577, 720)
# Most of yuskun-car are noisy copies of a few hundred frames: one in so many is used.
CAR_STRIDE = 3
POLE_FRAMES = 40
SURE, MAYBE = 0.55, 0.1
# Ambulances are vans or boxy trucks: neither a truck nor not one.
IGNORED = -1
LABELS = Path(__file__).parent.parent / "labels"
WHEEL_LABELS = LABELS / "wheel-ellipses.csv"
REVIEWS = LABELS / "vehicle-reviews.csv"
NAMES = {
    "truck": "truck",
    "bus": "bus",
    "car": "car",
    "motorcycle": "other_vehicle",
    "bike": "other_vehicle",
    "excavator": "other_vehicle",
    "bulldozer": "other_vehicle",
}


@dataclass(frozen=True)
class Sample:
    """One picture: boxes N×4, ignored regions M×4 and reviewed boxes that are neither truck nor bus K×4 in relative
    x1, y1, x2, y2; classes N."""

    path: Path
    source: str
    group: str
    boxes: Floats
    classes: NDArray[np.int64]
    ignored: Floats
    wheels_known: bool = False
    neither: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    def has(self, name: str) -> bool:
        return bool((self.classes == CLASSES.index(name)).any())


def _corners(rows: list[list[float]]) -> Floats:
    centres = np.asarray(rows, np.float32).reshape(-1, 4)
    half = centres[:, 2:] / 2
    return np.clip(np.concatenate((centres[:, :2] - half, centres[:, :2] + half), 1), 0, 1)


def _wheels(data_set: str) -> dict[str, list[tuple[int, list[float]]]]:
    wheels: dict[str, list[tuple[int, list[float]]]] = {}
    if not WHEEL_LABELS.exists():
        return wheels
    with WHEEL_LABELS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["set"] == data_set:
                ellipse = [float(row[key]) for key in ("cx", "cy", "rx", "ry")]
                wheels.setdefault(row["file"], []).append((int(row["box"]), ellipse))
    return wheels


def labelled(folder: Path) -> list[Sample]:
    """The pictures of one set under trucks/, with the wheels drawn by hand added."""
    names = (folder / "classes.txt").read_text("utf-8").split()
    wheels = _wheels(folder.name)
    found = []
    for path in sorted(folder.glob("*.jpg")):
        rows = [line.split() for line in path.with_suffix(".txt").read_text("utf-8").splitlines() if line.strip()]
        boxes = _corners([[float(v) for v in row[1:5]] for row in rows])
        named = [NAMES.get(names[int(row[0])]) for row in rows]
        classes = [CLASSES.index(name) if name else IGNORED for name in named]
        for line, (x, y, rx, ry) in wheels.get(path.name, []):
            left, top, right, bottom = boxes[line]
            width, height = right - left, bottom - top
            wheel = [left + (x - rx) * width, top + (y - ry) * height]
            wheel += [left + (x + rx) * width, top + (y + ry) * height]
            boxes = np.concatenate((boxes, np.clip(np.asarray([wheel], np.float32), 0, 1)))
            classes.append(CLASSES.index("wheel"))
        sizes = boxes[:, 2:] - boxes[:, :2]
        labels = np.asarray(classes, np.int64)
        keep = (sizes > 0.002).all(1) & (labels != IGNORED)
        found.append(
            Sample(
                path, folder.name, f"{folder.name}/{path.stem}", boxes[keep], labels[keep], boxes[labels == IGNORED],
            )
        )  # fmt: skip
    return found


def pole(folder: Path) -> list[Sample]:
    """The first frames of the pole camera; in bays known to be occupied a missing car is not punished."""
    found = []
    for path in sorted(folder.glob("*.jpg"))[:POLE_FRAMES]:
        bays = []
        for line in path.with_suffix(".txt").read_text("utf-8").splitlines():
            kind, *values = line.split()
            numbers = np.asarray(values, np.float32)
            if len(numbers) == 4:
                bay = _corners([list(numbers)])[0]
            else:
                points = numbers.reshape(-1, 2)
                bay = np.concatenate((points.min(0), points.max(0)))
            if kind == "1":
                bays.append(bay)
        ignored = np.asarray(bays, np.float32).reshape(-1, 4)
        nothing = np.zeros((0, 4), np.float32)
        found.append(Sample(path, "parking-pole", "pole", nothing, np.zeros(0, np.int64), ignored))
    return found


def real(data: Path) -> tuple[list[Sample], list[str]]:
    """All real samples, grouped, and the names of the pictures left out because an evaluation set holds them."""
    samples = labelled(data / "trucks" / "yuskun-vehicles")
    samples += labelled(data / "trucks" / "yuskun-car")[::CAR_STRIDE]
    samples += labelled(data / "trucks" / "kerou-z")
    samples += pole(data / "parking-pole")
    kept, left_out = without_twins(reviewed(samples), data)
    return with_twin_groups(kept), left_out


def reviewed(samples: list[Sample]) -> list[Sample]:
    """The samples with what people said of the trucks and buses that a network saw beyond the labels."""
    said: dict[tuple[str, str], list[tuple[str, list[float]]]] = {}
    with REVIEWS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            box = [float(row[key]) for key in ("left", "top", "right", "bottom")]
            said.setdefault((row["set"], row["file"]), []).append((row["is"], box))

    def with_review(sample: Sample) -> Sample:
        reviews = said.get((sample.source, sample.path.name), [])

        def boxes(kind: str) -> Floats:
            return np.asarray([box for name, box in reviews if name == kind], np.float32).reshape(-1, 4)

        new = {kind: boxes(kind) for kind in ("truck", "bus")}
        labels = [np.full(len(found), CLASSES.index(kind), np.int64) for kind, found in new.items()]
        return replace(
            sample,
            boxes=np.concatenate((sample.boxes, *new.values())),
            classes=np.concatenate((sample.classes, *labels)),
            ignored=np.concatenate((sample.ignored, boxes("unsure"))),
            neither=boxes("neither"),
        )

    return [with_review(sample) for sample in samples]


def rendered(folder: Path) -> list[Sample]:
    """The scenes of `models.scenes`: labels.jsonl with pixel boxes, wheels among them."""
    found = []
    with (folder / "labels.jsonl").open(encoding="utf-8") as file:
        for line in file:
            label = json.loads(line)
            whole = np.asarray([label["width"], label["height"]] * 2, np.float32)
            objects = [thing for thing in label["objects"] if thing["label"] in CLASSES]
            boxes = np.asarray([thing["box"] for thing in objects], np.float32).reshape(-1, 4) / whole
            classes = np.asarray([CLASSES.index(thing["label"]) for thing in objects], np.int64)
            hidden = np.asarray([thing.get("visible", 1.0) < 0.25 for thing in objects], bool)
            found.append(
                Sample(
                    folder / label["file"], "rendered", label["file"], boxes[~hidden], classes[~hidden], boxes[hidden],
                    wheels_known=True,
                )
            )  # fmt: skip
    return found


def thumbnail(image: NDArray[np.uint8]) -> Floats:
    """24×24 grey values of mean 0 and length 1."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (24, 24), interpolation=cv2.INTER_AREA)
    flat = grey.astype(np.float32).ravel()
    flat -= flat.mean()
    return np.asarray(flat / (np.linalg.norm(flat) + 1e-6), np.float32)


def _evaluation_pictures(data: Path) -> Iterator[NDArray[np.uint8]]:
    for folder in ("trucks-eval", "truck-state-dev", "gate-night", "plates/scenes", "bay-patches"):
        for path in sorted((data / folder).glob("*.jpg")):
            image = cv2.imread(str(path))
            if image is not None:
                yield np.asarray(image, np.uint8)
    for path in sorted((data / "road-clips").glob("*.mp4")):
        clip = cv2.VideoCapture(str(path))
        index = 0
        while clip.grab():
            if index % 30 == 0:
                _, image = clip.retrieve()
                yield np.asarray(image, np.uint8)
            index += 1


def without_twins(samples: list[Sample], data: Path) -> tuple[list[Sample], list[str]]:
    """The samples that no evaluation set holds, and the names of those left out."""
    evaluated = np.stack([thumbnail(image) for image in _evaluation_pictures(data)])
    kept, left_out = [], []
    for sample in samples:
        twin = float((evaluated @ thumbnail(np.asarray(cv2.imread(str(sample.path)), np.uint8))).max()) >= TWIN
        clip = sample.source == "yuskun-car" and int(sample.path.stem) in CLIP_FRAMES
        if twin or clip:
            left_out.append(f"{sample.source}/{sample.path.name}")
        else:
            kept.append(sample)
    return kept, left_out


def held_out(sample: Sample) -> bool:
    """Whether the picture belongs to the part that is never trained on."""
    if sample.source == "yuskun-car":
        return int(sample.path.stem) in HELD_OUT_FRAMES
    if sample.source in ("yuskun-vehicles", "kerou-z", "rendered"):
        share = 5 if sample.source != "rendered" else 10
        return int(hashlib.sha256(sample.group.encode()).hexdigest(), 16) % share == 0
    return False


def with_twin_groups(samples: list[Sample]) -> list[Sample]:
    """The samples, where copies of one picture (thumbnails that correlate by `TWIN`) share a group."""
    thumbnails = np.stack([thumbnail(np.asarray(cv2.imread(str(s.path)), np.uint8)) for s in samples])
    first = (thumbnails @ thumbnails.T >= TWIN).argmax(1)
    return [replace(sample, group=samples[index].group) for sample, index in zip(samples, first, strict=True)]


def with_teacher(sample: Sample, boxes: Floats, classes: NDArray[np.int64], scores: Floats) -> Sample:
    """The sample with what the teacher sees beyond its labels: sure boxes added, doubtful ones ignored.

    A teacher's box that overlaps a label is dropped: the label wins. One that lies in a label is dropped too, but for a
    truck, which is ignored: kerou-z leaves most trucks under its excavators unlabelled.
    """
    known = np.isin(sample.classes, [CLASSES.index(name) for name in CLASSES if name != "wheel"])
    truth = sample.boxes[known]
    new = np.ones(len(boxes), bool)
    within = np.zeros(len(boxes), bool)
    if len(truth) and len(boxes):
        corner = np.maximum(boxes[:, None, :2], truth[None, :, :2])
        opposite = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
        common = np.prod(np.clip(opposite - corner, 0, None), 2)
        inside = common / np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], 1), 1e-9)[:, None]
        new = overlap(boxes, truth).max(1) < 0.4
        within = inside.max(1) >= 0.7
    trucks = classes == CLASSES.index("truck")
    if len(sample.ignored) and len(boxes):
        new &= (overlap(boxes, sample.ignored).max(1) < 0.5) | (classes == CLASSES.index("car"))
    if len(sample.neither) and len(boxes):
        denied = np.isin(classes, (CLASSES.index("truck"), CLASSES.index("bus")))
        new &= (overlap(boxes, sample.neither).max(1) < 0.5) | ~denied
    sure = new & ~within & (scores >= SURE)
    doubtful = new & ~sure & (trucks | ~within) & (scores >= MAYBE)
    return replace(
        sample,
        boxes=np.concatenate((sample.boxes, boxes[sure])).astype(np.float32),
        classes=np.concatenate((sample.classes, classes[sure])),
        ignored=np.concatenate((sample.ignored, boxes[doubtful])).astype(np.float32),
    )

"""Measures registration with known motions: `python -m models.bay.motions FOLDER... [--count N] [--same-camera]`.

Each picture is a reference; the picture to register is it, or with `--same-camera` the third one after it in the
folder, moved, relit and with a share of its area replaced by rectangles of other pictures. Printed: states, and how
far, in shares of the width, points of the picture were carried wrong.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.registration import Registration

Image = NDArray[np.uint8]
POINTS = np.array([(0.15, 0.2), (0.85, 0.2), (0.85, 0.85), (0.15, 0.85), (0.5, 0.5)])
TRIALS = ("still", "still, relit, 30 % changed", "moved", "moved, relit, 30 % changed", "far", "another place")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.motions", description="Measure registration.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--same-camera", action="store_true")
    parser.add_argument("--colour", action="store_true", help="leave out colourless and partly black pictures")
    given = parser.parse_args()
    images = [image for folder in given.folders for image in _pictures(folder, given.colour)]
    for trial in TRIALS:
        print(f"{trial}: {_tried(trial, images, given.count, given.same_camera)}", flush=True)


def _pictures(folder: Path, colour: bool) -> list[Image]:
    read = [cv2.imread(str(file)) for file in sorted(folder.glob("*.jpg"))]
    if not colour:
        return read
    return [p for p in read if (p.max(2) < 6).mean() < 0.01 and np.ptp(p.astype(int), axis=2).mean() > 3]


def _tried(trial: str, images: list[Image], count: int, same_camera: bool) -> str:
    rng = np.random.default_rng(0)
    states: Counter[str] = Counter()
    errors: list[float] = []
    for k in rng.permutation(len(images))[:count].tolist():
        try:
            registration = Registration(images[k])
        except ValueError:
            states["refused as a reference"] += 1
            continue
        height, width = images[k].shape[:2]
        later = images[(k + 3) % len(images)] if same_camera else images[k]
        now, matrix = cv2.resize(later, (width, height)), np.eye(3)
        if trial.startswith("moved"):
            now, matrix = _moved(now, *rng.uniform((-0.06, -0.04, -3, 0.94), (0.06, 0.04, 3, 1.06)))
        elif trial == "far":
            now, matrix = _moved(now, rng.choice([-1, 1]) * rng.uniform(0.25, 0.5), 0.0, rng.uniform(-25, 25), 1.0)
        elif trial == "another place":
            now = cv2.flip(cv2.resize(images[(k + len(images) // 2) % len(images)], (width, height)), -1)
        if "changed" in trial:
            now = _relit(_changed(now, images, rng), rng)
        shift = registration.update(now)
        states[shift.state.value] += 1
        if shift.trusted:
            true = (np.column_stack([POINTS * (width, height), np.ones(len(POINTS))]) @ matrix.T)[:, :2]
            carried = np.array(shift.carry(POINTS.tolist())) * (width, height)
            errors.append(float(np.linalg.norm(carried - true, axis=1).max()) / width)
    off = f"; off by {np.median(errors):.4f} median, {max(errors):.4f} at most" if errors else ""
    return ", ".join(f"{number} {state}" for state, number in states.most_common()) + off


def _moved(image: Image, dx: float, dy: float, deg: float, zoom: float) -> tuple[Image, NDArray[np.float64]]:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), deg, zoom)
    matrix[:, 2] += (dx * width, dy * height)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.vstack([matrix, [0, 0, 1]])


def _changed(image: Image, images: list[Image], rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    now, touched = image.copy(), np.zeros((height, width), bool)
    while touched.mean() < 0.3:
        w, h = int(rng.uniform(0.08, 0.25) * width), int(rng.uniform(0.08, 0.25) * height)
        a, b, c, d = rng.integers(0, (width - w, height - h, width - w, height - h))
        other = cv2.resize(images[rng.integers(len(images))], (width, height))
        now[b : b + h, a : a + w] = cv2.flip(other, 1)[d : d + h, c : c + w]
        touched[b : b + h, a : a + w] = True
    return now


def _relit(image: Image, rng: np.random.Generator) -> Image:
    gain, gamma = np.exp(rng.uniform(-1.4, 0.5)), np.exp(rng.normal(0, 0.3))
    grain = rng.normal(0, rng.uniform(1, 6), image.shape)
    return np.clip(255 * (image / 255.0) ** gamma * gain + grain, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()

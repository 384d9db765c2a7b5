"""Training views: a picture (or four of them) shown at another size, place, light and quality. numpy and OpenCV.

Geometry keeps trucks upright (mirroring, scale, stretch, shift; no rotation). Light and quality follow what a gate
camera does: night, headlights, infrared, haze, motion, sensor noise, small sensors, JPEG, text burnt into the picture.
Everything is drawn from the generator given, so a view repeats with its seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.detector.boxes import PAD, Floats
from models.detector.samples import Sample

Image = NDArray[np.uint8]
MOSAIC_SHARE = 0.15
# Share of a box that must stay in view for the box to be learnt; with less it is ignored.
VISIBLE = 0.35
SMALLEST_PX = 5
# Pictures shown smaller than this share are averaged over areas.
AREA_BELOW = 0.6


@dataclass(frozen=True)
class View:
    """Picture H×W×3, boxes N×4, ignored regions M×4 and boxes of neither truck nor bus K×4 in its pixels, classes N."""

    image: Image
    boxes: Floats
    classes: NDArray[np.int64]
    ignored: Floats
    wheels_known: bool
    neither: Floats


def read(sample: Sample) -> Image:
    image = cv2.imread(str(sample.path))
    if image is None:
        raise FileNotFoundError(f"{sample.path}: not a readable picture; fetch the data set again")
    return np.asarray(image, np.uint8)


def plain(sample: Sample, size: tuple[int, int]) -> View:
    """The picture fitted into height × width at the top left, as the runtime shows it."""
    image = read(sample)
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    return _placed(sample, image, size, np.asarray([[scale, 0, 0], [0, scale, 0]], np.float32), mirrored=False)


def augmented(draw: Callable[[], Sample], size: tuple[int, int], random: Generator) -> View:
    """One view of height × width of what `draw` gives."""
    view = _mosaic(draw, size, random) if random.random() < MOSAIC_SHARE else _jittered(draw(), size, random)
    return replace(view, image=relight(view.image, view.boxes, random))


def _mosaic(draw: Callable[[], Sample], size: tuple[int, int], random: Generator) -> View:
    height, width = size
    row, column = (int(length * random.uniform(0.35, 0.65)) for length in size)
    canvas = np.empty((height, width, 3), np.uint8)
    parts = []
    for top, bottom, left, right in (
        (0, row, 0, column),
        (0, row, column, width),
        (row, height, 0, column),
        (row, height, column, width),
    ):
        part = _jittered(draw(), (bottom - top, right - left), random)
        canvas[top:bottom, left:right] = part.image
        offset = np.asarray([left, top, left, top], np.float32)
        parts.append(
            (part.boxes + offset, part.classes, part.ignored + offset, part.wheels_known, part.neither + offset)
        )
    return View(
        canvas,
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        all(part[3] for part in parts),
        np.concatenate([part[4] for part in parts]),
    )


def _jittered(sample: Sample, size: tuple[int, int], random: Generator) -> View:
    image = read(sample)
    fit = min(size[0] / image.shape[0], size[1] / image.shape[1])
    zoom = float(np.exp(random.uniform(np.log(0.5), np.log(1.8))))
    if random.random() < 0.4:
        zoom = 1.0
    stretch = float(np.exp(random.uniform(-0.15, 0.15)))
    across, down = fit * zoom * stretch, fit * zoom / stretch
    room = np.asarray([size[1] - image.shape[1] * across, size[0] - image.shape[0] * down])
    shift = random.uniform(0, 1, 2) * room
    if zoom > 1 and len(sample.boxes) and random.random() < 0.7:
        box = sample.boxes[random.integers(len(sample.boxes))]
        centre = np.asarray([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        wanted = random.uniform(0.3, 0.7, 2) * (size[1], size[0])
        shift = wanted - centre * (image.shape[1] * across, image.shape[0] * down)
        shift = np.clip(shift, np.minimum(room, 0), np.maximum(room, 0))
    mirrored = random.random() < 0.5
    matrix = np.asarray([[across, 0, shift[0]], [0, down, shift[1]]], np.float32)
    return _placed(sample, image, size, matrix, mirrored)


def _placed(sample: Sample, image: Image, size: tuple[int, int], matrix: Floats, mirrored: bool) -> View:
    height, width = size
    across, down = float(matrix[0, 0]), float(matrix[1, 1])
    factor = np.tile(np.asarray([image.shape[1] * across, image.shape[0] * down], np.float32), 2)
    shift = np.tile(matrix[:, 2], 2)
    if across < AREA_BELOW:
        shrunk = (max(1, round(image.shape[1] * across)), max(1, round(image.shape[0] * down)))
        image = np.asarray(cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = np.asarray([[1, 0, matrix[0, 2]], [0, 1, matrix[1, 2]]], np.float32)
    shown = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(PAD,) * 3
    )
    limits = np.asarray([width, height, width, height], np.float32)

    def clipped(relative: Floats) -> tuple[Floats, Floats]:
        whole = relative * factor + shift
        inside = np.clip(whole, 0, limits).astype(np.float32)
        areas = np.prod(np.maximum(whole[:, 2:] - whole[:, :2], 1e-6), 1)
        return inside, np.asarray(np.prod(inside[:, 2:] - inside[:, :2], 1) / areas, np.float32)

    boxes, visible = clipped(sample.boxes)
    ignored, seen = clipped(sample.ignored)
    neither, left = clipped(sample.neither)
    neither = neither[left >= VISIBLE]
    learnt = (visible >= VISIBLE) & ((boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= SMALLEST_PX)
    ignored = np.concatenate((ignored[seen > 0], boxes[~learnt & (visible > 0)]))
    boxes, classes = boxes[learnt], sample.classes[learnt]
    shown = np.asarray(shown, np.uint8)
    if mirrored:
        shown = np.ascontiguousarray(shown[:, ::-1])
        boxes, ignored, neither = (
            np.stack((width - part[:, 2], part[:, 1], width - part[:, 0], part[:, 3]), 1)
            for part in (boxes, ignored, neither)
        )
    return View(shown, boxes, classes, ignored, sample.wheels_known, neither)


def relight(image: Image, boxes: Floats, random: Generator) -> Image:
    """Another light and another camera; most views get two or three of the changes, some none."""
    if random.random() < 0.3:
        return image
    x = image.astype(np.float32)
    if random.random() < 0.5:
        hue = random.uniform(-8, 8)
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + hue) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * random.uniform(0.4, 1.6), 0, 255)
        x = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR).astype(np.float32)
    if random.random() < 0.5:
        mean = x.mean()
        x = (x - mean) * random.uniform(0.6, 1.4) + mean * random.uniform(0.7, 1.3)
    night = random.random() < 0.25
    if night:
        x = 255 * (np.clip(x, 0, 255) / 255) ** random.uniform(1.0, 1.8) * random.uniform(0.2, 0.6)
        x *= random.uniform(0.75, 1.25, 3)
    if (night and random.random() < 0.7) or random.random() < 0.05:
        x = _headlights(x, boxes, random)
    if random.random() < 0.12:
        x = np.repeat(x.mean(2, keepdims=True), 3, 2)
    if random.random() < 0.08:
        haze = random.uniform(0.2, 0.6)
        x = x * (1 - haze) + random.uniform(150, 230) * haze
    if random.random() < 0.2:
        x = _blurred(x, random)
    if random.random() < (0.7 if night else 0.25):
        x = _noisy(x, random)
    shown = np.clip(x, 0, 255).astype(np.uint8)
    if random.random() < 0.2:
        factor = random.uniform(0.35, 0.8)
        small = cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        shown = cv2.resize(small, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.15:
        _burn_text(shown, random)
    if random.random() < 0.5:
        quality = int(random.integers(15, 90))
        shown = cv2.imdecode(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return np.asarray(shown, np.uint8)


def _headlights(x: Floats, boxes: Floats, random: Generator) -> Floats:
    """Bright pairs with a halo, low in some of the vehicles or anywhere."""
    height, width = x.shape[:2]
    light = np.zeros((height, width), np.float32)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(random.integers(1, 3)):
        if len(boxes) and random.random() < 0.8:
            left, top, right, bottom = boxes[random.integers(len(boxes))]
        else:
            left, top = random.uniform(0, width * 0.8), random.uniform(0, height * 0.8)
            right, bottom = left + width * 0.2, top + height * 0.2
        row = top + (bottom - top) * random.uniform(0.55, 0.95)
        radius = max(1.5, (right - left) * random.uniform(0.02, 0.1))
        for share in (random.uniform(0.05, 0.35), random.uniform(0.65, 0.95)):
            distance = (rows - row) ** 2 + (columns - left - (right - left) * share) ** 2
            light += np.exp(-distance / (2 * radius**2)) + 0.25 * np.exp(-distance / (2 * (4 * radius) ** 2))
    tint = np.asarray([random.uniform(0.7, 1), random.uniform(0.85, 1), 1.0], np.float32)
    return np.asarray(x + 255 * random.uniform(0.6, 1.3) * light[..., None] * tint, np.float32)


def _blurred(x: Floats, random: Generator) -> Floats:
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), random.uniform(0.6, 2.0)), np.float32)
    length = int(random.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (0, int(random.integers(length))), (length - 1, int(random.integers(length))), 1.0)
    return np.asarray(cv2.filter2D(x, -1, kernel / kernel.sum()), np.float32)


def _noisy(x: Floats, random: Generator) -> Floats:
    noise = np.empty(x.shape[:2] if random.random() < 0.5 else x.shape, np.float32)
    cv2.setRNGSeed(int(random.integers(2**31)))
    cv2.randn(noise, 0.0, random.uniform(2, 14))
    return np.asarray(x + (noise if noise.ndim == 3 else noise[..., None]), np.float32)


def _burn_text(image: Image, random: Generator) -> None:
    """Lines such as a camera's clock, white or black, at the top or the bottom."""
    height, width = image.shape[:2]
    for _ in range(random.integers(1, 3)):
        text = "".join(chr(random.integers(45, 91)) for _ in range(random.integers(6, 30)))
        row = int(random.choice([height * 0.06, height * 0.97]))
        colour = (255, 255, 255) if random.random() < 0.8 else (0, 0, 0)
        place = (int(random.uniform(0, width * 0.6)), row)
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_PLAIN, random.uniform(0.6, 1.2), colour, 1, cv2.LINE_AA)

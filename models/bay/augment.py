"""One training view of a sample: moved, turned, scaled, relit, dirtied, and set among other samples' surroundings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.bay.data import PIECE, SPREAD, Sample
from models.bay.network import SIDE

Cut = NDArray[np.uint8]
_INNER = PIECE / SPREAD


def plain(of: Sample) -> Cut:
    """The view the runtime has: SIDE x SIDE x 4."""
    return _warped(of.piece, of.polygon, np.eye(3), np.empty((0,)))


def view(of: Sample, other: Sample, rng: np.random.Generator) -> Cut:
    """A random view of `of`; `other` may lend what lies around its bay."""
    polygon = _shaped(of.polygon, rng)
    made = _warped(of.piece, polygon, _motion(rng), rng.uniform(0, 1, 3), boxed=rng.random() < 0.1)
    if rng.random() < 0.12:
        made = _surrounded(made, _warped(other.piece, other.polygon, _motion(rng), rng.uniform(0, 1, 3)), rng)
    picture = made[..., :3].astype(np.float32)
    if rng.random() < 0.15:
        _lines(picture, rng)
    if rng.random() < 0.3:
        _shadow(picture, rng)
    picture = _lit(picture, rng)
    made[..., :3] = _filmed(picture, rng)
    if rng.random() < 0.06:
        _beyond(made, rng)
    return made


def _motion(rng: np.random.Generator) -> NDArray[np.float64]:
    """A 3 x 3 motion about the middle of the piece; every fourth is turned and sheared much."""
    much = rng.random() < 0.25
    angle = np.radians(rng.uniform(-180, 180) if rng.random() < 0.15 else rng.normal(0, 25 if much else 8))
    scale = np.exp(rng.normal(0, 0.13))
    a, b = np.cos(angle) * scale, np.sin(angle) * scale
    squeeze = np.diag([1.0, np.exp(rng.normal(0, 0.12)), 1.0])
    across, down = rng.normal(0, 0.25 if much else 0.06, 2)
    shear = np.array([[1, across, 0], [down, 1, 0], [0, 0, 1.0]])
    turn = np.array([[a, -b, 0], [b, a, 0], [0, 0, 1.0]]) @ shear @ squeeze
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1.0, 1.0, 1.0])
    turn[:2, 2] = rng.normal(0, 0.05, 2) * _INNER
    return turn


def _shaped(polygon: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The polygon as another installer would draw it: corners off, as a box, as the smallest turned rectangle."""
    kind = rng.random()
    low, high = polygon.min(0), polygon.max(0)
    if kind < 0.12:
        polygon = np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float32)
    elif kind < 0.24 or (len(polygon) > 4 and kind < 0.5):
        polygon = np.asarray(cv2.boxPoints(cv2.minAreaRect(polygon)), np.float32)
    elif kind < 0.3:
        polygon = np.asarray(cv2.convexHull(polygon)[:, 0], np.float32)
    centre = polygon.mean(0)
    grown = centre + (polygon - centre) * rng.normal(1.0, 0.08)
    return np.float32(grown + rng.normal(0, 0.035, polygon.shape) * (high - low))


def _warped(
    piece: NDArray[np.uint8],
    polygon: NDArray[np.float32],
    motion: NDArray[np.float64],
    dice: NDArray[np.float64],
    boxed: bool = False,
) -> Cut:
    """The piece and its polygon under `motion`; with `boxed` the upright box around the polygon."""
    middle = PIECE / 2
    to_middle = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, 1.0]])
    scale = SIDE / _INNER
    to_view = np.array([[scale, 0, SIDE / 2], [0, scale, SIDE / 2], [0, 0, 1.0]])
    matrix = (to_view @ motion @ to_middle)[:2]
    made = np.empty((SIDE, SIDE, 4), np.uint8)
    source = piece
    if len(dice) and dice[0] < 0.35:
        few = int(10 + dice[1] ** 1.5 * 70)
        shrink = cv2.INTER_AREA if dice[2] < 0.7 else cv2.INTER_LINEAR
        source = cv2.resize(cv2.resize(piece, (few, few), interpolation=shrink), (PIECE, PIECE))
    made[..., :3] = cv2.warpAffine(source, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    corners = np.column_stack([polygon, np.ones(len(polygon))]) @ matrix.T
    if boxed:
        (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
        corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], (255,))
    made[..., 3] = mask
    return made


def _surrounded(made: Cut, other: Cut, rng: np.random.Generator) -> Cut:
    """Outside of the bay, and of what may rise from it, another sample's picture."""
    reach = int(rng.integers(9, 15)) | 1
    near = cv2.dilate(made[..., 3], np.ones((reach, 7), np.uint8))
    lift = int(SIDE * 0.12)
    near[:-lift] |= near[lift:]
    soft = (cv2.GaussianBlur(near, (0, 0), 1.5).astype(np.float32) / 255)[..., None]
    mixed = made.copy()
    mixed[..., :3] = made[..., :3] * soft + other[..., :3] * (1 - soft)
    return mixed


def _lines(picture: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Painted strokes on whatever is there, thin and half transparent."""
    layer = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        ends = rng.uniform(-10, SIDE + 10, 4).astype(int)
        cv2.line(layer, (ends[0], ends[1]), (ends[2], ends[3]), 1.0, int(rng.integers(1, 4)), cv2.LINE_AA)
    paint = np.array([[(200, 200, 200), (60, 170, 200)][rng.integers(2)]], np.float32)
    picture += (layer * rng.uniform(0.3, 0.8))[..., None] * (paint - picture)


def _shadow(picture: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Darkness, or light, behind a straight or crooked edge."""
    layer = np.zeros((SIDE, SIDE), np.float32)
    centre, angle = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi)
    along, away = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    depth = rng.choice([2 * SIDE, rng.uniform(6, 30)])
    corners = [centre + along * 99, centre + along * 99 + away * depth, centre - along * 99 + away * depth]
    corners.append(centre - along * 99)
    points = np.array(corners) + rng.normal(0, 4, (4, 2))
    cv2.fillPoly(layer, [points.astype(np.int32)], 1.0)
    if rng.random() < 0.4:
        holes = cv2.resize(rng.uniform(0, 1, (9, 9)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        layer *= holes > rng.uniform(0.3, 0.6)
    layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.5, 2)))
    picture *= 1 - layer[..., None] * rng.uniform(0.25, 0.75)


def _lit(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Exposure, contrast, gamma, tint, colourless, haze."""
    level = picture.mean()
    picture = (picture - level) * np.exp(rng.normal(0, 0.22)) + level * np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.1:
        picture = picture * rng.uniform(0.12, 0.5)
    if rng.random() < 0.1:
        picture = picture * 0.6 + rng.uniform(60, 110)
    picture = np.clip(picture, 0, 255)
    picture = 255 * (picture / 255) ** np.exp(rng.normal(0, 0.2))
    if rng.random() < 0.22:
        picture[:] = picture.mean(2, keepdims=True)
    elif rng.random() < 0.6:
        picture = picture * np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    return np.clip(picture, 0, 255)


def _filmed(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur, noise, JPEG."""
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.8)))
    if rng.random() < 0.35:
        picture = picture + rng.normal(0, rng.uniform(1, 16), picture.shape)
    made = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        made = cv2.imdecode(cv2.imencode(".jpg", made, quality)[1], cv2.IMREAD_COLOR)
    return made


def _beyond(made: Cut, rng: np.random.Generator) -> None:
    """The picture ends near the bay on one or all sides."""
    ys, xs = np.nonzero(made[..., 3])
    if not len(xs):
        return
    gap = rng.integers(-3, 6, 4)
    sides = rng.random(4) < (1.0 if rng.random() < 0.6 else 0.4)
    if sides[0]:
        made[: max(0, ys.min() - gap[0]), :, :3] = 114
    if sides[1]:
        made[min(SIDE, ys.max() + gap[1]) :, :, :3] = 114
    if sides[2]:
        made[:, : max(0, xs.min() - gap[2]), :3] = 114
    if sides[3]:
        made[:, min(SIDE, xs.max() + gap[3]) :, :3] = 114

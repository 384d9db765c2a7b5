"""Paints loads and covers into the open beds of real trucks: one real picture, covered and uncovered.

A bed is given by its opening: a polygon where the camera looks into it, or the two ends of the visible rim where it
looks from the side. A heap fills the opening and rises rough and irregular above it; a cover closes it, smooth or
ridged by its bows, and hangs a little over the rim. A cover drawn over a part only leaves the load uncovered.
Pictures are H x W x 3 uint8 BGR, points (x, y) in pixels.
"""

import cv2
import numpy as np

from models.state.paint import earth, noise

Point = tuple[float, float]
COVERS_HSV = (
    (60, 160, 90),
    (70, 90, 70),
    (110, 170, 120),
    (0, 0, 110),
    (0, 0, 45),
    (18, 60, 170),
    (12, 190, 190),
    (0, 0, 190),
)
"""Tarpaulins and nets as seen at gates: greens, blue, grey, black, beige, orange, white."""


def loaded(image: np.ndarray, opening: list[Point], rng: np.random.Generator) -> np.ndarray:
    """Soil, sand, rubble or coal, from below the rim (only where one looks in) to heaped."""
    top, bottom, columns = _columns(opening, image.shape[1])
    span = columns[-1] - columns[0] + 1
    deep = len(opening) > 2
    rise = rng.uniform(0.0 if deep else 0.1, 0.25) * span
    shape = _bump(rng, span, roughness=0.35) * min(rise, image.shape[0] * 0.22)
    mask = _fill(image.shape, columns, top - shape, bottom)
    if deep and rng.random() < 0.3:
        mask = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, span // 40))
    return _lay(image, mask, _material(rng, image.shape), rng)


def covered(image: np.ndarray, opening: list[Point], rng: np.random.Generator) -> np.ndarray:
    """A tarpaulin or net over the whole opening."""
    return _cover(image, opening, rng)


def half_covered(image: np.ndarray, opening: list[Point], rng: np.random.Generator) -> np.ndarray:
    """Load over the whole opening and a cover over 30 to 65 % of its width: counts as uncovered."""
    under = loaded(image, opening, rng)
    over = _cover(under, opening, rng)
    _, _, columns = _columns(opening, image.shape[1])
    share = rng.uniform(0.3, 0.65)
    width = columns[-1] - columns[0]
    side = columns[0] + share * width if rng.random() < 0.5 else columns[-1] - share * width
    x = np.arange(image.shape[1])
    wave = rng.uniform(0, 0.05) * width * np.sin(np.arange(image.shape[0]) / max(2.0, image.shape[0] * 0.03))
    keep = (
        (x[None, :] < side + wave[:, None]) if side > columns[0] + 0.5 * width else (x[None, :] > side + wave[:, None])
    )
    if rng.random() < 0.5:
        keep = ~keep
    return np.where(keep[:, :, None], over, under)


def _cover(image: np.ndarray, opening: list[Point], rng: np.random.Generator) -> np.ndarray:
    top, bottom, columns = _columns(opening, image.shape[1])
    span = columns[-1] - columns[0] + 1
    rise = rng.uniform(0.04, 0.2) * span if rng.random() < 0.6 else rng.uniform(0.015, 0.05) * span
    shape = _bump(rng, span, roughness=0.05) * min(rise, image.shape[0] * 0.2)
    bows = int(rng.integers(0, 9))
    phase = np.linspace(0, np.pi * max(1, bows), span)
    if bows:
        shape = shape + np.abs(np.sin(phase)) * rng.uniform(0, 0.02) * span
    drape = rng.uniform(0.0, 0.08) * span * (1 + 0.4 * _bump(rng, span, 0.5))
    mask = _fill(image.shape, columns, top - shape - rng.uniform(0.0, 0.015) * span, bottom + drape + 2)
    hue, saturation, value = COVERS_HSV[rng.integers(len(COVERS_HSV))]
    hsv = (
        np.clip(hue + rng.uniform(-8, 8), 0, 179),
        np.clip(saturation * rng.uniform(0.6, 1.2), 0, 255),
        np.clip(value * rng.uniform(0.6, 1.4), 0, 255),
    )
    colour = cv2.cvtColor(np.uint8([[hsv]]), cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)
    height, width = image.shape[:2]
    folds = 0.25 * (noise(rng, height, width, span * rng.uniform(0.15, 0.5)) - 0.5)
    ridge = np.zeros(width, np.float32)
    if bows:
        ridge[columns] = (rng.uniform(0.05, 0.3) * np.cos(2 * phase)).astype(np.float32)
    slope = np.linspace(0.15, -0.15, height, dtype=np.float32)[:, None]
    texture = 1 + folds + ridge[None, :] + slope
    if rng.random() < 0.3:
        texture = texture * (0.75 + 0.5 * rng.random((height, width)).astype(np.float32))
    return _lay(image, mask, colour * texture[:, :, None], rng)


def _material(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    height, width = shape[:2]
    kind = rng.random()
    colour = earth(rng, wet=bool(rng.random() < 0.5))
    if kind < 0.2:
        colour = np.full(3, rng.uniform(20, 60), np.float32)
    elif kind < 0.4:
        colour = np.full(3, rng.uniform(90, 170), np.float32) + rng.uniform(-8, 8, 3).astype(np.float32)
    coarse = noise(rng, height, width, width * rng.uniform(0.05, 0.2))
    fine = rng.random((height, width)).astype(np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), rng.uniform(0.4, 1.6))
    fine = (fine - fine.mean()) / (fine.std() + 1e-6)
    texture = 0.7 + 0.6 * coarse + rng.uniform(0.06, 0.25) * fine
    return colour * texture[:, :, None]


def _lay(image: np.ndarray, mask: np.ndarray, film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scene = float(np.clip(np.percentile(grey, 70) / 140, 0.2, 1.3))
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, image.shape[1] / 300))[:, :, None]
    painted = np.clip(film * scene * rng.uniform(0.8, 1.2), 0, 255)
    return (image * (1 - alpha) + painted * alpha).astype(np.uint8)


def _columns(opening: list[Point], width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower edge of the opening for each picture column it spans."""
    points = list(opening)
    first = max(0, int(np.ceil(min(p[0] for p in points))))
    last = min(width - 1, int(max(p[0] for p in points)))
    columns = np.arange(first, max(first + 2, last + 1)).clip(0, width - 1)
    edges = list(zip(points, points[1:] + points[:1], strict=True)) if len(points) > 2 else [(points[0], points[1])]
    top, bottom = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
    for (xa, ya), (xb, yb) in edges:
        if abs(xb - xa) < 1e-6:
            continue
        t = (columns - xa) / (xb - xa)
        inside = (t >= 0) & (t <= 1)
        y = ya + t * (yb - ya)
        top = np.where(inside, np.minimum(top, y), top)
        bottom = np.where(inside, np.maximum(bottom, y), bottom)
    valid = np.isfinite(top)
    fallback = float(np.mean([p[1] for p in points]))
    return np.where(valid, top, fallback), np.where(valid, bottom, fallback), columns


def _bump(rng: np.random.Generator, span: int, roughness: float) -> np.ndarray:
    """A hill over 0..1 with value 0 at both ends and about 1 at its top."""
    x = np.linspace(0, 1, span)
    peak = rng.uniform(0.3, 0.7)
    hill = np.where(x < peak, x / peak, (1 - x) / (1 - peak)) ** rng.uniform(0.35, 0.9)
    rough = noise(rng, 1, span, max(4.0, span * 0.15))[0] - 0.5
    return np.clip(hill * (1 + roughness * rough), 0, None)


def _fill(shape: tuple[int, ...], columns: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    rows = np.arange(shape[0])[:, None]
    mask = np.zeros(shape[:2], np.uint8)
    mask[:, columns] = (rows >= top[None, :]) & (rows <= bottom[None, :])
    return mask

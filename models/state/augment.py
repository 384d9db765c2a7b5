"""What a gate's camera does to a picture: framing, light, weather, lens, sensor, compression.

Everything a camera's look could teach instead of the tarpaulin is varied here. `framed` cuts a crop as an uncertain
detector would; `spoiled` changes its look. Pictures are H x W x 3 uint8 BGR.
"""

import cv2
import numpy as np


def framed(
    image: np.ndarray, box: tuple[float, float, float, float], margin: float, rng: np.random.Generator
) -> np.ndarray:
    """The crop of a detector whose edges are each off by up to about 8 % of the box; mirrored half the time."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    edges = margin + rng.normal(0, 0.05, 4)
    left, right = max(0, int(x1 - edges[0] * width)), min(image.shape[1], int(x2 + edges[1] * width))
    top, bottom = max(0, int(y1 - edges[2] * height)), min(image.shape[0], int(y2 + edges[3] * height))
    cut = image[top : max(bottom, top + 8), left : max(right, left + 8)]
    if cut.size == 0:
        cut = image
    if rng.random() < 0.25:
        cut = _turned(cut, rng.uniform(-6, 6))
    return cut[:, ::-1] if rng.random() < 0.5 else cut


def spoiled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random chain of colour, light, blur, noise, occlusion and compression; sometimes none."""
    if rng.random() < 0.2:
        return image
    x = image.astype(np.float32)
    if rng.random() < 0.75:
        x = _coloured(x, rng)
    if rng.random() < 0.3:
        x = (_night, _hazed, _shadowed)[rng.integers(3)](x, rng)
    if rng.random() < 0.12:
        x = x.mean(axis=2, keepdims=True).repeat(3, axis=2)
    if rng.random() < 0.25:
        x = _blurred(x, rng)
    if rng.random() < 0.35:
        x = x + rng.normal(0, rng.uniform(2, 12), (*x.shape[:2], 1 if rng.random() < 0.5 else 3)).astype(np.float32)
    y = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        y = _coarse(y, rng)
    if rng.random() < 0.5:
        _, code = cv2.imencode(".jpg", y, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 90))])
        y = cv2.imdecode(code, cv2.IMREAD_COLOR)
    if rng.random() < 0.15:
        y = _occluded(y, rng)
    return y


def _turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = x * rng.uniform(0.82, 1.18, 3).astype(np.float32)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * rng.uniform(0.4, 1.4)
    x = (x - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-25, 25)
    return 255 * np.clip(x / 255, 0, 1) ** rng.uniform(0.7, 1.4)


def _night(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark, tinted, with a few lamps that bloom in the lower half."""
    height, width = x.shape[:2]
    x = x * rng.uniform(0.25, 0.65) * rng.uniform(0.7, 1.3, 3).astype(np.float32)
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):
        cx, cy = rng.uniform(0, width), rng.uniform(0.35, 1.0) * height
        radius = rng.uniform(0.02, 0.15) * width
        glow = np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * radius**2))
        x = x + glow[:, :, None] * rng.uniform(80, 320) * rng.uniform(0.75, 1.0, 3).astype(np.float32)
    return x


def _hazed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    share = rng.uniform(0.1, 0.4)
    return x * (1 - share) + share * rng.uniform(120, 240)


def _shadowed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One straight edge of shade across the picture."""
    height, width = x.shape[:2]
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    side = (xx / width - rng.random()) * np.cos(angle) + (yy / height - rng.random()) * np.sin(angle)
    shade = 1 / (1 + np.exp(-side * rng.uniform(5, 60)))
    return x * (1 - shade[:, :, None] * rng.uniform(0.2, 0.65))


def _blurred(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = x.shape[1]
    if rng.random() < 0.5:
        return cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 0.007 * size + 0.4))
    length = max(2, int(rng.uniform(0.01, 0.03) * size))
    kernel = np.zeros((length, length), np.float32)
    if rng.random() < 0.7:
        kernel[length // 2] = 1 / length
    else:
        np.fill_diagonal(kernel, 1 / length)
    return cv2.filter2D(x, -1, kernel)


def _coarse(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As few as 56 pixels across, as a truck far away has."""
    height, width = y.shape[:2]
    factor = max(56 / max(height, width), rng.uniform(0.25, 0.9))
    if factor >= 1:
        return y
    small = cv2.resize(y, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _occluded(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pole or a box of flat colour in front."""
    y = y.copy()
    height, width = y.shape[:2]
    if rng.random() < 0.5:
        x1, w = int(rng.uniform(0, width)), max(2, int(rng.uniform(0.01, 0.06) * width))
        y[:, x1 : x1 + w] = rng.integers(0, 255, 3)
    else:
        x1, y1 = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        w, h = int(rng.uniform(0.05, 0.25) * width), int(rng.uniform(0.05, 0.2) * height)
        y[y1 : y1 + h, x1 : x1 + w] = rng.integers(0, 255, 3)
    return y

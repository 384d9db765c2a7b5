"""Paints mud and dust on the wheels of real trucks, so that one real picture exists in all three wheel states.

Real pictures of really muddy wheels hardly exist in the permitted sets. Painting keeps everything else of the picture
as it is (paint, ground, light, compression), so that only the wheels themselves tell the classes apart. Mud is opaque,
blotchy, brown, dark when wet, and reaches onto the body around the wheel; dust is a thin pale film that leaves the
profile visible. A body may be soiled whatever its wheels are, so that dirt on the body says nothing.
Pictures are H x W x 3 uint8 BGR; ellipses are (cx, cy, rx, ry) in pixels.
"""

import cv2
import numpy as np

Ellipse = tuple[float, float, float, float]


def noise(rng: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Fractal noise in 0..1 (H x W float32), largest cells `cell` pixels, four octaves."""
    total = np.zeros((height, width), np.float32)
    weight = 0.0
    for octave in range(4):
        size = max(1.0, cell / 2**octave)
        grid = rng.random((int(height / size) + 2, int(width / size) + 2)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
        weight += 0.6**octave
    total /= weight
    low, high = np.percentile(total, (2, 98))
    return np.clip((total - low) / max(1e-6, high - low), 0, 1)


def earth(rng: np.random.Generator, wet: bool) -> np.ndarray:
    """One colour of soil (BGR 0..255): red-brown to grey-brown to ochre, darker when wet."""
    hue, saturation = rng.uniform(8, 24), rng.uniform(40, 150)
    value = rng.uniform(55, 125) if wet else rng.uniform(95, 190)
    pixel = np.uint8([[[hue, saturation, value]]])
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def muddy(image: np.ndarray, wheels: list[Ellipse], rng: np.random.Generator) -> np.ndarray:
    """Wet or caked soil over tyre and hub, splashes around them."""
    height, width = image.shape[:2]
    colour = earth(rng, wet=bool(rng.random() < 0.6))
    coverage = rng.uniform(0.55, 1.0)
    alpha = np.zeros((height, width), np.float32)
    for cx, cy, rx, ry in wheels:
        distance = _distance(height, width, cx, cy, rx, ry)
        blotch = noise(rng, height, width, max(3.0, ry * rng.uniform(0.3, 0.9)))
        inner = np.clip((1.08 - distance) * 8, 0, 1)
        if rng.random() < 0.35:
            inner *= np.clip((distance - rng.uniform(0.2, 0.5)) * 6, 0, 1)
        alpha = np.maximum(alpha, inner * np.clip((blotch - (1 - coverage)) * 5, 0, 1))
        splash = np.clip((rng.uniform(1.3, 2.2) - distance) * 1.5, 0, 1) * (distance > 1)
        alpha = np.maximum(alpha, splash * np.clip((blotch - rng.uniform(0.45, 0.8)) * 4, 0, 1) * 0.85)
    return _blend(image, alpha * rng.uniform(0.85, 1.0), colour, rng, relief=0.5, keep=0.35)


def dusty(image: np.ndarray, wheels: list[Ellipse], rng: np.random.Generator) -> np.ndarray:
    """A thin dry film: pale, even, the profile of the tyre still visible through it."""
    height, width = image.shape[:2]
    colour = earth(rng, wet=False) * 0.6 + rng.uniform(55, 80)
    alpha = np.zeros((height, width), np.float32)
    for cx, cy, rx, ry in wheels:
        distance = _distance(height, width, cx, cy, rx, ry)
        blotch = noise(rng, height, width, max(3.0, ry))
        alpha = np.maximum(alpha, np.clip((1.05 - distance) * 8, 0, 1) * (0.7 + 0.3 * blotch))
    return _blend(image, alpha * rng.uniform(0.35, 0.65), colour, rng, relief=0.15, keep=0.75)


def soiled_body(image: np.ndarray, wheels: list[Ellipse], rng: np.random.Generator) -> np.ndarray:
    """Dirt over the lower body and the ground between the wheels, never on the wheels."""
    height, width = image.shape[:2]
    clear = np.ones((height, width), np.float32)
    for ellipse in wheels:
        clear = np.minimum(clear, np.clip((_distance(height, width, *ellipse) - 1.05) * 6, 0, 1))
    rise = np.clip((np.arange(height, dtype=np.float32)[:, None] / height - rng.uniform(0.3, 0.7)) * 3, 0, 1)
    blotch = noise(rng, height, width, height * rng.uniform(0.1, 0.4))
    alpha = clear * rise * np.clip((blotch - rng.uniform(0.1, 0.5)) * 3, 0, 1)
    return _blend(image, alpha * rng.uniform(0.4, 0.9), earth(rng, bool(rng.random() < 0.5)), rng, 0.4, 0.5)


def _distance(height: int, width: int, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.sqrt(((x - cx) / max(rx, 1)) ** 2 + ((y - cy) / max(ry, 1)) ** 2)


def _blend(
    image: np.ndarray, alpha: np.ndarray, colour: np.ndarray, rng: np.random.Generator, relief: float, keep: float
) -> np.ndarray:
    """Lays `colour` with a grain of `relief` over the picture; `keep` is how far the light below shapes it."""
    height, width = image.shape[:2]
    below = image.astype(np.float32)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    covered = alpha > 0.2
    level = float(grey[covered].mean()) if covered.any() else 128.0
    scene = float(np.clip(grey.mean() / 110, 0.25, 1.2))
    light = 1 + keep * np.clip((grey - level) / (level + 30), -0.7, 1.0)
    grain = 1 + relief * (noise(rng, height, width, max(2.0, height / 25)) - 0.5)
    film = np.clip(colour * scene * (light * grain)[:, :, None], 0, 255)
    return (below * (1 - alpha[:, :, None]) + film * alpha[:, :, None]).astype(np.uint8)

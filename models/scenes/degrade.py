"""From linear light to the picture of a cheap outdoor camera: exposure, glare, dirt, rain, noise, sharpening, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.lighting import Lighting

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Defects:
    """How bad the camera is; lengths are in pixels of the picture."""

    grey: bool = False
    exposure: float = 1.0
    contrast: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    bloom: float = 0.08
    vignette: float = 0.1
    dirt: float = 0.0
    blur: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.01
    shrink: float = 1.0
    sharpen: float = 0.0
    rain: float = 0.0
    jpeg: int = 85


def sample_defects(rng: np.random.Generator, light: Lighting) -> Defects:
    dark = light.dark
    cast = 1 + rng.normal(0, 0.05, 3)
    motion = rng.normal(0, 3.0, 2) * (1.0, 0.25) if rng.random() < 0.12 else (0.0, 0.0)
    return Defects(
        grey=light.time == "infrared" or rng.random() < 0.02,
        exposure=float(rng.lognormal(0, 0.22)),
        contrast=float(rng.uniform(0.8, 1.25)),
        cast=(float(cast[0]), float(cast[1]), float(cast[2])),
        saturation=float(rng.uniform(0.55, 1.25)),
        bloom=float(rng.uniform(0.02, 0.14)),
        vignette=float(rng.uniform(0, 0.3)),
        dirt=float(rng.choice([0, rng.uniform(0.2, 1.0)], p=[0.85, 0.15])),
        blur=float(rng.choice([0, rng.uniform(0.3, 1.2)], p=[0.6, 0.4])),
        motion=(float(motion[0]), float(motion[1])),
        noise=float(rng.uniform(0.006, 0.04) if dark else rng.uniform(0.001, 0.014)),
        shrink=float(rng.choice([1.0, rng.uniform(0.4, 0.9)], p=[0.6, 0.4])),
        sharpen=float(rng.choice([0, rng.uniform(0.3, 1.2)])),
        rain=light.rain,
        jpeg=int(rng.integers(22, 95)),
    )


@dataclass(frozen=True)
class Metering:
    """What the camera's automatic exposure settled on."""

    gain: float
    black: float


def meter(linear: NDArray[np.float32], light: Lighting) -> Metering:
    """Exposure from the log mean, held back so that bright parts keep their colour and by the light's largest gain."""
    grey = linear[::4, ::4] @ np.array([0.25, 0.6, 0.15], np.float32)
    level = float(np.exp(np.log(np.clip(grey, 1e-4, 4.0)).mean()))
    gain = min(light.key / level, 0.75 / max(float(np.percentile(grey, 97)), 1e-4), light.gain)
    return Metering(gain, 0.7 * gain * float(np.percentile(linear[::4, ::4], 1)))


def soften_edges(linear: NDArray[np.float32], idents: NDArray[np.int32]) -> NDArray[np.float32]:
    """Cheap antialiasing: average over 3x3 where two parts of different ident meet."""
    edge = np.zeros(idents.shape, bool)
    across, down = idents[:, 1:] != idents[:, :-1], idents[1:] != idents[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    c = np.minimum(linear, 8.0)
    return np.where(
        edge[..., None], cv2.GaussianBlur(c, (3, 3), 0.7), 0.8 * linear + 0.2 * cv2.GaussianBlur(c, (3, 3), 0.6)
    )


def develop(
    linear: NDArray[np.float32], light: Lighting, d: Defects, rng: np.random.Generator, metering: Metering | None = None
) -> Picture:
    """BGR picture (h, w, 3) of `linear` RGB; a fixed camera passes the `metering` of its empty scene."""
    h, w = linear.shape[:2]
    m = metering or meter(linear, light)
    c = np.maximum(linear * (np.asarray(d.cast, np.float32) * m.gain * d.exposure) - m.black, 0)
    if d.bloom > 0:
        bright = np.minimum(np.maximum(c - 1.0, 0), 25)
        small = cv2.resize(bright, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
        halo = cv2.GaussianBlur(small, (0, 0), w / 340) + 0.5 * cv2.GaussianBlur(small, (0, 0), w / 90)
        c += d.bloom * cv2.resize(halo, (w, h))
    if max(abs(d.motion[0]), abs(d.motion[1])) > 0.7:
        c = _smear(c, d.motion)
    if d.dirt > 0:
        c = _dirt(c, d.dirt, rng)
    if d.vignette > 0:
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        c *= (1 - d.vignette * (x * x + y * y) / 2)[..., None].astype(np.float32)
    c = c * (2.51 * c + 0.03) / (c * (2.43 * c + 0.59) + 0.14)
    c = np.clip(c, 0, 1) ** (1 / 2.2)
    c = np.clip((c - 0.5) * d.contrast + 0.5, 0, 1)
    grey = c @ np.array([0.3, 0.59, 0.11], np.float32)
    c = grey[..., None] + (0.0 if d.grey else d.saturation) * (c - grey[..., None])
    if d.rain > 0:
        c = _rain(c, d.rain, rng)
    if d.blur > 0:
        c = cv2.GaussianBlur(c, (0, 0), d.blur * w / 640)
    if d.shrink < 1:
        c = cv2.resize(
            cv2.resize(c, None, fx=d.shrink, fy=d.shrink, interpolation=cv2.INTER_AREA),
            (w, h),
            interpolation=cv2.INTER_LINEAR,
        )
    if d.noise > 0:
        grain = rng.normal(0, 1, (h, w, 1)) * 0.8 + rng.normal(0, 0.5, (h, w, 1 if d.grey else 3))
        grain = cv2.GaussianBlur(grain.astype(np.float32), (0, 0), 0.6).reshape(h, w, -1)
        c = c + d.noise * 1.6 * grain * (1.2 - 0.7 * c)
    if d.sharpen > 0:
        c = c + d.sharpen * (c - cv2.GaussianBlur(c, (0, 0), 1.2))
    out = (np.clip(c, 0, 1)[..., ::-1] * 255 + 0.5).astype(np.uint8)
    if d.jpeg < 95:
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, d.jpeg])[1], cv2.IMREAD_COLOR)
    return np.ascontiguousarray(out)


def _smear(c: NDArray[np.float32], motion: tuple[float, float]) -> NDArray[np.float32]:
    n = int(max(abs(motion[0]), abs(motion[1]))) | 1
    k = np.zeros((n + 2, n + 2), np.float32)
    centre = (n + 1) / 2
    for t in np.linspace(-0.5, 0.5, 3 * n):
        k[round(centre + t * motion[1]), round(centre + t * motion[0])] += 1
    return cv2.filter2D(c, -1, k / k.sum())


def _dirt(c: NDArray[np.float32], amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Drops and dust on the dome: blurred, veiled patches."""
    h, w = c.shape[:2]
    mask = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(3, 30) * amount) + 1):
        centre = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        cv2.ellipse(
            mask,
            centre,
            (int(rng.uniform(0.005, 0.06) * w), int(rng.uniform(0.005, 0.05) * w)),
            float(rng.uniform(0, 180)),
            0,
            360,
            float(rng.uniform(0.2, 0.8)),
            -1,
        )
    mask = cv2.GaussianBlur(mask, (0, 0), w / 120)[..., None]
    soft = cv2.GaussianBlur(c, (0, 0), w / 50)
    return c * (1 - mask) + mask * (soft * 0.8 + 0.05 * float(c.mean()))


def _rain(c: NDArray[np.float32], amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    h, w = c.shape[:2]
    layer = np.zeros((h, w), np.float32)
    slant = rng.normal(0, 0.15)
    for _ in range(int(500 * amount)):
        x, y, n = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.015, 0.06) * h
        cv2.line(
            layer, (int(x), int(y)), (int(x + slant * n), int(y + n)), float(rng.uniform(0.03, 0.14)), 1, cv2.LINE_AA
        )
    return c * (1 - 0.15 * amount) + 0.05 * amount + cv2.GaussianBlur(layer, (0, 0), 0.6)[..., None]

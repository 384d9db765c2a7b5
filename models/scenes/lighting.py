"""Light and weather of a scene: sun or moon, sky, lamps, fog, wet ground, and how far the camera may open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.scenes.mesh import Colour

TIMES = ("sunny", "overcast", "low_sun", "dusk", "night", "infrared")


@dataclass(frozen=True)
class Lamp:
    """A point light, or a spot light when `cosine` (of the half cone) is above -1.5."""

    pos: tuple[float, float, float]
    colour: Colour
    direction: tuple[float, float, float] = (0.0, 0.0, -1.0)
    cosine: float = -2.0
    reach: float = 60.0


@dataclass
class Lighting:
    time: str
    sun_direction: tuple[float, float, float]
    sun_colour: Colour
    zenith: Colour
    horizon: Colour
    bounce: Colour
    cloud: float = 0.5
    fog: float = 0.002
    wet: float = 0.0
    rain: float = 0.0
    key: float = 0.13
    gain: float = 20.0
    shadow_soft: float = 0.0012
    lamps: list[Lamp] = field(default_factory=list)

    @property
    def dark(self) -> bool:
        return self.time in ("night", "infrared", "dusk")


def scaled(colour: Colour, k: float) -> Colour:
    return colour[0] * k, colour[1] * k, colour[2] * k


def sample_lighting(rng: np.random.Generator, time: str | None = None) -> Lighting:
    time = time or str(rng.choice(TIMES, p=[0.3, 0.27, 0.1, 0.07, 0.18, 0.08]))
    azimuth = rng.uniform(0, 2 * np.pi)
    height = {"low_sun": rng.uniform(0.15, 0.4), "dusk": 0.1}.get(time, rng.uniform(0.5, 1.3))
    sun = (float(np.cos(azimuth) * np.cos(height)), float(np.sin(azimuth) * np.cos(height)), float(np.sin(height)))
    haze = rng.uniform(0.0, 1.0)
    if time == "sunny":
        light = Lighting(
            time,
            sun,
            scaled((1.0, 0.94, 0.84), rng.uniform(2.0, 4.0)),
            (0.22 + 0.3 * haze, 0.4 + 0.2 * haze, 0.85),
            (0.75, 0.8, 0.86),
            (0.22, 0.2, 0.17),
            rng.uniform(0, 0.8),
            rng.uniform(0.0002, 0.0015),
        )
    elif time == "overcast":
        grey = rng.uniform(0.7, 1.0)
        light = Lighting(
            time,
            sun,
            scaled((1, 1, 1), rng.uniform(0.05, 0.5)),
            (0.8 * grey, 0.83 * grey, 0.88 * grey),
            (0.85, 0.86, 0.87),
            (0.2, 0.19, 0.17),
            0.3,
            float(rng.choice([rng.uniform(0.0003, 0.002), rng.uniform(0.002, 0.015)], p=[0.8, 0.2])),
            shadow_soft=0.006,
        )
    elif time == "low_sun":
        light = Lighting(
            time,
            sun,
            scaled((1.0, 0.72, 0.42), rng.uniform(2.0, 4.0)),
            (0.25, 0.35, 0.6),
            (0.85, 0.68, 0.5),
            (0.18, 0.14, 0.1),
            rng.uniform(0, 0.8),
            rng.uniform(0.0003, 0.002),
        )
    elif time == "dusk":
        light = Lighting(
            time,
            sun,
            scaled((0.8, 0.5, 0.4), 0.05),
            (0.06, 0.08, 0.16),
            (0.2, 0.15, 0.14),
            (0.04, 0.035, 0.03),
            0.5,
            rng.uniform(0.001, 0.005),
            key=0.10,
            gain=8.0,
            shadow_soft=0.006,
        )
    else:
        k = rng.uniform(0.2, 1.5) if time == "night" else 0.3
        light = Lighting(
            time,
            sun,
            scaled((0.5, 0.6, 0.9), 0.008 * k),
            scaled((0.01, 0.012, 0.02), k),
            scaled((0.03, 0.025, 0.022), k),
            scaled((0.008, 0.007, 0.006), k),
            0.3,
            rng.uniform(0.001, 0.006),
            key=float(rng.uniform(0.05, 0.13)),
            gain=float(rng.uniform(4, 14)),
        )
    if rng.random() < 0.22:
        light.wet = float(rng.uniform(0.3, 1.0))
        if rng.random() < 0.5 and time != "sunny":
            light.rain = float(rng.uniform(0.2, 1.0))
    light.key *= float(rng.uniform(0.7, 1.35))
    return light


def headlamps(x: float, y: float, yaw: float, length: float, strength: float) -> list[Lamp]:
    """A vehicle's two dipped beams."""
    c, s = np.cos(yaw), np.sin(yaw)
    lamps = []
    for side in (0.85, -0.85):
        px, py = x + c * (length / 2 + 0.25) - s * side, y + s * (length / 2 + 0.25) + c * side
        lamps.append(
            Lamp(
                (float(px), float(py), 0.8),
                scaled((1.0, 0.93, 0.8), strength),
                (float(c * 0.99), float(s * 0.99), -0.12),
                0.86,
                45,
            )
        )
    return lamps

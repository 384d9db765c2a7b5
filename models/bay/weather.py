"""Weather that changes over a rendered section of bays: what light, camera and glass do from second to second.

Light changes faster than outdoors, shadows at least seven times as fast: what a week brings comes in hours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.degrade import Defects
from models.scenes.lighting import Lamp, Lighting, sample_lighting, scaled

KINDS = ("sun", "low_sun", "rain", "fog", "dusk", "night", "night_rain", "drops", "failing_lamp")
_DARK = ("night", "night_rain", "failing_lamp")
_BASE = {"sun": "sunny", "rain": "overcast", "fog": "overcast", "drops": "overcast"}
Change = Callable[[float, Lighting], Lighting]


@dataclass(frozen=True)
class Weather:
    """`light` and `defects` by seconds; `drops_s`: for how long the same drops lie on the glass, None without any."""

    kind: str
    light: Callable[[float], Lighting]
    defects: Callable[[float], Defects]
    lamps: list[Lamp] = field(default_factory=list)
    drops_s: float | None = None

    @property
    def lit(self) -> bool:
        """Whether vehicles drive with their lamps on."""
        return self.kind in _DARK or self.kind in ("dusk", "fog")


def sample_weather(
    rng: np.random.Generator, kind: str, seconds: float, posts: list[tuple[float, float, float]]
) -> Weather:
    """Weather of one of `KINDS` over `seconds`; `posts` are where lamps hang."""
    time = "night" if kind in _DARK else _BASE.get(kind, kind)
    base = replace(sample_lighting(rng, time), wet=0.0, rain=0.0, lamps=[])
    tint = (1.0, float(rng.uniform(0.7, 1.0)), float(rng.uniform(0.4, 1.0)))
    lamps = [Lamp(post, scaled(tint, float(rng.uniform(90, 180)))) for post in posts]
    shower = rng.uniform(0.15, 0.4) * seconds
    plain = Defects(
        noise=float(rng.uniform(0.012, 0.03) if time == "night" else rng.uniform(0.003, 0.01)),
        bloom=float(rng.uniform(0.03, 0.1)),
        blur=float(rng.choice([0.0, 0.5])),
        jpeg=int(rng.integers(45, 95)),
        saturation=float(rng.uniform(0.7, 1.0)),
    )

    def wet(t: float) -> float:
        return float(np.interp(t, (0.5 * shower, 2 * shower), (0.0, 1.0)))

    def falling(t: float) -> float:
        return float(np.interp(t, (0.5 * shower, shower, 2 * shower, 2.3 * shower), (0.0, 0.9, 0.9, 0.0)))

    def cloudy(t: float, light: Lighting) -> Lighting:
        open_ = np.clip(0.5 + 1.2 * np.sin(t * 0.031) + 0.6 * np.sin(t * 0.11 + 1), 0.08, 1.0)
        return turned(replace(light, sun_colour=scaled(light.sun_colour, float(open_))), 0.0005 * t)

    def low(t: float, light: Lighting) -> Lighting:
        return turned(light, 0.0025 * t)

    def showers(t: float, light: Lighting) -> Lighting:
        return replace(light, wet=wet(t), rain=falling(t))

    def foggy(t: float, light: Lighting) -> Lighting:
        return replace(light, fog=float(np.interp(t / seconds, (0.1, 0.4, 0.6, 0.9), (0.001, 0.05, 0.05, 0.001))))

    def falls(t: float, light: Lighting) -> Lighting:
        left = float(np.interp(t / seconds, (0.0, 0.7), (1.0, 0.04)))
        faded = replace(light, zenith=scaled(light.zenith, 3 * left), horizon=scaled(light.horizon, 3 * left))
        return replace(faded, bounce=scaled(light.bounce, 3 * left), lamps=lamps if t > 0.35 * seconds else [])

    def night(_t: float, light: Lighting) -> Lighting:
        return replace(light, lamps=lamps)

    def night_shower(t: float, light: Lighting) -> Lighting:
        return replace(showers(t, light), lamps=lamps)

    def failing(t: float, light: Lighting) -> Lighting:
        on = t % 97 > 30 or (t % 97 > 20 and int(t) % 4 < 2)
        return replace(light, lamps=lamps if on else lamps[1:])

    changes: dict[str, Change] = {
        "sun": cloudy,
        "low_sun": low,
        "rain": showers,
        "fog": foggy,
        "dusk": falls,
        "night": night,
        "night_rain": night_shower,
        "drops": showers,
        "failing_lamp": failing,
    }
    change = changes[kind]
    return Weather(
        kind,
        lambda t: change(t, base),
        lambda t: replace(plain, rain=falling(t) if kind in ("rain", "night_rain", "drops") else 0.0),
        lamps,
        float(rng.uniform(15, 60)) if kind in ("drops", "night_rain") else None,
    )


def turned(light: Lighting, angle: float) -> Lighting:
    """The sun farther on its way by `angle`."""
    x, y, z = light.sun_direction
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return replace(light, sun_direction=(c * x - s * y, s * x + c * y, z))


def drops(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Drops on the glass: each shows, blurred and upside down, what lies around it."""
    height, width = image.shape[:2]
    made = image.copy()
    for _ in range(int(rng.integers(4, 22))):
        radius = int(rng.uniform(0.008, 0.05) * width)
        x, y = int(rng.integers(radius, width - radius)), int(rng.integers(radius, height - radius))
        reach = 3 * radius
        around = image[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        seen = cv2.GaussianBlur(cv2.resize(around[::-1, ::-1], (2 * radius, 2 * radius)), (0, 0), 0.12 * radius + 0.5)
        mask = np.zeros((2 * radius, 2 * radius), np.float32)
        cv2.ellipse(mask, (radius, radius), (int(0.8 * radius), int(0.9 * radius)), 0, 0, 360, 1.0, -1)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.12 * radius + 0.5)[..., None] * 0.85
        part = made[y - radius : y + radius, x - radius : x + radius]
        part[:] = part * (1 - soft) + seen * soft
    return made

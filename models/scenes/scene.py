"""A scene: a world, the vehicles and people in it, a camera and a light. `compose` draws a random one from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.scenes.camera import Camera, sample_camera
from models.scenes.lighting import Lighting, headlamps, sample_lighting
from models.scenes.mesh import Array, Colour, placed
from models.scenes.parts import PARTS
from models.scenes.spec import TruckSpec, sample_tipper
from models.scenes.tipper import truck
from models.scenes.vehicles import bus, car, excavator, other_truck, person, tricycle
from models.scenes.world import World, sample_world

GOODS = 0.25
"""Share of open tippers that carry sacks, cartons and the like instead of bulk."""
CLASSES = ("truck", "bus", "car", "other_vehicle", "wheel")


@dataclass
class Thing:
    """Something that stands in the scene; `label` is its class, None if it is not boxed; `spec` is there for trucks."""

    label: str | None
    shape: Array
    x: float
    y: float
    yaw: float
    spec: TruckSpec | None = None

    @property
    def size(self) -> tuple[float, float, float]:
        """Length, width, height in its own frame."""
        low, high = self.shape[:, :3].min(0), self.shape[:, :3].max(0)
        return float(high[0] - low[0]), float(high[1] - low[1]), float(high[2])

    def vertices(self, number: int) -> Array:
        v = placed(self.shape, self.x, self.y, self.yaw)
        v[:, 13] += number * PARTS
        return v


@dataclass
class Scene:
    camera: Camera
    lighting: Lighting
    world: Array
    things: list[Thing] = field(default_factory=list)
    mud_colour: Colour = (0.16, 0.10, 0.06)
    dust_colour: Colour = (0.42, 0.35, 0.27)
    mud_wet: float = 0.5
    ground_dirt: float = 0.3
    sway: float = 0.0
    focus: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def vertices(self) -> Array:
        """Things first, the world after them: what they hide is then not shaded."""
        world = self.world.copy()
        world[:, 13] = 0
        return np.concatenate([*(t.vertices(n) for n, t in enumerate(self.things, 1)), world])

    def ranges(self) -> dict[int, tuple[int, int]]:
        """First vertex and count of every labelled thing, by its number (1 is `things[0]`)."""
        out, first = {}, 0
        for n, t in enumerate(self.things, 1):
            if t.label:
                out[n] = (first, len(t.shape))
            first += len(t.shape)
        return out

    def footprints(self) -> list[tuple[float, float, float, float, float]]:
        """x, y, yaw, length, width of whatever shades the ground under it."""
        return [(t.x, t.y, t.yaw, t.size[0], min(t.size[1], 2.6)) for t in self.things if t.label]


SOILS: tuple[Colour, ...] = (
    (0.17, 0.10, 0.06),
    (0.22, 0.13, 0.07),
    (0.12, 0.09, 0.065),
    (0.28, 0.14, 0.07),
    (0.14, 0.12, 0.10),
    (0.2, 0.16, 0.11),
)


def compose(seed: int, crops: bool = False) -> Scene:
    """A random scene; with `crops` a tipper is always near and large."""
    rng = np.random.default_rng([20, seed])
    lighting = sample_lighting(rng)
    world = sample_world(rng)
    things: list[Thing] = []
    lamps_on = lighting.dark or rng.random() < 0.1
    lane = (
        rng.uniform(-0.8, 0.8) if world.kind in ("gate", "wash", "yard") else rng.choice([-1, 1]) * world.lane_width / 4
    )
    yaw = (0.0 if rng.random() < 0.6 else np.pi) + rng.normal(0, 0.06)
    x = rng.uniform(-8, 8)
    draw = rng.random()
    if crops or draw < 0.8:
        things.append(goods(rng, x, lane, yaw, lamps_on, tipper=rng.random() < (0.8 if crops else 0.75)))
    elif draw < 0.9:
        things.append(
            Thing(
                "bus" if rng.random() < 0.4 else "car",
                bus(rng, lamps_on) if rng.random() < 0.4 else car(rng, lamps_on),
                x,
                lane,
                yaw,
            )
        )
        if things[0].size[0] > 6:
            things[0].label = "bus"
        else:
            things[0].label = "car"
    _others(things, world, rng, lamps_on, 0.5 if crops else 1.0)
    soil = SOILS[rng.integers(len(SOILS))]
    grey = float(rng.uniform(0.25, 0.55))
    dust = tuple(float(v) for v in np.clip(np.array(soil) * rng.uniform(1.5, 2.2) * 0.6 + grey * 0.45, 0, 0.7))
    length = things[0].size[0] if things else 9.0
    for _ in range(8):
        camera = sample_camera(rng, x, lane, yaw, length)
        if not blocked(camera, world):
            break
    _lamps(lighting, world, things, camera, rng)
    return Scene(
        camera,
        lighting,
        world.mesh.vertices(),
        things,
        tuple(float(c * rng.uniform(0.8, 1.2)) for c in soil),  # type: ignore[arg-type]
        dust,
        float(rng.uniform(0, 1)),
        world.ground_dirt,
        float(rng.uniform(0, 6)),
        (x, lane, 0.0),
    )  # type: ignore[arg-type]


def blocked(camera: Camera, world: World) -> bool:
    """Whether a tree, a building, a heap or the hoarding stands between the camera and what it looks at."""
    a, b = np.array(camera.eye[:2]), np.array(camera.target[:2])
    if world.kind in ("gate", "wash") and a[0] * b[0] < 0:
        crossing = a[1] + (b[1] - a[1]) * a[0] / (a[0] - b[0])
        if abs(crossing) > world.lane_width / 2 and camera.eye[2] < 4.5:
            return True
    way = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
    for x, y, radius in world.obstacles:
        d = np.array([x, y]) - a
        along = float(np.clip(d @ way, 0, np.linalg.norm(b - a)))
        if np.linalg.norm(d - along * way) < radius:
            return True
    return False


def goods(rng: np.random.Generator, x: float, y: float, yaw: float, lamps_on: bool, tipper: bool = True) -> Thing:
    spec = sample_tipper(rng) if tipper else other_truck(rng)
    if tipper and spec.load == "uncovered" and np.random.default_rng([spec.shape_seed, 2]).random() < GOODS:
        spec.goods, spec.draw, spec.torn = True, 0.0, False
    spec.lamps_on = bool(lamps_on and rng.random() < 0.85)
    if spec.load == "empty" and spec.kind == "tipper" and rng.random() < 0.06:
        spec.tilt = float(rng.uniform(0.2, 0.8))
    return Thing("truck", truck(spec), x, y, yaw, spec)


def _others(things: list[Thing], world: World, rng: np.random.Generator, lamps_on: bool, k: float) -> None:
    """Traffic, plant and people, kept clear of each other."""
    for _ in range(int(rng.poisson(1.6 * k))):
        what = rng.choice(["car", "bus", "truck", "excavator", "tricycle"], p=[0.52, 0.1, 0.2, 0.1, 0.08])
        across = rng.random() < 0.4 and world.kind in ("gate", "wash", "yard")
        if across:
            x, y, yaw = rng.uniform(16, 26), rng.uniform(-30, 30), np.pi / 2 * rng.choice([-1, 1])
        else:
            x, y = rng.uniform(-40, 40), rng.choice([-1, 1]) * world.lane_width * rng.uniform(0.15, 0.7)
            yaw = (0.0 if y < 0 else np.pi) + rng.normal(0, 0.1)
        if what == "truck":
            thing = goods(rng, x, y, yaw, lamps_on, rng.random() < 0.5)
        else:
            make = {"car": car, "bus": bus}.get(str(what))
            shape = make(rng, lamps_on) if make else {"excavator": excavator, "tricycle": tricycle}[str(what)](rng)
            thing = Thing({"car": "car", "bus": "bus"}.get(str(what), "other_vehicle"), shape, x, y, yaw)
        if clear(thing, things):
            things.append(thing)
    for _ in range(int(rng.poisson(0.6))):
        p = Thing(
            None, person(rng), rng.uniform(-14, 14), rng.choice([-1, 1]) * rng.uniform(2.4, 7), rng.uniform(0, 6.28)
        )
        if clear(p, things):
            things.append(p)


def clear(thing: Thing, others: list[Thing]) -> bool:
    """Whether `thing` overlaps none of `others`, by circles along their lengths."""

    def circles(t: Thing) -> np.ndarray:
        length, width, _ = t.size
        s = np.linspace(-length / 2 + width / 2, length / 2 - width / 2, 4)
        return np.stack([t.x + s * np.cos(t.yaw), t.y + s * np.sin(t.yaw), np.full(4, width / 2 + 0.15)], 1)

    a = circles(thing)
    for other in others:
        b = circles(other)
        gap = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]) - a[:, None, 2] - b[None, :, 2]
        if (gap < 0).any():
            return False
    return True


def _lamps(lighting: Lighting, world: World, things: list[Thing], camera: Camera, rng: np.random.Generator) -> None:
    if not lighting.dark:
        return
    from models.scenes.lighting import Lamp, scaled

    if lighting.time == "infrared":
        d = tuple(b - a for a, b in zip(camera.eye, camera.target, strict=True))
        lighting.lamps.append(Lamp(camera.eye, scaled((1, 1, 1), float(rng.uniform(40, 160))), d, 0.6, 60))  # type: ignore[arg-type]
    else:
        lamps = sorted(world.lamps, key=lambda lamp: abs(lamp.pos[0] - things[0].x) if things else 0)
        lighting.lamps.extend(lamps[:5])
        if rng.random() < 0.4:
            lighting.lamps.append(
                Lamp(
                    (camera.eye[0], camera.eye[1], camera.eye[2] + 1),
                    scaled((0.95, 0.97, 1.0), float(rng.uniform(30, 250))),
                )
            )
    for t in things:
        if t.label and (t.spec is None or t.spec.lamps_on) and t.label != "other_vehicle":
            lighting.lamps.extend(headlamps(t.x, t.y, t.yaw, t.size[0], float(rng.uniform(60, 220))))

"""What stands around the vehicles: ground, gate, gantry, wash bay, hoarding, street, buildings, trees, heaps.

The road runs along x; a gate's line is x = 0 with the site at x < 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.scenes.fields import fractal_noise, smooth_noise
from models.scenes.lighting import Lamp, scaled
from models.scenes.mesh import Colour, Look, Mesh
from models.scenes.parts import Material

KINDS = ("gate", "street", "yard", "wash", "highway")
CONCRETE = Look(Material.CONCRETE, (0.36, 0.35, 0.33))
ASPHALT = Look(Material.ASPHALT, (0.085, 0.085, 0.088))
DIRT = Look(Material.DIRT, (0.24, 0.18, 0.12))
GRASS = Look(Material.GRASS, (0.10, 0.15, 0.04))
STEEL = Look(Material.STEEL, (0.25, 0.25, 0.26))
WHITE = Look(Material.MARKING, (0.65, 0.65, 0.63))
HOARDING: tuple[Colour, ...] = (
    (0.05, 0.2, 0.5),
    (0.06, 0.3, 0.14),
    (0.6, 0.6, 0.58),
    (0.3, 0.32, 0.35),
    (0.1, 0.35, 0.5),
)


@dataclass
class World:
    """The mesh, the lamps it carries at night, how dirty its ground is, and what could hide a view: x, y, radius."""

    kind: str
    mesh: Mesh
    lamps: list[Lamp]
    ground_dirt: float
    lane_width: float
    obstacles: list[tuple[float, float, float]]


def sample_world(rng: np.random.Generator, kind: str | None = None) -> World:
    kind = kind or str(rng.choice(KINDS, p=[0.38, 0.24, 0.14, 0.12, 0.12]))
    mesh, lamps = Mesh(), []
    build = {"gate": _gate, "wash": _wash, "street": _street, "highway": _highway, "yard": _yard}[kind]
    dirt, lane = build(mesh, lamps, rng)
    return World(kind, mesh, lamps, dirt, lane, mesh.obstacles)


def ground(mesh: Mesh, look: Look, x0: float, x1: float, y0: float, y1: float, z: float = 0.0, cells: int = 1) -> None:
    x, y = np.linspace(x0, x1, cells + 1), np.linspace(y0, y1, cells + 1)
    p = np.stack([*np.meshgrid(x, y, indexing="ij"), np.full((cells + 1, cells + 1), z)], 2)
    mesh.grid(p.astype(np.float32), look, smooth=False)


def _paving(rng: np.random.Generator) -> Look:
    k = rng.uniform(0.75, 1.2)
    base = (CONCRETE, ASPHALT, CONCRETE, DIRT)[rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])]
    return base.but(colour=tuple(k * c for c in base.colour))


def _gate(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator) -> tuple[float, float]:
    width = rng.uniform(7, 13)
    ground(mesh, DIRT, -150, -1, -150, 150, -0.03)
    ground(mesh, _paving(rng), -60, 14, -width / 2 - 2, width / 2 + 2, 0.0)
    ground(mesh, (GRASS, CONCRETE)[rng.integers(2)], -1, 14, -150, 150, -0.02)
    _cross_street(mesh, 14.0)
    gate(mesh, lamps, rng, width)
    fence(mesh, rng, width)
    for _ in range(int(rng.integers(1, 4))):
        building(mesh, rng, rng.uniform(-110, -40), rng.uniform(-60, 60))
    for _ in range(int(rng.integers(0, 3))):
        mound(mesh, rng, rng.uniform(-40, -15), rng.choice([-1, 1]) * rng.uniform(14, 30))
    for _ in range(int(rng.integers(1, 4))):
        building(mesh, rng, rng.uniform(45, 110), rng.uniform(-80, 80), site=False)
    for _ in range(int(rng.integers(0, 6))):
        tree(
            mesh,
            rng,
            rng.choice([-1, 1]) * rng.uniform(3, 10) + (20 if rng.random() < 0.5 else 0),
            rng.choice([-1, 1]) * rng.uniform(width / 2 + 5, 40),
        )
    clutter(mesh, rng, width / 2)
    return rng.uniform(0.0, 0.8), width


def gate(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator, width: float) -> None:
    """Posts, and with luck a gantry, a sign, leaves, a hut and a barrier."""
    half, high = width / 2 + 0.5, rng.uniform(3.0, 6.5)
    post = (
        Look(Material.BRICK, (0.35, 0.12, 0.08)),
        Look(Material.CONCRETE, (0.5, 0.5, 0.48)),
        Look(Material.PAINT, (0.6, 0.05, 0.03)),
        Look(Material.STEEL, (0.1, 0.2, 0.4)),
    )[rng.integers(4)]
    size = rng.uniform(0.3, 1.2)
    for side in (1, -1):
        mesh.box((0, side * half, high / 2), (size, size, high), post)
        mesh.box((0, side * half, high + 0.08), (size + 0.15, size + 0.15, 0.16), CONCRETE)
    if rng.random() < 0.55:
        z = max(high, 5.0)
        for side in (1, -1):
            mesh.box((0, side * half, z / 2), (0.3, 0.3, z), post)
        mesh.box(
            (0, 0, z + 0.5),
            (0.4, 2 * half + 1, rng.uniform(0.6, 1.4)),
            Look(Material.LIVERY, (0.5, 0.03, 0.02) if rng.random() < 0.6 else (0.05, 0.1, 0.4)),
        )
    if rng.random() < 0.5:
        for side in (1, -1):
            leaf = Look(Material.STEEL, (0.3, 0.31, 0.33))
            for y in np.linspace(half - 0.4, half + 3.5, 12):
                mesh.box((-0.5, side * y, 1.1), (0.06, 0.06, 1.9), leaf)
            for z in (0.25, 1.95):
                mesh.box((-0.5, side * (half + 1.6), z), (0.07, 4.0, 0.08), leaf)
    if rng.random() < 0.6:
        side = rng.choice([1, -1])
        y = side * (half + 2.4)
        mesh.obstacles.append((-2.5, y, 2.0))
        mesh.box((-2.5, y, 1.4), (2.4, 2.4, 2.8), Look(Material.PAINT, (0.65, 0.67, 0.68)))
        mesh.box((-2.5, y, 1.7), (2.42, 2.0, 1.0), Look(Material.GLASS, (0.02, 0.03, 0.03)))
        mesh.box((-2.5, y, 2.85), (2.8, 2.8, 0.15), Look(Material.PAINT, (0.1, 0.2, 0.5)))
        mesh.box((-0.8, side * half * 1.02, 0.5), (0.35, 0.35, 1.0), Look(Material.PAINT, (0.8, 0.45, 0.02)))
        start, lift = (-0.8, side * half, 0.95), rng.uniform(0.9, 1.35)
        end = (-0.8, side * (half - 4.5 * np.cos(lift)), 0.95 + 4.5 * np.sin(lift))
        mesh.beam(start, end, 0.1, Look(Material.MARKING, (0.7, 0.1, 0.06)))
    for side in (1, -1):
        lamps.append(Lamp((0.6, side * half, high + 0.4), scaled((1.0, 0.85, 0.62), rng.uniform(25, 120))))


def fence(mesh: Mesh, rng: np.random.Generator, width: float) -> None:
    """Hoarding along the gate's line."""
    look = Look(Material.HOARDING, HOARDING[rng.integers(len(HOARDING))])
    high = rng.uniform(2.0, 3.2)
    for side in (1, -1):
        start = width / 2 + 0.8
        mesh.box((0, side * (start + 35), high / 2), (0.08, 70, high), look)
        mesh.box((0.02, side * (start + 35), 0.2), (0.2, 70, 0.4), Look(Material.BRICK, (0.4, 0.38, 0.36)))
        for k in range(8):
            if rng.random() < 0.6:
                mesh.box(
                    (0.06, side * (start + 3 + 6 * k), high * 0.55),
                    (0.02, 4.2, high * 0.6),
                    Look(Material.LIVERY, tuple(rng.uniform(0.02, 0.6, 3))),
                )


def _cross_street(mesh: Mesh, x: float) -> None:
    ground(mesh, ASPHALT, x, x + 14, -150, 150, -0.01)
    ground(mesh, CONCRETE.but(colour=(0.28, 0.27, 0.26)), x + 14, x + 19, -150, 150, 0.12)
    ground(mesh, GRASS, x + 19, 200, -150, 150, 0.05)
    mesh.box((x + 14, 0, 0.05), (0.25, 300, 0.16), CONCRETE)
    for y in np.arange(-60, 60, 6):
        mesh.box((x + 7, y, -0.005), (0.15, 3, 0.012), WHITE)


def _wash(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator) -> tuple[float, float]:
    dirt, width = _gate(mesh, lamps, rng)
    wash_bay(mesh, -14.0, 4.2, rng)
    return dirt, width


def wash_bay(
    mesh: Mesh, x: float, width: float, rng: np.random.Generator, centre_y: float = 0.0, high: float = 1.1
) -> None:
    """A trough with grating between two walls of nozzles, `high` metres high and their pipes a little more."""
    pipe = Look(Material.STEEL, (0.1, 0.25, 0.5) if rng.random() < 0.6 else (0.6, 0.5, 0.1))
    half = width / 2
    concrete = CONCRETE.but(colour=(0.16, 0.155, 0.15), wet=0.9)
    ground(mesh, concrete, x - 5, x + 5, centre_y - half, centre_y + half, 0.012)
    for k in np.arange(-3.5, 3.6, 0.35):
        mesh.box((x + k, centre_y, 0.03), (0.1, width, 0.05), STEEL.but(colour=(0.12, 0.12, 0.12), wet=0.8))
    for side in (1, -1):
        y = centre_y + side * (half + 0.15)
        mesh.box((x, y, high / 2), (8, 0.12, high), Look(Material.STEEL, (0.35, 0.36, 0.37), wet=0.5))
        for k in np.arange(-3.6, 3.7, 0.9):
            mesh.box((x + k, y - side * 0.1, high * 0.73), (0.08, 0.08, high * 1.36), pipe)
        for share in (0.36, 0.82, 1.36):
            mesh.box((x, y - side * 0.08, high * share), (8, 0.06, 0.06), pipe)


def _street(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator) -> tuple[float, float]:
    width = rng.uniform(9, 18)
    surface = ASPHALT if rng.random() < 0.75 else CONCRETE.but(colour=(0.3, 0.29, 0.28))
    ground(mesh, surface, -150, 150, -width / 2, width / 2, 0.0)
    for side in (1, -1):
        ground(mesh, CONCRETE.but(colour=(0.3, 0.28, 0.26)), -150, 150, side * width / 2, side * (width / 2 + 5), 0.13)
        ground(mesh, GRASS if rng.random() < 0.6 else DIRT, -150, 150, side * (width / 2 + 5), side * 150, 0.1)
        mesh.box((0, side * (width / 2 + 0.1), 0.07), (300, 0.22, 0.16), CONCRETE)
        for x in np.arange(-40, 60, rng.uniform(7, 14)):
            if rng.random() < 0.7:
                tree(mesh, rng, x + rng.uniform(-1, 1), side * (width / 2 + rng.uniform(1.2, 4)))
        for x in np.arange(-60, 100, 30):
            if rng.random() < 0.65:
                building(mesh, rng, x, side * (width / 2 + rng.uniform(18, 35)), site=rng.random() < 0.15)
        for x in (-22, 6, 34):
            lamp_post(mesh, lamps, x + rng.uniform(-3, 3), side * (width / 2 + 0.8), -side, rng)
    _lines(mesh, rng, width)
    return rng.uniform(0.0, 0.35), width


def _lines(mesh: Mesh, rng: np.random.Generator, width: float) -> None:
    if rng.random() < 0.8:
        for y in (-0.12, 0.12):
            mesh.box(
                (0, y, 0.004),
                (240, 0.12, 0.008),
                Look(Material.MARKING, (0.65, 0.42, 0.03)) if rng.random() < 0.6 else WHITE,
            )
    for side in (1, -1):
        mesh.box((0, side * (width / 2 - 0.4), 0.004), (240, 0.13, 0.008), WHITE)
        if width > 12:
            for x in np.arange(-60, 80, 8):
                mesh.box((x, side * width / 4, 0.004), (4, 0.13, 0.008), WHITE)


def _highway(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator) -> tuple[float, float]:
    width = rng.uniform(11, 16)
    ground(mesh, ASPHALT.but(colour=(0.11, 0.11, 0.11)), -200, 200, -width / 2, width / 2)
    _lines(mesh, rng, width)
    for side in (1, -1):
        ground(mesh, GRASS, -200, 200, side * width / 2, side * 150, -0.02)
        for z in (0.45, 0.65):
            mesh.box((0, side * (width / 2 + 0.5), z), (300, 0.06, 0.14), Look(Material.STEEL, (0.5, 0.5, 0.5)))
        for x in np.arange(-60, 100, 4):
            mesh.box((x, side * (width / 2 + 0.55), 0.35), (0.1, 0.1, 0.7), STEEL)
        for x in np.arange(-30, 90, 9):
            if rng.random() < 0.5:
                tree(mesh, rng, x, side * (width / 2 + rng.uniform(4, 14)))
        lamp_post(mesh, lamps, rng.uniform(-8, 12), side * (width / 2 + 1), -side, rng)
    return rng.uniform(0, 0.2), width


def _yard(mesh: Mesh, lamps: list[Lamp], rng: np.random.Generator) -> tuple[float, float]:
    ground(mesh, DIRT.but(colour=tuple(rng.uniform(0.7, 1.3) * c for c in DIRT.colour)), -150, 150, -150, 150, -0.02)
    for _ in range(int(rng.integers(2, 6))):
        mound(mesh, rng, rng.uniform(-35, 35), rng.choice([-1, 1]) * rng.uniform(9, 30))
    for _ in range(int(rng.integers(1, 4))):
        a = rng.uniform(0, 6.28)
        building(mesh, rng, 60 * np.cos(a), 60 * np.sin(a))
    if rng.random() < 0.5:
        look = Look(Material.HOARDING, HOARDING[rng.integers(len(HOARDING))])
        mesh.box((0, rng.choice([-1, 1]) * rng.uniform(10, 20), 1.2), (120, 0.1, 2.4), look)
    clutter(mesh, rng, 5.0)
    lamps.append(
        Lamp(
            (float(rng.uniform(-10, 10)), float(rng.choice([-9, 9])), 8.0),
            scaled((0.9, 0.95, 1.0), rng.uniform(80, 250)),
        )
    )
    return rng.uniform(0.3, 0.9), 10.0


def building(mesh: Mesh, rng: np.random.Generator, x: float, y: float, site: bool = True) -> None:
    """A block of flats, finished or wrapped in green scaffolding net."""
    w, d, h = rng.uniform(12, 30), rng.uniform(10, 20), rng.uniform(8, 60)
    mesh.obstacles.append((x, y, max(w, d) * 0.75))
    colour = tuple(rng.uniform(0.2, 0.6) * np.array([1, 0.95, 0.88]) * rng.uniform(0.9, 1.1, 3))
    if site and rng.random() < 0.6:
        green = ((0.03, 0.22, 0.09), (0.03, 0.15, 0.3), (0.3, 0.3, 0.3))[rng.integers(3)]
        mesh.box((x, y, h / 2), (w, d, h), Look(Material.SCAFFOLD, green))
        if rng.random() < 0.5:
            yellow = Look(Material.PAINT, (0.7, 0.45, 0.02))
            mesh.beam((x, y + d, 0), (x, y + d, h + 15), 1.2, yellow)
            mesh.beam((x - 12, y + d - 6, h + 14), (x + 25, y + d + 12, h + 14), 0.9, yellow)
    else:
        mesh.box((x, y, h / 2), (w, d, h), Look(Material.FACADE, colour))


def tree(mesh: Mesh, rng: np.random.Generator, x: float, y: float) -> None:
    high = rng.uniform(3.0, 8.0)
    mesh.obstacles.append((x, y, 2.6))
    mesh.cylinder((x, y, 0), (x, y, high * 0.6), 0.14, Look(Material.BRICK, (0.12, 0.09, 0.06)), 7, 0.08)
    colour = (float(rng.uniform(0.04, 0.1)), float(rng.uniform(0.09, 0.17)), float(rng.uniform(0.02, 0.05)))
    for _ in range(int(rng.integers(4, 8))):
        r = rng.uniform(0.7, 1.5)
        t, u = np.linspace(0, np.pi, 9)[:, None], np.linspace(0, 2 * np.pi, 14)[None]
        bump = 1 + 0.3 * smooth_noise(rng, 9, 14, 2)
        bump[:, -1] = bump[:, 0]
        p = np.stack([np.sin(t) * np.cos(u) * bump, np.sin(t) * np.sin(u) * bump, np.cos(t) * bump * 0.85], 2) * r
        p += (x + rng.normal(0, 0.8), y + rng.normal(0, 0.8), high * 0.75 + rng.normal(0, 0.6))
        mesh.grid(p.astype(np.float32), Look(Material.LEAF, colour, ambient=float(rng.uniform(0.55, 1))))


def mound(mesh: Mesh, rng: np.random.Generator, x: float, y: float) -> None:
    """A heap of soil, often under a green dust net."""
    n, r, h = 28, rng.uniform(4, 9), rng.uniform(1.5, 4.0)
    mesh.obstacles.append((x, y, r))
    g = np.linspace(-1, 1, n)
    gx, gy = np.meshgrid(g, g, indexing="ij")
    z = (
        h * np.clip(1 - np.hypot(gx, gy) ** 1.3, -0.05, 1)
        + 0.25 * fractal_noise(rng, n, n, 7, 2) * (np.hypot(gx, gy) < 0.9)
        - 0.05
    )
    p = np.stack([gx * r + x, gy * r + y, z], 2)
    net = rng.random() < 0.4
    mesh.grid(
        p.astype(np.float32),
        Look(Material.NET if net else Material.SOIL, (0.03, 0.2, 0.08) if net else (0.22, 0.15, 0.09)),
    )


def lamp_post(mesh: Mesh, lamps: list[Lamp], x: float, y: float, towards: float, rng: np.random.Generator) -> None:
    high = rng.uniform(6, 9)
    mesh.cylinder((x, y, 0), (x, y, high), 0.1, STEEL, 8, 0.06)
    mesh.beam((x, y, high), (x, y + towards * 1.8, high + 0.3), 0.07, STEEL)
    mesh.box((x, y + towards * 1.9, high + 0.28), (0.25, 0.6, 0.1), STEEL)
    tint = (1.0, 0.72, 0.4) if rng.random() < 0.5 else (0.9, 0.95, 1.0)
    lamps.append(Lamp((float(x), float(y + towards * 1.9), float(high)), scaled(tint, rng.uniform(40, 160))))


def clutter(mesh: Mesh, rng: np.random.Generator, half: float) -> None:
    """Cones, barriers, boards and stones beside the way."""
    for _ in range(int(rng.integers(0, 8))):
        x, y = rng.uniform(-12, 12), rng.choice([-1, 1]) * rng.uniform(half, half + 3)
        what = rng.integers(3)
        if what == 0:
            mesh.cylinder((x, y, 0), (x, y, 0.7), 0.18, Look(Material.PLASTIC, (0.7, 0.12, 0.02)), 10, 0.03)
            mesh.cylinder((x, y, 0.3), (x, y, 0.45), 0.13, Look(Material.MARKING, (0.8, 0.8, 0.8)), 10, 0.095)
        elif what == 1:
            mesh.box(
                (x, y, 0.5),
                (1.4, 0.4, 1.0),
                Look(Material.PLASTIC, (0.7, 0.15, 0.02) if rng.random() < 0.5 else (0.7, 0.5, 0.02)),
            )
        else:
            mesh.box((x, y, 1.1), (0.06, 1.6, 1.1), Look(Material.LIVERY, tuple(rng.uniform(0.05, 0.7, 3))))
            for k in (-0.6, 0.6):
                mesh.box((x, y + k, 0.4), (0.06, 0.06, 0.8), STEEL)

"""Bodies of goods vehicles that are not tippers: flatbed, canvas, box, mixer, tanker. Simple, but in proportion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.scenes.cargo import Space, cargo
from models.scenes.fields import fractal_noise
from models.scenes.mesh import Look, Mesh
from models.scenes.parts import Material, Part
from models.scenes.spec import TruckSpec


def _span(spec: TruckSpec) -> tuple[float, float, float, float]:
    return -spec.length / 2 + 0.1, spec.length / 2 - spec.cab_length - 0.25, spec.bed_floor, spec.width / 2 - 0.03


def _paint(spec: TruckSpec) -> Look:
    return Look(Material.PAINT, spec.bed_colour, mud=spec.body_mud * 0.5, dust=spec.body_dust)


def flatbed(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    """A low-sided platform, empty or with open cargo."""
    rear, front, z, half = _span(spec)
    mid, length = (rear + front) / 2, front - rear
    wall = rng.uniform(0.3, 0.6)
    mesh.box(
        (mid, 0, z),
        (length, half * 2, 0.14),
        Look(Material.STEEL, (0.3, 0.24, 0.18), Part.FLOOR, dust=0.5, ambient=0.8),
    )
    for side in (1, -1):
        mesh.box((mid, side * half, z + wall / 2), (length, 0.05, wall), _paint(spec).but(part=Part.WALL))
        for x in np.linspace(rear + 0.1, front - 0.1, 6):
            mesh.box((x, side * (half + 0.03), z + wall / 2), (0.08, 0.05, wall), _paint(spec))
    mesh.box((rear, 0, z + wall / 2), (0.05, half * 2, wall), _paint(spec))
    mesh.box((front, 0, z + 0.6), (0.08, half * 2, 1.2), _paint(spec))
    high = _stakes(mesh, spec, wall, rng) if rng.random() < 0.5 else wall
    if spec.load != "empty":
        top = z + 0.07 + max(high, 0.6) * rng.uniform(0.6, 1.15)
        cargo(mesh, Space(rear + 0.1, front - 0.1, z + 0.07, top, half - 0.08), rng)


def _stakes(mesh: Mesh, spec: TruckSpec, wall: float, rng: np.random.Generator) -> float:
    """Posts and slats on both walls and the tail, through which one looks; returns their height over the platform."""
    rear, front, z, half = _span(spec)
    high = rng.uniform(0.9, 1.9)
    colour = spec.bed_colour if rng.random() < 0.6 else (0.3, 0.2, 0.1)
    look = Look(Material.STEEL if rng.random() < 0.5 else Material.PAINT, colour, dust=spec.body_dust)
    posts, slats = int(rng.integers(5, 12)), int(rng.integers(1, 5))
    sides = [((rear, side * half), (front, side * half)) for side in (1, -1)] + [((rear, -half), (rear, half))]
    for (x0, y0), (x1, y1) in sides:
        for x, y in zip(np.linspace(x0, x1, posts), np.linspace(y0, y1, posts), strict=True):
            mesh.beam((x, y, z), (x, y, z + high), 0.07, look)
        for h in np.linspace(z + high, z + wall + 0.15, slats):
            mesh.beam((x0, y0, h), (x1, y1, h), rng.uniform(0.05, 0.11), look)
    return float(high)


def canvas(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    """A platform under a canvas hood or a roped tarpaulin."""
    rear, front, z, half = _span(spec)
    high = rng.uniform(1.2, 2.1)
    rows, columns = 40, 25
    t = np.linspace(0, np.pi, columns)[None]
    n = rng.uniform(0.25, 0.5)
    y = half * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** n + np.zeros((rows, 1))
    bows = 0.06 * np.abs(np.cos(np.linspace(0, np.pi * 5, rows)))[:, None]
    bump = fractal_noise(rng, rows, columns, 7, 3) * 0.05
    up = z + 0.3 + (high - bows + bump) * np.sin(t) ** n
    x = np.linspace(rear, front, rows)[:, None] + np.zeros((1, columns))
    look = Look(Material.TARPAULIN, spec.cover_colour, Part.COVER, dust=spec.body_dust)
    p = np.stack([x, y, up], 2).astype(np.float32)
    mesh.grid(p, look)
    mesh.polygon(p[0], look)
    mesh.polygon(p[-1], look)
    side = rng.uniform(0.35, 0.45) + (rng.uniform(0.2, 0.8) if rng.random() < 0.5 else 0.0)
    mesh.box(((rear + front) / 2, 0, z - 0.1 + side / 2), (front - rear, half * 2.02, side), _paint(spec))
    rope = Look(Material.PLASTIC, (0.3, 0.28, 0.24) if rng.random() < 0.5 else (0.62, 0.6, 0.52), Part.COVER)
    every = int(rng.integers(4, 9))
    for i in range(2, rows - every, every):
        for sign in (1, -1):
            low, top = (x[i, 0], sign * (half + 0.02), z + side * 0.8), z + 0.3 + 0.7 * high
            for end in (x[i, 0], x[i + every, 0]):
                mesh.beam(low, (end, sign * (half * 0.97 + 0.02), top), 0.025, rope)


def box(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    """A closed van body."""
    rear, front, z, half = _span(spec)
    high = rng.uniform(1.9, 2.6)
    mid = (rear + front) / 2
    mesh.box((mid, 0, z + high / 2), (front - rear, half * 2, high), _paint(spec))
    for side in (1, -1):
        mesh.box(
            (mid, side * (half + 0.005), z + high * 0.6),
            ((front - rear) * 0.7, 0.01, high * 0.35),
            Look(Material.LIVERY, tuple(rng.uniform(0.05, 0.8, 3))),
        )  # type: ignore[arg-type]
    for x, y in ((rear - 0.01, 0.0), (rear - 0.01, half * 0.9), (rear - 0.01, -half * 0.9)):
        mesh.box((x, y, z + high / 2), (0.02, 0.06, high * 0.95), Look(Material.STEEL, (0.2, 0.2, 0.2)))


def mixer(mesh: Mesh, spec: TruckSpec, _rng: np.random.Generator) -> None:
    """A concrete drum with chutes and ladder."""
    rear, front, z, half = _span(spec)
    length = front - rear
    profile = [(0.25, 0), (0.75, 0.08), (1.12, 0.4), (1.15, 0.6), (0.95, 0.8), (0.6, 1.0), (0.55, 1.0), (0.5, 0.97)]
    sides = mesh.lathe(
        [(r * half / 1.15, -a * (length - 0.9)) for r, a in profile], (0, 0, 0), _paint(spec), axis=0, sides=26
    )
    pitch = 0.2
    c, s = np.float32(np.cos(pitch)), np.float32(np.sin(pitch))
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32)
    sides[:, 0:3] = sides[:, 0:3] @ turn + np.array([front - 0.4, 0, z + half + 0.1], np.float32)
    sides[:, 3:6] = sides[:, 3:6] @ turn
    frame = Look(Material.STEEL, spec.bed_colour, mud=spec.body_mud, dust=spec.body_dust)
    mesh.box(((rear + front) / 2, 0, z), (length, 1.2, 0.25), frame.but(ambient=0.5))
    mesh.beam((rear + 0.6, 0.4, z), (rear + 0.4, 0.4, z + 2.3), 0.12, frame)
    mesh.beam((rear + 0.6, -0.4, z), (rear + 0.4, -0.4, z + 2.3), 0.12, frame)
    mesh.beam((rear + 0.5, 0, z + 2.2), (rear - 0.2, 0.1, z + 0.7), 0.4, frame)
    mesh.box((rear + 0.3, 0, z + 2.45), (0.8, 0.9, 0.3), frame)


def tanker(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    """A water or fuel tank."""
    rear, front, z, half = _span(spec)
    profile = [(0.0, 0), (0.85, 0.02), (1.0, 0.08), (1.0, 0.92), (0.85, 0.98), (0.0, 1.0)]
    tank = mesh.lathe(
        [(r * half * 0.9, a * (front - rear)) for r, a in profile],
        (rear, 0, z + half * 0.9),
        _paint(spec),
        axis=0,
        sides=26,
    )
    tank[:, 2] = z + (tank[:, 2] - z) * rng.uniform(0.75, 0.95)
    mesh.box(((rear + front) / 2, 0, z + half * 1.65), (1.0, 0.6, 0.15), _paint(spec))
    for side in (1, -1):
        mesh.box(
            ((rear + front) / 2, side * half * 0.9, z + half * 0.85),
            ((front - rear) * 0.6, 0.02, 0.4),
            Look(Material.LIVERY, (0.8, 0.8, 0.8)),
        )
    mesh.box(((rear + front) / 2, 0, z), (front - rear, 1.3, 0.2), _paint(spec).but(ambient=0.5))


BODIES: dict[str, Callable[[Mesh, TruckSpec, np.random.Generator], None]] = {
    "flatbed": flatbed,
    "canvas": canvas,
    "box": box,
    "mixer": mixer,
    "tanker": tanker,
}

"""Goods other than bulk: sacks, cartons, logs, scrap and stacked bricks, as they stand or lie on an open bed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.scenes.mesh import Colour, Look, Mesh
from models.scenes.parts import Material, Part


@dataclass(frozen=True)
class Space:
    """Where goods may lie, metres: x from `rear` to `front`, from `floor` up to about `top`, y within `half`."""

    rear: float
    front: float
    floor: float
    top: float
    half: float


def cargo(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    """Lays one kind of goods, drawn from `rng`, over most of the bed; all of it is `Part.LOAD`."""
    kinds: list[Callable[[Mesh, Space, np.random.Generator], None]] = [_sacks, _cartons, _logs, _scrap, _bricks]
    kinds[rng.integers(len(kinds))](mesh, space, rng)


def _look(rng: np.random.Generator, material: Material, colour: Colour, spread: float = 0.12) -> Look:
    c = np.clip(np.array(colour) * rng.uniform(1 - spread, 1 + spread), 0.01, 0.9)
    return Look(material, (float(c[0]), float(c[1]), float(c[2])), Part.LOAD, dust=float(rng.uniform(0, 0.3)))


def _sacks(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    colour = ((0.62, 0.60, 0.54), (0.45, 0.36, 0.22), (0.30, 0.42, 0.30), (0.66, 0.50, 0.36))[rng.integers(4)]
    length, width, height = rng.uniform(0.65, 0.9), rng.uniform(0.4, 0.55), rng.uniform(0.16, 0.24)
    profile = [(0.0, 0.0), (0.7, 0.04), (1.0, 0.25), (1.0, 0.75), (0.7, 0.96), (0.0, 1.0)]
    z = space.floor + height / 2
    while z < space.top:
        for x in np.arange(space.rear + 0.1, space.front - length, length * 0.95):
            for y in np.arange(-space.half + width / 2, space.half - width / 3, width):
                if rng.random() < 0.15 + 0.25 * (z > space.top - 2 * height):
                    continue
                at = (x + rng.normal(0, 0.06), y + rng.normal(0, 0.03), z + rng.normal(0, 0.02))
                bag = mesh.lathe(
                    [(0.5 * width * r, length * a) for r, a in profile],
                    at,
                    _look(rng, Material.CLOTH, colour),
                    axis=0,
                    sides=8,
                )
                bag[:, 2] = at[2] + (bag[:, 2] - at[2]) * height / width
        z += height * 0.85


def _cartons(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    colours: tuple[Colour, ...] = ((0.45, 0.30, 0.17), (0.55, 0.42, 0.27), (0.75, 0.74, 0.70), (0.12, 0.25, 0.45))
    x = space.rear + 0.1
    while x < space.front - 0.4:
        length, width = rng.uniform(0.4, 1.0), rng.uniform(0.4, 0.9)
        for y in np.arange(-space.half + width / 2, space.half - width / 3, width * 1.04):
            colour, z = colours[rng.integers(4)], space.floor
            while z < space.top - 0.1 and rng.random() < 0.85:
                height = rng.uniform(0.3, 0.6)
                material = Material.LIVERY if rng.random() < 0.3 else Material.PLASTIC
                size = (length * rng.uniform(0.85, 0.98), width * 0.97, height)
                mesh.box((x + length / 2, y, z + height / 2), size, _look(rng, material, colour))
                z += height
        x += length


def _logs(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    z, half = space.floor + 0.15, space.half
    pipes = rng.random() < 0.4
    colour: Colour = (
        ((0.5, 0.5, 0.5), (0.12, 0.12, 0.13), (0.10, 0.25, 0.5))[rng.integers(3)] if pipes else (0.3, 0.2, 0.11)
    )
    while z < space.top + 0.15:
        y = -half + 0.15
        while y < half - 0.1:
            radius = 0.12 if pipes else rng.uniform(0.09, 0.2)
            ends = (space.rear + rng.uniform(-0.4, 0.3), space.front - rng.uniform(0.05, 0.4))
            look = _look(rng, Material.STEEL if pipes else Material.LEAF, colour, 0.25)
            mesh.cylinder((ends[0], y, z), (ends[1], y + rng.normal(0, 0.03), z), radius, look, sides=8)
            y += radius * 2.05
        z += 0.26
        half -= rng.uniform(0.0, 0.12)


def _scrap(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(60, 160))):
        x, y = rng.uniform(space.rear + 0.2, space.front - 0.2), rng.uniform(-space.half + 0.1, space.half - 0.1)
        z = rng.uniform(space.floor, space.top + 0.25)
        bend = rng.normal(0, 1, 3) * (0.5, 0.3, 0.25)
        grey = float(rng.uniform(0.05, 0.5))
        colour: Colour = ((0.22, 0.10, 0.05), (grey, grey, grey), (0.5, 0.1, 0.05), (0.1, 0.2, 0.4))[rng.integers(4)]
        end = (x + bend[0], float(np.clip(y + bend[1], -space.half, space.half)), max(space.floor, z + bend[2]))
        mesh.beam((x, y, z), end, float(rng.uniform(0.03, 0.22)), _look(rng, Material.STEEL, colour))


def _bricks(mesh: Mesh, space: Space, rng: np.random.Generator) -> None:
    colour: Colour = ((0.40, 0.15, 0.08), (0.42, 0.41, 0.39), (0.5, 0.3, 0.2))[rng.integers(3)]
    height = (space.top - space.floor) * rng.uniform(0.6, 1.1)
    for x in np.arange(space.rear + 0.1, space.front - 0.9, 1.05):
        for side in (-0.5, 0.5):
            if rng.random() < 0.9:
                stack = height * rng.uniform(0.85, 1.0)
                size = (0.98, space.half * 0.94, stack)
                mesh.box(
                    (x + 0.5, side * space.half, space.floor + stack / 2), size, _look(rng, Material.BRICK, colour)
                )

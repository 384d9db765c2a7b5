"""What comes to lie on a road: lumps of soil, wet patches, tyre tracks of mud, a sheet of paper. All static shapes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.scenes.fields import fractal_noise
from models.scenes.mesh import Array, Colour, Look, Mesh
from models.scenes.parts import Material
from models.scenes.world import CONCRETE

GRAVITY_M_S2 = 9.81


@dataclass(frozen=True)
class Spill:
    """Lumps and crumbs around `centre`, over `size` (length along x, width) metres; `depth` of the loose soil between.

    The lumps fall one after another from `start` on for `lasting` seconds, from `drop` metres; the loose soil is there
    when all have fallen. `lasting` 0 puts everything down at once.
    """

    seed: int
    centre: tuple[float, float]
    size: tuple[float, float]
    lumps: int = 60
    depth: float = 0.05
    largest: float = 0.16
    material: Material = Material.SOIL
    colour: Colour = (0.2, 0.125, 0.07)
    start: float = 0.0
    lasting: float = 0.0
    drop: float = 1.7
    _parts: list[tuple[float, Array]] = field(default_factory=list, repr=False, compare=False)

    @property
    def rests(self) -> float:
        """Seconds from which on all of it lies still."""
        return self.start + self.lasting + (1.0 if self.lasting else 0.0)

    def shape(self, t: float) -> Array:
        """All that is in the air or on the road at `t`."""
        if not self._parts:
            self._parts.extend(self._make())
        pieces = []
        for at, vertices in self._parts:
            if t < at:
                continue
            height = max(0.0, self.drop - GRAVITY_M_S2 / 2 * (t - at) ** 2) if self.lasting else 0.0
            piece = vertices.copy()
            piece[:, 2] += height
            pieces.append(piece)
        return np.concatenate(pieces) if pieces else np.zeros((0, 18), np.float32)

    def _make(self) -> list[tuple[float, Array]]:
        rng = np.random.default_rng([31, self.seed])
        look = Look(self.material, self.colour, ambient=0.9)
        parts = []
        for k in range(self.lumps):
            x = self.centre[0] + np.clip(rng.normal(0, 0.24), -0.55, 0.55) * self.size[0]
            y = self.centre[1] + np.clip(rng.normal(0, 0.24), -0.55, 0.55) * self.size[1]
            radius = float(np.clip(rng.lognormal(np.log(self.largest * 0.35), 0.55), 0.02, self.largest))
            mesh = Mesh()
            _lump(mesh, rng, x, y, radius, look)
            parts.append((self.start + self.lasting * k / self.lumps, mesh.vertices()))
        if self.depth:
            mesh = Mesh()
            _loose(mesh, rng, self.centre, self.size, self.depth, look)
            parts.append((self.rests, mesh.vertices()))
        return parts


def _lump(mesh: Mesh, rng: np.random.Generator, x: float, y: float, radius: float, look: Look) -> None:
    t, u = np.linspace(0, np.pi, 7)[:, None], np.linspace(0, 2 * np.pi, 10)[None]
    bump = rng.uniform(0.65, 1.25, (7, 10))
    bump[:, -1] = bump[:, 0]
    flat = rng.uniform(0.55, 0.85)
    p = np.stack([np.sin(t) * np.cos(u) * bump, np.sin(t) * np.sin(u) * bump, np.cos(t) * bump * flat], 2) * radius
    tint = rng.uniform(0.8, 1.2)
    colour = (look.colour[0] * tint, look.colour[1] * tint, look.colour[2] * tint)
    mesh.grid(
        p.astype(np.float32) + np.array([x, y, radius * flat * 0.6], np.float32), look.but(colour=colour), smooth=False
    )


def _loose(
    mesh: Mesh,
    rng: np.random.Generator,
    centre: tuple[float, float],
    size: tuple[float, float],
    depth: float,
    look: Look,
) -> None:
    """A thin uneven layer with a ragged edge; what would lie under the road is left out."""
    rows, columns = (max(12, int(s / 0.06)) for s in size)
    x, y = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    z = depth * (0.7 - (x * x + y * y) + 0.55 * fractal_noise(rng, rows, columns, 10, 3))
    p = np.stack([x * size[0] / 2 + centre[0], y * size[1] / 2 + centre[1], z], 2).astype(np.float32)
    keep: NDArray[np.bool_] = z[:-1, :-1] > 0.004
    if keep.any():
        mesh.grid(p, look, keep)


def patch(x: float, y: float, length: float, width: float, seed: int, wet: float = 0.0, mud: float = 0.0) -> Array:
    """A piece of the concrete apron with a ragged edge that is `wet` or muddy (0..1); the rest of it is as below."""
    rng = np.random.default_rng([32, seed])
    rows, columns = (max(12, int(s / 0.1)) for s in (length, width))
    u, v = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    edge = 1 - np.abs(u) ** 4 - v * v + 0.5 * fractal_noise(rng, rows, columns, 9, 2)
    p = np.stack([u * length / 2 + x, v * width / 2 + y, np.full(u.shape, 0.006)], 2).astype(np.float32)
    mesh = Mesh()
    mesh.grid(p, CONCRETE.but(wet=wet, mud=mud), edge[:-1, :-1] > 0.15)
    return mesh.vertices()


def paper() -> Array:
    """A crumpled sheet, half a metre wide."""
    rng = np.random.default_rng(33)
    u, v = np.meshgrid(np.linspace(-0.25, 0.25, 8), np.linspace(-0.2, 0.2, 8), indexing="ij")
    p = np.stack([u, v, 0.06 + 0.05 * fractal_noise(rng, 8, 8, 4, 2)], 2).astype(np.float32)
    mesh = Mesh()
    mesh.grid(p, Look(Material.CLOTH, (0.75, 0.75, 0.72)))
    return mesh.vertices()

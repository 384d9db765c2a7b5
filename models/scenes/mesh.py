"""Triangle soup with everything the shader wants to know of a vertex, and the primitives it is built from.

One vertex is 18 floats: position 3, normal 3, local position 3 (what textures stick to), colour 3, material, part or
ident, mud, dust, wetness, ambient light 0..1. Surfaces are drawn two-sided; the winding does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.scenes.parts import Material

Array = NDArray[np.float32]
COLUMNS = 18
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a surface looks; `mud`, `dust`, `wet` and `ambient` are 0..1."""

    material: Material
    colour: Colour = (0.5, 0.5, 0.5)
    part: int = 0
    mud: float = 0.0
    dust: float = 0.0
    wet: float = 0.0
    ambient: float = 1.0

    def but(self, **changes: object) -> Look:
        return replace(self, **changes)  # type: ignore[arg-type]


class Mesh:
    """Chunks of vertices, joined when asked for; `obstacles` are circles (x, y, radius) that would hide a view."""

    def __init__(self) -> None:
        self._chunks: list[Array] = []
        self.obstacles: list[tuple[float, float, float]] = []

    def add(
        self, pos: Array, normal: Array, look: Look, loc: Array | None = None, ambient: Array | None = None
    ) -> Array:
        """Append triangles: `pos`, `normal` (3n, 3). Returns the chunk so that a caller may adjust its columns."""
        chunk = np.empty((len(pos), COLUMNS), np.float32)
        chunk[:, 0:3] = pos
        chunk[:, 3:6] = normal
        chunk[:, 6:9] = pos if loc is None else loc
        chunk[:, 9:12] = look.colour
        chunk[:, 12:18] = (look.material, look.part, look.mud, look.dust, look.wet, look.ambient)
        if ambient is not None:
            chunk[:, 17] = ambient
        self._chunks.append(chunk)
        return chunk

    def join(self, other: Mesh) -> None:
        self._chunks.extend(other._chunks)

    def vertices(self) -> Array:
        if not self._chunks:
            return np.zeros((0, COLUMNS), np.float32)
        joined = np.concatenate(self._chunks)
        self._chunks = [joined]
        return joined

    def box(self, centre: Sequence[float], size: Sequence[float], look: Look) -> Array:
        pos = _CUBE * (np.asarray(size, np.float32) * 0.5) + np.asarray(centre, np.float32)
        return self.add(pos, _CUBE_NORMAL, look)

    def beam(self, start: Sequence[float], end: Sequence[float], thickness: float, look: Look) -> Array:
        """A square bar from `start` to `end`."""
        a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
        axis = b - a
        length = float(np.linalg.norm(axis))
        axis = axis / max(length, 1e-6)
        side = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (1.0, 0.0, 0.0))
        side /= np.linalg.norm(side)
        frame = np.stack([axis, side, np.cross(axis, side)]).astype(np.float32)
        pos = (_CUBE * np.array([length, thickness, thickness], np.float32) * 0.5) @ frame + (a + b) / 2
        return self.add(pos, _CUBE_NORMAL @ frame, look)

    def polygon(self, points: Sequence[Sequence[float]], look: Look) -> Array:
        """A convex planar polygon."""
        p = np.asarray(points, np.float32)
        fan = np.concatenate([np.stack([p[0], p[i], p[i + 1]]) for i in range(1, len(p) - 1)])
        return self.flat(fan, look)

    def flat(self, triangles: Array, look: Look, loc: Array | None = None) -> Array:
        """Triangles (3n, 3) with face normals."""
        t = triangles.reshape(-1, 3, 3)
        n = np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])
        n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
        return self.add(triangles, np.repeat(n, 3, axis=0), look, loc)

    def grid(
        self,
        points: Array,
        look: Look,
        keep: NDArray[np.bool_] | None = None,
        smooth: bool = True,
        loc: Array | None = None,
        ambient: Array | None = None,
    ) -> Array:
        """A sheet over `points` (rows, columns, 3); cells where `keep` (rows-1, columns-1) is false are left out."""
        p = points.astype(np.float32)
        tri = _cells(p, keep)
        if not smooth:
            return self.flat(tri, look, None if loc is None else _cells(loc, keep))
        n = np.cross(np.gradient(p, axis=0), np.gradient(p, axis=1))
        n /= np.maximum(np.linalg.norm(n, axis=2, keepdims=True), 1e-9)
        return self.add(
            tri,
            _cells(n, keep),
            look,
            None if loc is None else _cells(loc, keep),
            None if ambient is None else _cells(ambient[..., None], keep)[:, 0],
        )

    def loft(self, sections: Array, look: Look, caps: bool = True) -> None:
        """Skin over `sections` (count, corners, 3), each a closed convex loop."""
        s = np.asarray(sections, np.float32)
        closed = np.concatenate([s, s[:, :1]], axis=1)
        self.grid(closed, look, smooth=False)
        if caps:
            self.polygon(s[0], look)
            self.polygon(s[-1], look)

    def extrude(self, profile: Sequence[tuple[float, float]], y0: float, y1: float, look: Look) -> None:
        """A convex outline in the x-z plane drawn out from `y0` to `y1`."""
        o = np.asarray(profile, np.float32)
        a = np.stack([o[:, 0], np.full(len(o), y0), o[:, 1]], axis=1)
        b = np.stack([o[:, 0], np.full(len(o), y1), o[:, 1]], axis=1)
        self.loft(np.stack([a, b]), look)

    def lathe(
        self,
        profile: Sequence[tuple[float, float]],
        centre: Sequence[float],
        look: Look,
        axis: int = 1,
        sides: int = 24,
        spin: float = 0.0,
    ) -> Array:
        """Revolve `profile` (radius, along) about `axis` through `centre`; local positions are the unspun shape's."""
        r = np.maximum(np.asarray(profile, np.float32), (1e-3, -np.inf)).astype(np.float32)
        angle = np.linspace(0, 2 * np.pi, sides + 1, dtype=np.float32)

        def ring(phase: float) -> Array:
            c, s = np.cos(angle + phase), np.sin(angle + phase)
            along = np.broadcast_to(r[:, 1:2], (len(r), sides + 1))
            u, v = r[:, :1] * c, r[:, :1] * s
            order = {0: (along, u, v), 1: (u, along, v), 2: (u, v, along)}[axis]
            return np.stack(order, axis=2).astype(np.float32)

        pos = ring(spin) + np.asarray(centre, np.float32)
        return self.grid(pos, look, loc=ring(0.0))

    def cylinder(
        self,
        start: Sequence[float],
        end: Sequence[float],
        radius: float,
        look: Look,
        sides: int = 10,
        end_radius: float | None = None,
    ) -> None:
        a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
        axis = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
        u = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (1.0, 0.0, 0.0))
        u /= np.linalg.norm(u)
        v = np.cross(axis, u)
        t = np.linspace(0, 2 * np.pi, sides + 1)
        ring = np.cos(t)[:, None] * u + np.sin(t)[:, None] * v
        far = radius if end_radius is None else end_radius
        p = np.stack([a + ring * radius, b + ring * far]).astype(np.float32)
        normal = np.broadcast_to(ring, p.shape).astype(np.float32)
        self.add(_cells(p, None), _cells(normal, None), look)
        self.polygon(p[0, :-1], look)
        self.polygon(p[1, :-1], look)


def rounded_rectangle(x0: float, x1: float, y0: float, y1: float, z: float, radius: float, steps: int = 3) -> Array:
    """A loop (4*(steps+1), 3) at height `z`."""
    t = np.linspace(0, np.pi / 2, steps + 1)
    loop = []
    for cx, cy, start in (
        (x1 - radius, y1 - radius, 0.0),
        (x0 + radius, y1 - radius, np.pi / 2),
        (x0 + radius, y0 + radius, np.pi),
        (x1 - radius, y0 + radius, 1.5 * np.pi),
    ):
        loop.append(np.stack([cx + radius * np.cos(t + start), cy + radius * np.sin(t + start), np.full(len(t), z)], 1))
    return np.concatenate(loop).astype(np.float32)


def placed(vertices: Array, x: float, y: float, yaw: float, z: float = 0.0) -> Array:
    """A copy of `vertices` turned by `yaw` about z and moved to (x, y, z); local positions stay."""
    out = vertices.copy()
    c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
    out[:, 0:3] = out[:, 0:3] @ turn + np.array([x, y, z], np.float32)
    out[:, 3:6] = out[:, 3:6] @ turn
    return out


def _cells(p: Array, keep: NDArray[np.bool_] | None) -> Array:
    a, b, c, d = p[:-1, :-1], p[1:, :-1], p[1:, 1:], p[:-1, 1:]
    tri = np.stack([a, b, c, a, c, d], axis=2)
    if keep is not None:
        tri = tri[keep]
    return np.ascontiguousarray(tri.reshape(-1, p.shape[-1]), dtype=np.float32)


_corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]], np.float32)
_faces = []
_normals = []
for _axis in range(3):
    for _sign in (-1.0, 1.0):
        _face = np.empty((6, 3), np.float32)
        _face[:, _axis] = _sign
        _face[:, [(_axis + 1) % 3, (_axis + 2) % 3]] = _corner
        _normal = np.zeros((6, 3), np.float32)
        _normal[:, _axis] = _sign
        _faces.append(_face)
        _normals.append(_normal)
_CUBE = np.concatenate(_faces)
_CUBE_NORMAL = np.concatenate(_normals)

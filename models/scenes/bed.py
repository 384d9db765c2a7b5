"""Tipper beds: walls, ribs, tailgate, load, covers drawn, half-drawn and torn."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.cargo import Space, cargo
from models.scenes.fields import fractal_noise, smooth_noise
from models.scenes.mesh import Array, Look, Mesh
from models.scenes.parts import Material, Part
from models.scenes.spec import TruckSpec

# Inner walls up to this share of their height count as floor: no load worth the name lies below it.
DEEP = 0.4


class Bed:
    """The bed's inner space: x from `rear` to `front`, rim at height `rim`, half width `half` at the rim."""

    def __init__(self, spec: TruckSpec) -> None:
        self.spec = spec
        self.front = spec.length / 2 - spec.cab_length - 0.28
        self.rear = -spec.length / 2 + 0.12
        self.floor = spec.bed_floor
        self.rim = spec.bed_floor + spec.bed_wall
        self.half = spec.width / 2 - 0.06
        self.length = self.front - self.rear

    def outline(self, grow: float) -> Array:
        """The cross-section (y, z) from the left rim under the floor to the right rim, moved outwards by `grow`."""
        h, w, f, r = self.half + grow, self.spec.bed_wall, self.floor - grow, self.rim
        if self.spec.bed_profile == "round":
            t = np.linspace(0, np.pi, 17)
            y, z = h * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.62, r - (w + grow) * np.sin(t) ** 0.62
            return np.stack([y, z], 1).astype(np.float32)
        inset = 0.22 if self.spec.bed_profile == "slope" else 0.0
        points = [
            (h, r),
            (h - inset, f + 0.16),
            (h - inset - 0.1, f),
            (-h + inset + 0.1, f),
            (-h + inset, f + 0.16),
            (-h, r),
        ]
        return np.array(points, np.float32)

    def side_y(self, z: float) -> float:
        """Half width of the outer wall at height `z`."""
        o = self.outline(0.05)
        left = o[: len(o) // 2][::-1]
        return float(np.interp(z, left[:, 1], left[:, 0]))


def _sweep(outline: Array, x0: float, x1: float, rake: float = 0.0, rim: float = 0.0, low: float = 0.0) -> Array:
    """Outline drawn from x0 to x1; the x0 end leans by `rake` between `low` and `rim`."""
    lean = rake * (outline[:, 1] - low) / max(rim - low, 1e-3)
    a = np.stack([np.full(len(outline), x0) - lean, outline[:, 0], outline[:, 1]], 1)
    b = np.stack([np.full(len(outline), x1), outline[:, 0], outline[:, 1]], 1)
    return np.stack([a, b]).astype(np.float32)


def bed(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> Bed:
    """Walls, floor, load and cover, in the truck's frame."""
    b = Bed(spec)
    paint = Look(Material.PAINT, spec.bed_colour, mud=spec.body_mud * 0.75, dust=spec.body_dust)
    rake = spec.tailgate_rake
    outer, inner = b.outline(0.05), b.outline(0.0)
    lean = {"rake": rake, "rim": b.rim, "low": b.floor}
    mesh.grid(_sweep(outer, b.rear, b.front, **lean), paint, smooth=spec.bed_profile == "round")
    lining = Look(
        Material.STEEL, tuple(0.5 * c + 0.06 for c in spec.bed_colour), Part.WALL, dust=0.45 + 0.3 * rng.random()
    )  # type: ignore[arg-type]
    low, high = _split(inner, b.floor + DEEP * spec.bed_wall)
    for outline, part in ((low, Part.FLOOR), (high[: len(high) // 2], Part.WALL), (high[len(high) // 2 :], Part.WALL)):
        chunk = mesh.grid(_sweep(outline, b.rear + 0.05, b.front - 0.04, **lean), lining.but(part=part), smooth=False)
        chunk[:, 17] = 0.45 + 0.55 * np.clip((chunk[:, 2] - b.floor) / spec.bed_wall, 0, 1)
    for outline, part in ((low, Part.FLOOR), (high, Part.WALL)):
        for x in (b.rear + 0.05, b.front - 0.04):
            _cap(mesh, outline, x, rake if x < 0 else 0.0, b, lining.but(part=part, ambient=0.7))
    _cap(mesh, outer, b.rear - 0.01, rake, b, paint)
    _cap(mesh, outer, b.front + 0.005, 0.0, b, paint)
    _trim(mesh, b, spec, rng, paint, rake)
    top = None
    if spec.goods:
        cargo(mesh, Space(b.rear + 0.1, b.front - 0.1, b.floor, b.floor + spec.fill * spec.bed_wall, b.half - 0.1), rng)
    elif spec.fill > 0:
        top = _load(mesh, b, spec, rng)
    else:
        _residue(mesh, b, spec, rng)
    _cover(mesh, b, spec, rng, top)
    return b


def _split(outline: Array, z: float) -> tuple[Array, Array]:
    """A cross-section cut at height `z`: what lies below (left to right), and what lies above, left wall then right."""
    half = len(outline) // 2
    left, right = outline[: half + len(outline) % 2][::-1], outline[half:]
    cut_left = (float(np.interp(z, left[:, 1], left[:, 0])), z)
    cut_right = (float(np.interp(z, right[:, 1], right[:, 0])), z)
    below = outline[outline[:, 1] < z]
    above_left = outline[:half][outline[:half, 1] >= z]
    above_right = outline[half:][outline[half:, 1] >= z]
    low = np.vstack([cut_left, below, cut_right])
    high = np.vstack([above_left, cut_left, cut_right, above_right])
    return low.astype(np.float32), high.astype(np.float32)


def _cap(mesh: Mesh, outline: Array, x: float, rake: float, b: Bed, look: Look) -> None:
    lean = rake * (outline[:, 1] - b.floor) / b.spec.bed_wall
    mesh.polygon([(x - v, y, z) for v, (y, z) in zip(lean, outline, strict=True)], look)


def _trim(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator, paint: Look, rake: float) -> None:
    rail = paint if rng.random() < 0.6 else paint.but(colour=(0.06, 0.06, 0.06))
    for side in (1, -1):
        y = side * (b.half + 0.03)
        mesh.box(((b.front + b.rear - rake) / 2, y, b.rim), (b.length + rake, 0.11, 0.11), rail)
        if spec.bed_profile != "round":
            mesh.box(
                ((b.front + b.rear) / 2, side * (b.side_y(b.floor + 0.1) + 0.02), b.floor + 0.08),
                (b.length, 0.08, 0.16),
                rail,
            )
    if spec.rib_count and spec.bed_profile != "round":
        for x in np.linspace(b.rear + 0.15, b.front - 0.12, spec.rib_count):
            for side in (1, -1):
                top = b.side_y(b.rim - 0.05) + 0.03
                low = b.side_y(b.floor + 0.12) + 0.03
                mesh.beam(
                    (x - spec.rib_slant, side * low, b.floor + 0.12),
                    (x + spec.rib_slant, side * top, b.rim - 0.04),
                    0.09,
                    rail,
                )
    elif spec.rib_count:
        for x in np.linspace(b.rear + 0.2, b.front - 0.2, max(2, spec.rib_count // 3)):
            mesh.grid(_sweep(b.outline(0.1), x, x + 0.1), rail, smooth=False)
    if spec.board:
        height = rng.uniform(0.2, 0.4)
        z = b.floor + spec.bed_wall * rng.uniform(0.45, 0.62)
        for side in (1, -1):
            y = side * (b.side_y(z) + 0.085)
            mesh.box(
                ((b.front + b.rear) / 2, y, z),
                (b.length * rng.uniform(0.45, 0.8), 0.015, height),
                Look(Material.LIVERY, (0.75, 0.76, 0.74), dust=spec.body_dust, mud=spec.body_mud * 0.4),
            )
    for side in (1, -1):
        for x in np.arange(b.rear + 0.3, b.front, 0.9):
            mesh.box(
                (x, side * (b.side_y(b.floor + 0.08) + 0.068), b.floor + 0.1),
                (0.4, 0.01, 0.055),
                Look(Material.MARKING, (0.75, 0.72, 0.7) if int(x * 2) % 2 else (0.6, 0.02, 0.02), dust=spec.body_dust),
            )
    _tail(mesh, b, spec, rng, rail, rake)
    if spec.bulkhead > 0.1:
        mesh.box((b.front, 0, b.rim + spec.bulkhead / 2), (0.06, b.half * 1.9, spec.bulkhead), paint)
    if spec.canopy:
        z = max(b.rim + spec.bulkhead, spec.cab_height + 0.08)
        mesh.box((b.front + 0.45, 0, z), (1.0, b.half * 1.9, 0.05), paint)
        mesh.box((b.front, 0, (z + b.rim) / 2), (0.05, b.half * 1.9, z - b.rim), paint)


def _tail(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator, rail: Look, rake: float) -> None:
    x = b.rear - 0.05
    mid = (b.floor + b.rim) / 2
    for y in np.linspace(-b.half, b.half, int(rng.integers(2, 6))):
        mesh.beam((x, y * 0.96, b.floor + 0.05), (x - rake, y * 0.96, b.rim), 0.09, rail)
    for z in (b.floor + 0.12, mid, b.rim):
        mesh.box((x - rake * (z - b.floor) / spec.bed_wall, 0, z), (0.1, b.half * 2, 0.1), rail)
    if spec.livery:
        mesh.box(
            (x - rake * 0.5 - 0.055, 0, mid + 0.25 * spec.bed_wall * 0.5),
            (0.01, b.half * 1.3, spec.bed_wall * 0.3),
            Look(Material.LIVERY, (0.8, 0.8, 0.78), dust=spec.body_dust),
        )
    for y in np.arange(-b.half + 0.2, b.half, 0.5):
        mesh.box(
            (x - 0.06, y, b.floor + 0.12),
            (0.01, 0.3, 0.06),
            Look(Material.MARKING, (0.6, 0.02, 0.02), dust=spec.body_dust),
        )


def _load(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lay the load; returns its heights. Under a cover that lies on the rim it stays below the rim."""
    z = _heap(b, spec, rng)
    rough = {Material.RUBBLE: 0.09, Material.SOIL: 0.05, Material.COAL: 0.05, Material.SAND: 0.015}[spec.material]
    z = z + fractal_noise(rng, *z.shape, 3.0, 2) * rough
    if spec.cover in ("slide", "hinged", "tarp_flat") and spec.draw > 0.15:
        z = np.minimum(z, b.rim - 0.04)
    points = _spread(b, z)
    mesh.grid(points, Look(spec.material, spec.load_colour, Part.LOAD), smooth=spec.material != Material.RUBBLE)
    return np.asarray(z, np.float32)


def _heap(b: Bed, spec: TruckSpec, rng: np.random.Generator, rows: int = 44, columns: int = 22) -> NDArray[np.float32]:
    """Heights of the load over the bed, rows from rear to front."""
    u = np.linspace(-1, 1, rows)[:, None]
    v = np.linspace(-1, 1, columns)[None]
    mounds = np.zeros((rows, columns))
    for _ in range(int(rng.integers(1, 4))):
        cu = rng.uniform(-0.5, 0.5)
        mounds = np.maximum(
            mounds, np.exp(-(((u - cu) / rng.uniform(0.4, 0.9)) ** 2) - (v / rng.uniform(0.6, 0.95)) ** 2)
        )
    edge = np.minimum(1 - np.abs(v) ** 3, 1 - np.abs(u) ** 6)
    level = b.floor + spec.fill * (b.rim - b.floor) - 0.05
    z = level + spec.heap * 1.2 * mounds * edge + 0.05 * smooth_noise(rng, rows, columns, 8)
    return np.asarray(np.minimum(z, b.rim + 0.9), np.float32)


def _spread(b: Bed, z: NDArray[np.float32], out: float = -0.02, ends: float = 0.0) -> Array:
    rows, columns = z.shape
    x = np.linspace(b.rear + 0.06 - ends - b.spec.tailgate_rake * 0.8, b.front - 0.05 + ends, rows)
    half = np.full(rows, b.half + out)
    y = np.linspace(-1, 1, columns)[None] * half[:, None]
    if b.spec.bed_profile == "slope":
        y = y * np.interp(np.clip(z, b.floor, b.rim), [b.floor, b.rim], [0.82, 1.0])
    return np.stack([np.broadcast_to(x[:, None], z.shape), y, z], axis=2).astype(np.float32)


def _residue(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator) -> None:
    """Scraps of soil on the floor of an empty bed."""
    z = b.floor + 0.03 + 0.05 * np.clip(fractal_noise(rng, 30, 16, 6, 2), -0.5, 2)
    keep = z[:-1, :-1] > b.floor + 0.03 + rng.uniform(0.03, 0.12)
    if keep.any():
        mesh.grid(
            _spread(b, z.astype(np.float32), -0.15, -0.1),
            Look(spec.material, spec.load_colour, Part.FLOOR, ambient=0.55),
            keep,
        )


def _cover(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator, top: NDArray[np.float32] | None) -> None:
    if spec.cover == "slide":
        _slide(mesh, b, spec, rng)
    elif spec.cover == "hinged":
        _hinged(mesh, b, spec, rng)
    else:
        _sheet(mesh, b, spec, rng, top)


def _sheet(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator, top: NDArray[np.float32] | None) -> None:
    """Tarpaulin or net: flat over the rim or lying on the load, whose heights are `top`; it hangs over the sides."""
    net = spec.cover == "net"
    look = Look(
        Material.NET if net else Material.TARPAULIN,
        spec.cover_colour,
        Part.COVER,
        dust=spec.body_dust * rng.uniform(0.3, 1.0),
    )
    if spec.draw <= 0.02:
        if not net:
            side = rng.choice([-1, 1])
            y = side * (b.half + 0.08)
            mesh.cylinder((b.rear, y, b.rim + 0.1), (b.front, y, b.rim + 0.1), 0.1, look.but(part=Part.BODY), sides=8)
        return
    rows, columns = 60, 30
    if spec.cover == "tarp_flat":
        bows = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi * max(3, spec.rib_count), rows))[:, None]
        v = np.linspace(-1, 1, columns)[None]
        z = b.rim + 0.1 + (1 - v**2) * rng.uniform(0.02, 0.2) - 0.05 * bows * (1 - v**4)
    else:
        z = np.full((rows, columns), b.rim - rng.uniform(0.0, 0.15) + 0.06)
    if top is not None:
        under = cv2.resize(cv2.dilate(top, np.ones((3, 3), np.uint8)), (columns, rows)) + 0.05
        z = np.maximum(z, cv2.GaussianBlur(np.maximum(z.astype(np.float32), under), (0, 0), 1.2))
    z = z + fractal_noise(rng, rows, columns, 6, 3) * rng.uniform(0.008, 0.035)
    if top is not None:
        z = np.maximum(z, under - 0.02)
    roped = not net and spec.draw > 0.9 and rng.random() < 0.75
    rows_roped = range(int(rng.integers(3, 7)), rows - 2, int(rng.integers(7, 13)))
    if roped:
        z += 0.03 - 0.05 * np.exp(-((np.arange(rows)[:, None] - np.array(rows_roped)[None]) ** 2).min(1) / 2)[:, None]
    points = _spread(b, z.astype(np.float32), 0.1, 0.05)
    skirt = rng.uniform(0.12, 0.55) if not net else rng.uniform(0.05, 0.4)
    hem = 1 + 0.25 * smooth_noise(rng, rows, 1, 5)[:, 0]
    points = _hang(points, b, skirt * hem)
    keep = np.ones((points.shape[0] - 1, points.shape[1] - 1), bool)
    from_front = np.linspace(1, 0, points.shape[0] - 1)[:, None] + 0.03 * smooth_noise(rng, 1, points.shape[1] - 1, 4)
    across = rng.random() < 0.3
    if spec.draw < 0.98:
        if across:
            keep &= np.broadcast_to(np.linspace(0, 1, keep.shape[1])[None] < spec.draw, keep.shape)
        else:
            keep &= from_front < spec.draw
    if spec.torn:
        hole = fractal_noise(rng, *keep.shape, 7, 2)
        keep &= hole < np.quantile(hole, rng.uniform(0.55, 0.8))
    mesh.grid(points, look, keep)
    if roped:
        _ropes(mesh, points, rows_roped, rng)


def _ropes(mesh: Mesh, points: Array, rows: range, rng: np.random.Generator) -> None:
    """Ropes across the sheet at `rows`, laced along both hems in a zigzag."""
    look = Look(Material.PLASTIC, (0.25, 0.24, 0.2) if rng.random() < 0.5 else (0.6, 0.58, 0.5), Part.COVER)
    thick = rng.uniform(0.02, 0.04)
    for i in rows:
        for j in range(0, points.shape[1] - 1, 2):
            far = min(j + 2, points.shape[1] - 1)
            mesh.beam(points[i, j] + (0, 0, 0.02), points[i, far] + (0, 0, 0.02), thick, look)
    for column in (0, -1):
        hem = points[:, column]
        for i in range(0, len(hem) - 3, 3):
            low = hem[i + 3] - (0, 0, rng.uniform(0.15, 0.3))
            mesh.beam(hem[i], low, thick, look)
            mesh.beam(low, hem[min(i + 6, len(hem) - 1)], thick, look)


def _hang(points: Array, b: Bed, skirt: NDArray[np.float32]) -> Array:
    """Add edges that hang down outside both walls."""
    columns = []
    for j, side in ((0, -1.0), (-1, 1.0)):
        edge = points[:, j].copy()
        edge[:, 1] = side * (b.half + 0.12)
        edge[:, 2] = b.rim + 0.07
        low = edge.copy()
        low[:, 2] = b.rim - skirt
        columns.append((low, edge))
    return np.concatenate(
        [columns[0][0][:, None], columns[0][1][:, None], points, columns[1][1][:, None], columns[1][0][:, None]], axis=1
    )


def _slide(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator) -> None:
    """Sliding roof of hard slats or folding bows; what is open is stacked at one end."""
    look = Look(
        Material.PAINT if rng.random() < 0.6 else Material.TARPAULIN, spec.cover_colour, Part.COVER, dust=spec.body_dust
    )
    frame = look.but(colour=tuple(0.6 * c for c in spec.cover_colour), material=Material.PAINT)
    start, stack = b.rear - spec.tailgate_rake * 0.9, rng.random() < 0.6
    closed = b.length + spec.tailgate_rake * 0.9
    covered = closed * max(spec.draw, 0.08)
    x0 = b.front - covered if stack else start
    count = max(2, int(closed / rng.uniform(0.45, 1.1)))
    arch = rng.uniform(0.0, 0.22)
    v = np.linspace(-1, 1, 9)
    pitch = covered / count
    for k in range(count):
        x = x0 + k * pitch
        fold = 0.12 if spec.draw < 0.15 else 0.03
        rise = np.array([0.0, fold, 0.0])
        xs = np.array([x, x + pitch / 2, x + pitch])
        z = b.rim + 0.08 + arch * (1 - v[None] ** 2) + rise[:, None]
        y = v[None] * (b.half + 0.08) + np.zeros((3, 1))
        p = np.stack([np.broadcast_to(xs[:, None], z.shape), y, z], 2)
        mesh.grid(p.astype(np.float32), look if spec.draw > 0.15 else look.but(part=Part.BODY), smooth=False)
        rib = np.stack([np.stack([np.full(9, x + d), y[0], z[0] + 0.035], 1) for d in (-0.04, 0.04)])
        mesh.grid(rib.astype(np.float32), frame if spec.draw > 0.15 else frame.but(part=Part.BODY), smooth=False)
    for side in (1, -1):
        mesh.box(
            ((b.front + start) / 2, side * (b.half + 0.05), b.rim + 0.07),
            (closed, 0.1, 0.08),
            frame.but(part=Part.BODY),
        )


def _hinged(mesh: Mesh, b: Bed, spec: TruckSpec, rng: np.random.Generator) -> None:
    """Two flaps hinged on the side walls: shut they meet in the middle, open they stand up or hang outside."""
    look = Look(Material.PAINT, spec.cover_colour, Part.COVER, dust=spec.body_dust)
    opened = rng.choice([1.35, 1.75, 3.6])
    ridge = rng.uniform(0.05, 0.22)
    width = b.half / np.cos(np.arctan2(ridge, b.half))
    shut = np.arctan2(ridge, b.half)
    for side in (1, -1):
        angle = shut if spec.draw > 0.98 or (spec.draw > 0.15 and side == 1) else opened
        is_cover = angle == shut
        part = Part.COVER if is_cover else Part.BODY
        y0, z0 = side * (b.half + 0.04), b.rim + 0.08
        y1, z1 = y0 - side * width * np.cos(angle), z0 + width * np.sin(angle) * (1 if angle < 3.2 else 1.0)
        x0, x1 = b.rear - spec.tailgate_rake * 0.8, b.front
        xs = np.linspace(x0, x1, 9)
        p = np.stack(
            [np.stack([xs, np.full(9, y0), np.full(9, z0)], 1), np.stack([xs, np.full(9, y1), np.full(9, z1)], 1)]
        )
        mesh.grid(p.astype(np.float32), look.but(part=part), smooth=False)
        for x in xs:
            mesh.beam(
                (x, y0, z0 + 0.03),
                (x, y1, z1 + 0.03),
                0.06,
                look.but(part=part, colour=tuple(0.7 * c for c in spec.cover_colour)),
            )

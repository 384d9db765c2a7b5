"""Everything else that moves: cars, vans, buses, excavators, two- and three-wheelers, people, other goods vehicles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.scenes.mesh import Array, Colour, Look, Mesh, rounded_rectangle
from models.scenes.parts import Material, Part
from models.scenes.spec import TruckSpec, pick, sample_tipper
from models.scenes.wheels import TYRE, wheel

CAR_COLOURS: tuple[Colour, ...] = (
    (0.7, 0.7, 0.7),
    (0.75, 0.75, 0.75),
    (0.02, 0.02, 0.022),
    (0.2, 0.2, 0.21),
    (0.4, 0.4, 0.42),
    (0.4, 0.02, 0.02),
    (0.02, 0.06, 0.25),
    (0.3, 0.22, 0.12),
    (0.05, 0.2, 0.12),
)
GLASS = Look(Material.GLASS, (0.012, 0.015, 0.017))
DARK = Look(Material.PLASTIC, (0.03, 0.03, 0.03))


def other_truck(rng: np.random.Generator) -> TruckSpec:
    """A goods vehicle that is not a tipper."""
    spec = sample_tipper(rng)
    spec.kind = str(rng.choice(["flatbed", "canvas", "box", "mixer", "tanker"], p=[0.22, 0.23, 0.25, 0.17, 0.13]))
    spec.load = {
        "canvas": "covered",
        "box": "covered",
        "tanker": "covered",
        "flatbed": str(rng.choice(["uncovered", "empty"])),
    }.get(spec.kind, "unknown")
    return spec


def _wheels(
    mesh: Mesh, xs: tuple[float, ...], half: float, radius: float, width: float, rng: np.random.Generator
) -> None:
    rim = Look(Material.RIM, (0.5, 0.5, 0.5))
    for a, x in enumerate(xs):
        for side in (1, -1):
            wheel(
                mesh,
                x,
                side * half,
                side,
                radius,
                width,
                False,
                Part.WHEEL + 2 * a + (side < 0),
                rim,
                TYRE,
                float(rng.uniform(0, 6)),
                20,
            )


def car(rng: np.random.Generator, lamps_on: bool = False) -> Array:
    """A saloon, hatchback, sport utility vehicle or van."""
    mesh = Mesh()
    shape = rng.choice(["saloon", "suv", "hatch", "van"], p=[0.4, 0.25, 0.15, 0.2])
    length, height = {"saloon": (4.7, 1.46), "suv": (4.6, 1.7), "hatch": (4.1, 1.5), "van": (4.9, 1.95)}[str(shape)]
    half, f, r = 0.9, length / 2, -length / 2
    paint = Look(Material.PAINT, pick(rng, CAR_COLOURS))
    belt = 0.98 if shape != "van" else 1.2
    low = 0.24
    profile = [
        (low, f - 0.1, r + 0.1, half - 0.08),
        (0.45, f, r, half),
        (0.7, f - 0.02, r + 0.02, half),
        (belt - 0.1, f - 0.15, r + 0.08, half - 0.02),
        (belt, f - 0.4, r + 0.15, half - 0.06),
    ]
    mesh.loft(np.stack([rounded_rectangle(x0, x1, -y, y, z, 0.22) for z, x1, x0, y in profile]), paint)
    screen = {"saloon": (0.95, 2.0), "suv": (1.0, 1.75), "hatch": (0.9, 1.6), "van": (0.25, 0.9)}[str(shape)]
    back = {"saloon": (0.6, 1.35), "suv": (0.12, 0.45), "hatch": (0.15, 0.6), "van": (0.05, 0.15)}[str(shape)]
    cabin = [
        rounded_rectangle(r + back[0], f - screen[0], -half + 0.06, half - 0.06, belt - 0.02, 0.12),
        rounded_rectangle(r + back[1], f - screen[1], -half + 0.22, half - 0.22, height, 0.15),
    ]
    mesh.loft(np.stack(cabin), GLASS, caps=False)
    roof = [
        rounded_rectangle(r + back[1] - 0.05, f - screen[1] + 0.06, -half + 0.2, half - 0.2, height - 0.03, 0.15),
        rounded_rectangle(r + back[1] + 0.05, f - screen[1] - 0.06, -half + 0.26, half - 0.26, height + 0.03, 0.15),
    ]
    mesh.loft(np.stack(roof), paint)
    for side in (1, -1):
        for u in (0.0, 0.42, 1.0):
            x_low = r + back[0] + u * (length - back[0] - screen[0])
            x_high = r + back[1] + u * (length - back[1] - screen[1])
            mesh.beam((x_low, side * (half - 0.05), belt - 0.02), (x_high, side * (half - 0.21), height), 0.07, paint)
        mesh.box((f - screen[0] - 0.15, side * (half + 0.07), belt + 0.08), (0.12, 0.2, 0.14), paint)
        mesh.box(
            (f - 0.06, side * (half - 0.25), 0.68),
            (0.14, 0.36, 0.13),
            Look(Material.EMISSIVE, (30, 28, 24)) if lamps_on else Look(Material.LAMP, (0.85, 0.86, 0.88)),
        )
        mesh.box(
            (r + 0.03, side * (half - 0.2), 0.8),
            (0.1, 0.34, 0.14),
            Look(Material.EMISSIVE, (3, 0.1, 0.06)) if lamps_on else Look(Material.LAMP, (0.45, 0.02, 0.02)),
        )
        for x in (-0.15, 0.85):
            mesh.beam((x, side * (half + 0.002), 0.4), (x, side * (half - 0.01), belt - 0.05), 0.012, DARK)
    mesh.box((f - 0.02, 0, 0.55), (0.1, 1.1, 0.22), DARK)
    mesh.box((f + 0.035, 0, 0.45), (0.02, 0.44, 0.14), Look(Material.PLATE, (0.02, 0.08, 0.45)))
    mesh.box((r - 0.01, 0, 0.62), (0.02, 0.44, 0.14), Look(Material.PLATE, (0.02, 0.08, 0.45)))
    _wheels(mesh, (f - 0.85, r + 0.9), half + 0.01, 0.33, 0.22, rng)
    for x in (f - 0.85, r + 0.9):
        for side in (1, -1):
            mesh.lathe(
                [(0.30, side * (half - 0.02)), (0.40, side * (half + 0.004))],
                (x, 0, 0.34),
                DARK.but(colour=(0.01, 0.01, 0.01)),
                sides=20,
            )
    return mesh.vertices()


def bus(rng: np.random.Generator, lamps_on: bool = False) -> Array:
    """A city bus or coach."""
    mesh = Mesh()
    length, height, half = rng.uniform(8, 12), rng.uniform(2.9, 3.4), 1.25
    f, r = length / 2, -length / 2
    colour = pick(rng, ((0.75, 0.75, 0.75), (0.05, 0.3, 0.1), (0.6, 0.05, 0.03), (0.05, 0.2, 0.5), (0.7, 0.5, 0.05)))
    paint = Look(Material.PAINT, colour)
    lean = rng.uniform(0.05, 0.35)
    levels = [(0.35, 0.05), (0.6, 0.0), (1.2, 0.02), (height - 0.3, lean), (height, lean + 0.3)]
    mesh.loft(np.stack([rounded_rectangle(r, f - d, -half, half, z, 0.2) for z, d in levels]), paint)
    win_low, win_high = rng.uniform(1.15, 1.4), height - rng.uniform(0.45, 0.6)

    def front(z: float) -> float:
        return f - float(np.interp(z, [v[0] for v in levels], [v[1] for v in levels])) + 0.015

    low = win_low - rng.uniform(0.1, 0.4)
    mesh.polygon(
        [
            (front(low), -1.1, low),
            (front(low), 1.1, low),
            (front(win_high + 0.1), 1.1, win_high + 0.1),
            (front(win_high + 0.1), -1.1, win_high + 0.1),
        ],
        GLASS,
    )
    mesh.box((r - 0.005, 0, (win_low + win_high) / 2), (0.02, 2.0, (win_high - win_low) * 0.8), GLASS)
    panes = int(length / rng.uniform(1.2, 1.6))
    for side in (1, -1):
        edges = np.linspace(r + 0.3, f - 0.6, panes + 1)
        for a, b in pairwise(edges):
            mesh.box(
                ((a + b) / 2, side * (half + 0.004), (win_low + win_high) / 2),
                (b - a - 0.09, 0.01, win_high - win_low),
                GLASS,
            )
        mesh.box(
            (0, side * (half + 0.006), 0.8), (length * 0.8, 0.01, 0.3), Look(Material.LIVERY, pick(rng, CAR_COLOURS))
        )
        mesh.box(
            (f + 0.01, side * 0.95, 0.75),
            (0.05, 0.35, 0.18),
            Look(Material.EMISSIVE, (30, 28, 24)) if lamps_on else Look(Material.LAMP, (0.85, 0.86, 0.88)),
        )
        mesh.box(
            (r - 0.02, side * 1.05, 1.0),
            (0.05, 0.2, 0.4),
            Look(Material.EMISSIVE, (3, 0.1, 0.06)) if lamps_on else Look(Material.LAMP, (0.5, 0.02, 0.02)),
        )
        mesh.box((f + 0.1, side * (half + 0.2), win_high - 0.2), (0.12, 0.2, 0.4), DARK)
        for x in (f - 2.4, r + 2.4):
            mesh.lathe(
                [(0.40, side * (half - 0.02)), (0.58, side * (half + 0.004))],
                (x, 0, 0.48),
                DARK.but(colour=(0.01, 0.01, 0.01)),
                sides=20,
            )
    mesh.box(
        (front(win_high + 0.25), 0, win_high + 0.25),
        (0.05, 1.5, 0.22),
        Look(Material.EMISSIVE, (1.5, 0.5, 0.1)) if lamps_on else DARK,
    )
    mesh.box((f + 0.02, 0, 0.5), (0.03, 0.46, 0.15), Look(Material.PLATE, (0.75, 0.48, 0.02)))
    _wheels(mesh, (f - 2.4, r + 2.4), half + 0.01, 0.48, 0.3, rng)
    return mesh.vertices()


def excavator(rng: np.random.Generator) -> Array:
    """A tracked excavator with its arm in front."""
    mesh = Mesh()
    paint = Look(
        Material.PAINT,
        pick(rng, ((0.8, 0.45, 0.02), (0.75, 0.3, 0.02), (0.6, 0.6, 0.55), (0.05, 0.3, 0.3))),
        dust=float(rng.uniform(0, 0.6)),
    )
    track = Look(Material.TYRE, (0.05, 0.045, 0.04), mud=float(rng.uniform(0.1, 0.9)))
    for y in (-1.1, 1.1):
        mesh.extrude(
            [(-1.9, 0.5), (-1.5, 0.05), (1.5, 0.05), (1.9, 0.5), (1.5, 0.9), (-1.5, 0.9)], y - 0.3, y + 0.3, track
        )
    mesh.box((-0.6, 0, 1.5), (3.0, 2.6, 1.0), paint)
    mesh.box((-1.8, 0, 1.5), (0.8, 2.4, 1.1), paint.but(colour=(0.1, 0.1, 0.1)))
    mesh.box((0.5, 0.8, 1.9), (1.6, 1.0, 1.8), paint)
    mesh.box((0.55, 0.8, 2.2), (1.62, 1.02, 1.0), GLASS)
    lift = rng.uniform(0.5, 1.0)
    elbow = (1.0 + 3.6 * np.cos(lift), -0.2, 1.6 + 3.6 * np.sin(lift))
    drop = rng.uniform(-1.6, -0.7)
    wrist = (elbow[0] + 2.6 * np.cos(drop), -0.2, max(0.7, elbow[2] + 2.6 * np.sin(drop)))
    mesh.beam((0.8, -0.2, 1.6), elbow, 0.5, paint)
    mesh.beam(elbow, wrist, 0.35, paint)
    mesh.box((wrist[0] - 0.2, -0.2, wrist[2] - 0.35), (0.9, 1.1, 0.7), Look(Material.STEEL, (0.12, 0.11, 0.1), mud=0.5))
    return mesh.vertices()


def tricycle(rng: np.random.Generator) -> Array:
    """A cargo three-wheeler with a rider."""
    mesh = Mesh()
    paint = Look(Material.PAINT, pick(rng, ((0.05, 0.15, 0.4), (0.5, 0.05, 0.03), (0.05, 0.25, 0.1))))
    mesh.box((-0.6, 0, 0.7), (1.6, 1.15, 0.4), paint)
    mesh.box((-0.6, 0, 0.92), (1.5, 1.05, 0.1), Look(Material.STEEL, (0.1, 0.1, 0.1)))
    mesh.box((0.6, 0, 0.6), (0.8, 0.4, 0.3), paint)
    mesh.beam((1.0, 0, 0.4), (0.8, 0, 1.1), 0.08, DARK)
    _person(mesh, 0.35, 0, 0.25, rng)
    for x, y in ((-0.8, 0.6), (-0.8, -0.6), (1.05, 0.05)):
        wheel(mesh, x, y, 1, 0.28, 0.1, False, Part.WHEEL, Look(Material.RIM, (0.3, 0.3, 0.3)), TYRE, 0.0, 14)
    return mesh.vertices()


def motorcycle(rng: np.random.Generator, ridden: bool) -> Array:
    """A motorcycle, with its rider or parked."""
    mesh = Mesh()
    paint = Look(Material.PAINT, pick(rng, CAR_COLOURS))
    mesh.box((0.1, 0, 0.62), (0.8, 0.3, 0.35), paint)
    mesh.box((-0.45, 0, 0.8), (0.7, 0.26, 0.14), DARK)
    mesh.beam((0.7, 0, 0.35), (0.4, 0, 1.05), 0.07, Look(Material.STEEL, (0.2, 0.2, 0.2)))
    mesh.box((0.42, 0, 1.05), (0.08, 0.66, 0.05), DARK)
    for x in (0.68, -0.66):
        wheel(mesh, x, 0.05, 1, 0.3, 0.1, False, Part.WHEEL, Look(Material.RIM, (0.3, 0.3, 0.3)), TYRE, 0.0, 14)
    if ridden:
        _person(mesh, -0.2, 0, 0.2, rng)
    return mesh.vertices()


def _person(mesh: Mesh, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    top = pick(rng, ((0.7, 0.25, 0.02), (0.1, 0.1, 0.12), (0.05, 0.1, 0.3), (0.5, 0.5, 0.5), (0.55, 0.6, 0.05)))
    hat = pick(rng, ((0.7, 0.5, 0.02), (0.7, 0.05, 0.03), (0.02, 0.02, 0.02), (0.7, 0.7, 0.7)))
    stride = rng.uniform(0, 0.3)
    for side in (1, -1):
        mesh.cylinder(
            (x + side * stride, y + side * 0.1, z),
            (x, y + side * 0.09, z + 0.85),
            0.07,
            Look(Material.CLOTH, (0.04, 0.045, 0.06)),
            8,
            0.1,
        )
        mesh.cylinder(
            (x - side * stride * 0.8, y + side * 0.28, z + 0.85),
            (x, y + side * 0.22, z + 1.4),
            0.05,
            Look(Material.CLOTH, top),
            8,
            0.07,
        )
    mesh.cylinder((x, y, z + 0.82), (x, y, z + 1.45), 0.17, Look(Material.CLOTH, top), 10, 0.21)
    mesh.lathe(
        [(0.0, 0.0), (0.09, 0.02), (0.11, 0.12), (0.09, 0.2)],
        (x, y, z + 1.5),
        Look(Material.CLOTH, (0.35, 0.22, 0.16)),
        axis=2,
        sides=10,
    )
    mesh.lathe(
        [(0.14, 0.0), (0.13, 0.06), (0.08, 0.13), (0.0, 0.15)],
        (x, y, z + 1.63),
        Look(Material.PAINT, hat),
        axis=2,
        sides=10,
    )


def person(rng: np.random.Generator) -> Array:
    mesh = Mesh()
    _person(mesh, 0, 0, 0, rng)
    return mesh.vertices()

"""A cab-over-engine cab: rounded shell, windscreen, doors, grille, lamps, bumper, mirrors, plate."""

from __future__ import annotations

import numpy as np

from models.scenes.mesh import Look, Mesh, rounded_rectangle
from models.scenes.parts import Material
from models.scenes.spec import TruckSpec

PLASTIC = Look(Material.PLASTIC, (0.03, 0.03, 0.032))
GLASS = Look(Material.GLASS, (0.015, 0.02, 0.022))
"""Red is what a pane mirrors of its surroundings beside the least that any pane does."""
ROOF_LAMPS = 0.3
"""Share of cabs with a row of marker lamps on the roof."""
CHROME = Look(Material.STEEL, (0.55, 0.55, 0.55))


class _Shell:
    """Where the cab's front and side planes are at a height."""

    def __init__(self, spec: TruckSpec, rng: np.random.Generator) -> None:
        h = spec.cab_height
        s = h / 3.0
        self.front = spec.length / 2
        self.back = self.front - spec.cab_length
        self.half = spec.width / 2 - 0.03
        self.bottom = 1.06 * s
        self.belt = rng.uniform(1.68, 1.86) * s
        self.brow = h - rng.uniform(0.32, 0.42) * s
        lean = (0.10, 0.22, 0.32, 0.16)[spec.cab_style]
        self.z = np.array([self.bottom, self.belt, self.brow, h - 0.1 * s, h])
        self.xs = self.front - np.array([0.0, 0.02, lean, lean + 0.1, lean + 0.35])
        self.ys = self.half - np.array([0.0, 0.0, 0.06, 0.12, 0.28])
        self.radius = rng.uniform(0.1, 0.24)

    def x(self, z: float) -> float:
        return float(np.interp(z, self.z, self.xs))

    def y(self, z: float) -> float:
        return float(np.interp(z, self.z, self.ys))

    def front_patch(
        self, mesh: Mesh, y0: float, y1: float, z0: float, z1: float, look: Look, lift: float = 0.012
    ) -> None:
        n = 2 if z1 < self.belt or z0 > self.belt else 3
        z = np.linspace(z0, z1, n)
        p = np.array([[(self.x(v) + lift, u, v) for u in (y0, y1)] for v in z], np.float32)
        mesh.grid(p, look, smooth=False)

    def side_patch(
        self, mesh: Mesh, side: int, corners: list[tuple[float, float]], look: Look, lift: float = 0.012
    ) -> None:
        mesh.polygon([(x, side * (self.y(z) + lift), z) for x, z in corners], look)


def cab(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    shell = _Shell(spec, rng)
    s = spec.cab_height / 3.0
    apart = np.random.default_rng([spec.shape_seed, 1])
    paint = Look(Material.PAINT, spec.cab_colour, mud=spec.body_mud * 0.5, dust=spec.body_dust)
    trim = Look(Material.PLASTIC, spec.trim_colour, mud=spec.body_mud * 0.8, dust=spec.body_dust)
    sections = [
        rounded_rectangle(shell.back, x, -y, y, z, min(shell.radius, y * 0.4))
        for x, y, z in zip(shell.xs, shell.ys, shell.z, strict=True)
    ]
    mesh.loft(np.stack(sections), paint)
    _windows(mesh, shell, spec, GLASS.but(colour=(apart.choice([0.02, apart.uniform(0.05, 0.5)]), 0.0, 0.0)))
    _front(mesh, shell, spec, rng, paint, trim, s)
    _sides(mesh, shell, spec, rng, paint, trim, s)
    _roof(mesh, shell, spec, rng, paint)
    if apart.random() < ROOF_LAMPS:
        _roof_lamps(mesh, shell, spec)


def _windows(mesh: Mesh, shell: _Shell, spec: TruckSpec, glass: Look) -> None:
    w = shell.half - shell.radius * 0.55
    shell.front_patch(mesh, -w - 0.03, w + 0.03, shell.belt - 0.04, shell.brow + 0.02, PLASTIC, 0.008)
    shell.front_patch(mesh, -w, w, shell.belt + 0.03, shell.brow - 0.04, glass, 0.016)
    for k in (-0.45, 0.25):
        z = shell.belt + 0.05
        mesh.beam((shell.x(z) + 0.05, k * w, z), (shell.x(z + 0.1) + 0.04, (k + 0.5) * w, z + 0.12), 0.03, PLASTIC)
    for side in (1, -1):
        f, b = shell.front - 0.32, shell.back + spec.cab_length * 0.32
        lean = shell.front - shell.x(shell.brow)
        z0, z1 = shell.belt + 0.04, shell.brow - 0.06
        shell.side_patch(mesh, side, [(f + 0.08, z0 - 0.1), (b, z0), (b, z1), (f - lean + 0.06, z1)], PLASTIC, 0.006)
        shell.side_patch(
            mesh,
            side,
            [(f + 0.02, z0 - 0.05), (b + 0.06, z0 + 0.04), (b + 0.06, z1 - 0.04), (f - lean, z1 - 0.04)],
            glass,
            0.014,
        )
        if spec.cab_style % 2:
            shell.side_patch(
                mesh,
                side,
                [(b - 0.12, z0 + 0.1), (shell.back + 0.15, z0 + 0.1), (shell.back + 0.15, z1), (b - 0.12, z1)],
                glass,
                0.014,
            )


def _front(
    mesh: Mesh, shell: _Shell, spec: TruckSpec, rng: np.random.Generator, paint: Look, trim: Look, s: float
) -> None:
    f, half, style = shell.front, shell.half, spec.cab_style
    bumper_top, bumper_low = shell.bottom + 0.04, rng.uniform(0.34, 0.5) * s
    bumper = trim if rng.random() < 0.6 else paint.but(mud=spec.body_mud * 0.8)
    loops = [
        rounded_rectangle(f - 0.62 * s, f + dx, -half - dy, half + dy, z, 0.12)
        for dx, dy, z in (
            (-0.06, -0.02, bumper_low),
            (0.06, 0.0, bumper_low + 0.08),
            (0.06, 0.01, bumper_top - 0.1),
            (0.0, 0.0, bumper_top),
        )
    ]
    mesh.loft(np.stack(loops), bumper)
    face = f + 0.07
    dark = PLASTIC.but(dust=spec.body_dust, mud=spec.body_mud * 0.5)
    grille_low, grille_high = shell.bottom + 0.02, shell.belt - rng.uniform(0.1, 0.22)
    gw = half * (0.62, 0.78, 0.5, 0.7)[style]
    shell.front_patch(mesh, -gw, gw, grille_low, grille_high, dark, 0.02)
    bar = CHROME if rng.random() < 0.5 else paint
    for z in np.linspace(grille_low + 0.06, grille_high - 0.04, int(rng.integers(3, 6))):
        mesh.box(
            (shell.x(float(z)) + 0.03, 0, z),
            (0.03, gw * 1.9, 0.035 * s),
            bar if style != 3 else dark.but(colour=(0.1, 0.1, 0.1)),
        )
    mesh.box((shell.x(grille_high) + 0.04, 0, grille_high + 0.05), (0.03, gw * rng.uniform(0.4, 1.0), 0.07), CHROME)
    lamp = Look(Material.LAMP, (0.85, 0.86, 0.88), mud=spec.body_mud * 0.3, dust=spec.body_dust * 0.5)
    lit = Look(Material.EMISSIVE, (40.0, 36.0, 28.0))
    lamp_z = bumper_low + rng.uniform(0.28, 0.42) * s if style != 2 else shell.bottom + 0.22 * s
    lamp_h, lamp_w = rng.uniform(0.14, 0.22) * s, rng.uniform(0.3, 0.46) * s
    for side in (1, -1):
        y = side * (half - lamp_w / 2 - 0.1)
        mesh.box((face - 0.03, y, lamp_z), (0.1, lamp_w + 0.07, lamp_h + 0.06), dark)
        mesh.box((face - 0.01, y, lamp_z), (0.1, lamp_w, lamp_h), lamp)
        for k in (-0.22, 0.22):
            mesh.box(
                (face + 0.042, y + k * lamp_w, lamp_z),
                (0.01, lamp_h * 0.7, lamp_h * 0.7),
                lit if spec.lamps_on else lamp.but(colour=(0.95, 0.95, 0.95)),
            )
        mesh.box((face - 0.02, side * (half - 0.06), lamp_z), (0.1, 0.1, lamp_h), Look(Material.LAMP, (0.8, 0.3, 0.03)))
        mesh.box((face, side * half * 0.72, bumper_low + 0.12), (0.02, 0.22, 0.1), lamp)
    mesh.box((face - 0.005, 0, bumper_low + 0.22 * s), (0.02, gw * 1.5, 0.2 * s), dark)
    mesh.box(
        (face + 0.012, 0, bumper_low + 0.2 * s),
        (0.015, 0.46, 0.15),
        Look(Material.PLATE, (0.75, 0.48, 0.02), dust=spec.body_dust * 0.5),
    )
    if rng.random() < 0.5:
        mesh.box(
            (face + 0.005, 0, bumper_top - 0.08), (0.02, half * 1.9, 0.05), Look(Material.MARKING, (0.8, 0.75, 0.7))
        )


def _sides(
    mesh: Mesh, shell: _Shell, spec: TruckSpec, rng: np.random.Generator, paint: Look, trim: Look, s: float
) -> None:
    dark = PLASTIC.but(mud=spec.body_mud, dust=spec.body_dust)
    axle = spec.length / 2 - (1.0 if spec.length < 6.3 else 1.38)
    for side in (1, -1):
        for x in (shell.front - 0.22, shell.back + 0.28 * spec.cab_length):
            mesh.beam(
                (x, side * (shell.half + 0.004), shell.bottom),
                (x, side * (shell.half + 0.004), shell.belt),
                0.018,
                PLASTIC,
            )
        mesh.box(
            (shell.back + 0.4 * spec.cab_length, side * (shell.half + 0.02), shell.belt - 0.16),
            (0.22, 0.03, 0.04),
            PLASTIC,
        )
        for k, z in enumerate((0.5 * s, 0.78 * s)):
            mesh.box(
                (shell.front - 0.34 * s, side * (shell.half - 0.04 + 0.02 * k), z),
                (0.42 * s, 0.12, 0.05),
                dark.but(colour=(0.12, 0.12, 0.12)),
            )
        mesh.box((axle - spec.wheel_radius - 0.25, side * (shell.half - 0.2), 0.95 * s), (0.22, 0.36, 0.5 * s), trim)
        top = shell.brow - 0.05
        out = shell.half + rng.uniform(0.16, 0.26)
        x = shell.x(top) - 0.02
        mesh.beam((x - 0.1, side * shell.half, top), (x + 0.05, side * out, top - 0.02), 0.035, dark)
        mesh.beam((x - 0.05, side * shell.half, shell.belt), (x + 0.05, side * out, shell.belt + 0.1), 0.035, dark)
        mesh.box(
            (x + 0.05, side * out, (top + shell.belt) / 2 + 0.1),
            (0.13, 0.22, 0.52 * s),
            dark.but(colour=spec.trim_colour),
        )
        mesh.box(
            (shell.back + 0.3, side * (shell.half + 0.01), shell.bottom + 0.25),
            (0.5, 0.012, 0.12),
            Look(Material.LIVERY, (0.8, 0.8, 0.75)) if spec.livery else paint,
        )
    mesh.box(
        ((shell.back + axle) / 2 - 0.2, 0, 0.85 * s),
        (spec.cab_length * 0.8, spec.width * 0.5, 0.5),
        dark.but(ambient=0.3),
    )


def _roof(mesh: Mesh, shell: _Shell, spec: TruckSpec, rng: np.random.Generator, paint: Look) -> None:
    top = spec.cab_height
    if spec.visor:
        z = shell.brow + 0.03
        mesh.polygon(
            [
                (shell.x(z), -shell.half + 0.15, z + 0.1),
                (shell.x(z), shell.half - 0.15, z + 0.1),
                (shell.x(z) + 0.28, shell.half - 0.2, z - 0.06),
                (shell.x(z) + 0.28, -shell.half + 0.2, z - 0.06),
            ],
            PLASTIC,
        )
    if spec.roof_sign:
        glow = (1.6, 0.25, 0.1) if spec.lamps_on else (0.5, 0.1, 0.05)
        mesh.box((shell.back + 0.55 * spec.cab_length, 0, top + 0.14), (0.12, 1.3, 0.26), PLASTIC)
        mesh.box(
            (shell.back + 0.55 * spec.cab_length + 0.065, 0, top + 0.14),
            (0.01, 1.2, 0.18),
            Look(Material.EMISSIVE if spec.lamps_on else Material.LIVERY, glow),
        )
    if rng.random() < 0.35:
        mesh.extrude(
            [
                (shell.back + 0.1, top),
                (shell.x(top), top),
                (shell.back + 0.5, top + 0.4),
                (shell.back + 0.1, top + 0.45),
            ],
            -shell.half * 0.8,
            shell.half * 0.8,
            paint,
        )
    mesh.cylinder(
        (shell.back - 0.15, shell.half - 0.25, 1.0),
        (shell.back - 0.15, shell.half - 0.25, top * rng.uniform(0.75, 1.0)),
        0.09,
        Look(Material.STEEL, (0.2, 0.19, 0.18)),
    )


def _roof_lamps(mesh: Mesh, shell: _Shell, spec: TruckSpec) -> None:
    top = spec.cab_height
    for y in (-0.8, -0.25, 0.25, 0.8):
        mesh.box(
            (shell.x(top) + 0.12, y * shell.half, top - 0.02),
            (0.08, 0.14, 0.06),
            Look(Material.LAMP, (0.8, 0.35, 0.03)),
        )

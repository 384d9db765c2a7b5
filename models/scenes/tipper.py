"""A goods vehicle assembled from its parts: chassis, running gear, cab, and bed or another body."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.scenes.bed import bed
from models.scenes.bodies import BODIES
from models.scenes.cab import cab
from models.scenes.mesh import Array, Look, Mesh
from models.scenes.parts import Material, Part
from models.scenes.spec import TruckSpec
from models.scenes.wheels import axle_positions, running_gear


def truck(spec: TruckSpec) -> Array:
    """Vertices in the truck's own frame: origin on the ground under the middle, front towards +x."""
    rng = np.random.default_rng(spec.shape_seed)
    mesh = Mesh()
    running_gear(mesh, spec, rng)
    _chassis(mesh, spec, rng)
    cab(mesh, spec, rng)
    if spec.kind == "tipper":
        body = Mesh()
        bed(body, spec, rng)
        mesh.join(_tilted(body, spec) if spec.tilt else body)
    else:
        BODIES[spec.kind](mesh, spec, rng)
    v = mesh.vertices()
    body = v[:, 13] < Part.WHEEL
    v[body, 14] *= np.clip((2.3 - v[body, 2]) / 1.3, 0, 1)
    return v


def _tilted(body: Mesh, spec: TruckSpec) -> Mesh:
    """The bed raised by `tilt` about its rear hinge."""
    v = body.vertices()
    hinge = np.array([-spec.length / 2 + 0.6, 0, spec.bed_floor - 0.1], np.float32)
    c, s = np.float32(np.cos(spec.tilt)), np.float32(np.sin(spec.tilt))
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
    v[:, 0:3] = (v[:, 0:3] - hinge) @ turn + hinge
    v[:, 3:6] = v[:, 3:6] @ turn
    return body


def _chassis(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    z, half = spec.wheel_radius * 2 - 0.08, spec.width / 2
    front, rear = spec.length / 2 - 0.6, -spec.length / 2 + 0.1
    dark = Look(
        Material.STEEL,
        (0.05, 0.05, 0.052) if rng.random() < 0.7 else (0.3, 0.06, 0.03),
        mud=spec.body_mud,
        dust=spec.body_dust,
        ambient=0.4,
    )
    for y in (-0.42, 0.42):
        mesh.box(((front + rear) / 2, y, z), (front - rear, 0.09, 0.28), dark)
    for x in np.linspace(rear + 0.3, front - 0.6, 6):
        mesh.box((x, 0, z), (0.12, 0.9, 0.2), dark)
    mesh.box(
        ((front + rear) / 2, 0, (z + spec.bed_floor) / 2 + 0.05),
        (front - rear - 0.6, 0.7, max(0.05, spec.bed_floor - z - 0.2)),
        dark,
    )
    axles = axle_positions(spec)
    gap = max(((a - b, a, b) for a, b in pairwise(axles)), key=lambda t: t[0])
    x1, x0 = gap[1] - spec.wheel_radius * 1.3, gap[2] + spec.wheel_radius * 1.3
    side_look = dark.but(ambient=0.75, material=Material.PLASTIC)
    if x1 - x0 > 0.5:
        tank = min(1.3, (x1 - x0) * 0.55)
        metal = Look(
            Material.STEEL,
            (0.4, 0.4, 0.4) if rng.random() < 0.5 else (0.05, 0.05, 0.05),
            mud=spec.body_mud,
            dust=spec.body_dust,
            ambient=0.75,
        )
        mesh.box((x1 - tank / 2, half - 0.42, z - 0.2), (tank, 0.6, 0.55), metal)
        mesh.box((x1 - tank / 2, -half + 0.42, z - 0.2), (tank * 0.7, 0.55, 0.5), side_look)
        mesh.cylinder((x0, half - 0.4, z - 0.1), (x0 + 0.6, half - 0.4, z - 0.1), 0.16, metal)
        if rng.random() < 0.7:
            rail = Look(
                Material.STEEL,
                spec.cab_colour if rng.random() < 0.4 else (0.5, 0.5, 0.5),
                mud=spec.body_mud * 0.8,
                dust=spec.body_dust,
            )
            for side in (1, -1):
                for h in np.linspace(0.5, 0.95, int(rng.integers(2, 4))):
                    mesh.box(((x0 + x1) / 2, side * (half - 0.06), h), (x1 - x0, 0.04, 0.1), rail)
                for x in (x0 + 0.15, (x0 + x1) / 2, x1 - 0.15):
                    mesh.box((x, side * (half - 0.09), 0.75), (0.06, 0.04, 0.55), rail)
    tail_x = -spec.length / 2 + 0.05
    mesh.box((tail_x, 0, 0.6), (0.1, half * 1.85, 0.14), dark.but(ambient=0.8))
    mesh.box((tail_x + 0.05, 0, 0.85), (0.06, half * 1.7, 0.2), dark.but(ambient=0.8))
    mesh.box(
        (tail_x - 0.01, 0.0, 0.88),
        (0.02, 0.46, 0.16),
        Look(Material.PLATE, (0.75, 0.48, 0.02), dust=spec.body_dust * 0.6),
    )
    for side in (1, -1):
        glow = (
            Look(Material.EMISSIVE, (5.0, 0.15, 0.08))
            if spec.lamps_on
            else Look(Material.LAMP, (0.5, 0.02, 0.02), dust=spec.body_dust)
        )
        mesh.box((tail_x - 0.01, side * (half - 0.3), 0.86), (0.05, 0.42, 0.14), glow)
        mesh.box(
            (tail_x - 0.015, side * (half - 0.48), 0.86), (0.05, 0.1, 0.14), Look(Material.LAMP, (0.8, 0.35, 0.03))
        )

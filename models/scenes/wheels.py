"""Wheels, mudguards and mud flaps of trucks."""

from __future__ import annotations

import numpy as np

from models.scenes.fields import smooth_noise
from models.scenes.mesh import Look, Mesh
from models.scenes.parts import Material, Part
from models.scenes.spec import TruckSpec

TYRE = Look(Material.TYRE, (0.035, 0.035, 0.037))


def wheel(
    mesh: Mesh,
    x: float,
    y: float,
    side: int,
    radius: float,
    width: float,
    dual: bool,
    part: int,
    rim: Look,
    tyre: Look,
    spin: float = 0.0,
    sides: int = 28,
    sidewall: float = 1.0,
) -> None:
    """One wheel or a dual pair with its outer face at `y`; `side` is +1 left, -1 right; `sidewall` scales mud there."""
    r = radius
    centre = (x, y, r)
    count = 2 if dual else 1
    for k in range(count):
        o = -k * width * 1.12
        profile = [
            (0.60 * r, o - 0.96 * width),
            (0.93 * r, o - width),
            (r, o - 0.86 * width),
            (r, o - 0.14 * width),
            (0.93 * r, o),
            (0.80 * r, o + 0.012),
            (0.62 * r, o - 0.02),
        ]
        chunk = mesh.lathe([(a, side * b) for a, b in profile], centre, tyre.but(part=part), sides=sides, spin=spin)
        chunk[np.hypot(chunk[:, 6], chunk[:, 8]) < 0.9 * r, 14] *= sidewall
    if dual:
        dish = [
            (0.62, -0.02),
            (0.57, -0.06),
            (0.53, -0.62 * width / r),
            (0.30, -0.66 * width / r),
            (0.27, -0.2),
            (0.2, -0.1),
            (0.12, -0.06),
            (0.0, -0.06),
        ]
    else:
        dish = [
            (0.62, -0.02),
            (0.58, -0.08),
            (0.5, -0.16),
            (0.34, -0.1),
            (0.27, -0.06),
            (0.2, 0.04),
            (0.1, 0.08),
            (0.0, 0.08),
        ]
    mesh.lathe(
        [(a * r, side * b * r) for a, b in dish],
        centre,
        rim.but(part=part, ambient=0.8, mud=rim.mud * sidewall),
        sides=sides,
        spin=spin,
    )


def caked(
    mesh: Mesh,
    rng: np.random.Generator,
    x: float,
    y: float,
    side: int,
    radius: float,
    width: float,
    part: int,
    amount: float,
    colour: tuple[float, float, float],
    spin: float,
) -> None:
    """Patches of soil standing off the tyre and the rim."""
    sides, r = 40, radius
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    profile = np.array(
        [
            (0.35, 0.01),
            (0.55, 0.02),
            (0.72, 0.025),
            (0.9, 0.03),
            (1.0, -0.02),
            (1.02, -0.25 * width / r),
            (1.02, -0.7 * width / r),
            (1.0, -width / r),
        ]
    )
    noise = smooth_noise(rng, len(profile), sides + 1, 2.5)
    noise[:, -1] = noise[:, 0]
    lift = np.clip(noise, 0, 2) * 0.03 * r
    rr = profile[:, :1] * r + np.where(profile[:, :1] > 0.95, lift, 0)
    yy = side * (profile[:, 1:] * r + np.where(profile[:, :1] <= 0.95, lift, 0)) + np.zeros((1, sides + 1))
    pos = np.stack([rr * np.cos(angle + spin) + x, yy + y, np.maximum(rr * np.sin(angle + spin) + r, 0.0)], axis=2)
    keep = noise[:-1, :-1] > 1.3 - 1.9 * amount
    mesh.grid(pos.astype(np.float32), Look(Material.CLOTH, colour, part, mud=1.0, ambient=0.9), keep)


def mudguard(
    mesh: Mesh, x: float, y0: float, y1: float, radius: float, look: Look, low: float = 0.1, high: float = 3.04
) -> None:
    """An arc over a wheel at `x`, from angle `low` (front) to `high` (rear)."""
    t = np.linspace(low, high, 9)
    ring = np.stack([np.cos(t) * radius + x, np.zeros_like(t), np.sin(t) * radius + radius * 0.86], axis=1)
    across = np.array([0.0, 1.0, 0.0])
    rows = np.stack([ring + y0 * across, ring + y1 * across], axis=0)
    mesh.grid(rows.astype(np.float32), look)
    lip = ring.copy()
    lip[:, 2] -= 0.06
    outer = y1 if abs(y1) > abs(y0) else y0
    mesh.grid(np.stack([ring + outer * across, lip + outer * across], axis=0).astype(np.float32), look, smooth=False)


def axle_positions(spec: TruckSpec) -> list[float]:
    """x of every axle, front first; front bumper at +length/2."""
    front = spec.length / 2 - (1.0 if spec.length < 6.3 else 1.38)
    rear = -spec.length / 2 + (1.0 if spec.axles == 2 else 0.95)
    if spec.axles == 2:
        return [front, rear + 0.15]
    gap = spec.wheel_radius * 2 + 0.3
    if spec.axles == 3:
        return [front, rear + gap, rear]
    return [front, front - 1.85, rear + gap, rear]


def running_gear(mesh: Mesh, spec: TruckSpec, rng: np.random.Generator) -> None:
    """All wheels, mudguards, flaps; wheel parts are numbered axle by axle, left before right."""
    half, r = spec.width / 2, spec.wheel_radius
    tyre = TYRE.but(mud=spec.wheel_mud, dust=spec.wheel_dust, wet=spec.wheel_wet)
    if rng.random() < 0.4:
        grey = float(rng.uniform(0.04, 0.075))
        tyre = tyre.but(colour=(grey, grey, grey))
    rim = Look(Material.RIM, spec.rim_colour, mud=spec.wheel_mud, dust=spec.wheel_dust, wet=spec.wheel_wet)
    guard = Look(
        Material.PLASTIC,
        (0.03, 0.03, 0.03),
        mud=max(spec.body_mud, spec.wheel_mud * 0.5),
        dust=max(spec.body_dust, spec.wheel_dust * 0.6),
        ambient=0.7,
    )
    soil = spec.load_colour if spec.material == Material.SOIL else (0.18, 0.11, 0.07)
    guards = rng.random() < 0.85
    for a, x in enumerate(axle_positions(spec)):
        steer = a < spec.steer_axles
        width = 0.30 * r / 0.52
        for side in (1, -1):
            part = Part.WHEEL + 2 * a + (side < 0)
            y = side * (half - (0.06 if steer else 0.02))
            wheel(mesh, x, y, side, r, width, not steer, part, rim, tyre, spec.spin + a, sidewall=spec.sidewall)
            if spec.wheel_mud > 0.3 and spec.sidewall > 0.7:
                caked(mesh, rng, x, y, side, r, width, part, spec.wheel_mud, soil, spec.spin + a)
            if guards or (steer and a > 0):
                inner = y - side * width * (1 if steer else 2.1)
                mudguard(mesh, x, y + side * 0.03, inner, r * 1.16, guard, 0.35, 2.8)
        if a > 0:
            mesh.cylinder((x, -half + 0.5, r), (x, half - 0.5, r), 0.12, guard.but(ambient=0.35))
    last = axle_positions(spec)[-1]
    for side in (1, -1):
        mesh.box((last - r * 1.25, side * (half - 0.33), r * 0.95), (0.02, 0.6, r * 1.2), guard)

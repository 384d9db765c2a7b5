"""Clips of a parking pole: a row of marked bays seen from above, cars that come and go, and the stays they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.scenes.camera import Camera
from models.scenes.clip import Mover, Script
from models.scenes.degrade import Defects
from models.scenes.lighting import Lamp, Lighting
from models.scenes.mesh import Array, Mesh
from models.scenes.paths import into_bay, waypoints
from models.scenes.sites import daylight
from models.scenes.vehicles import car, person
from models.scenes.world import ASPHALT, CONCRETE, GRASS, WHITE, building, ground, tree

PITCH, DEPTH, LANE_Y = 2.7, 5.4, -1.5
VERGE = 7
ROW_Y = 5.0
CAMERA = Camera((0.0, -9.5, 9.0), (0.0, 3.2, 0.0), float(np.radians(74)))


def bay_centres(count: int = 8) -> list[tuple[float, float]]:
    return [((k - (count - 1) / 2) * PITCH, ROW_Y) for k in range(count)]


def bays() -> dict[str, list[tuple[float, float]]]:
    """Corners on the ground of bays A1, A2, … from left to right as x grows."""
    w, d = PITCH / 2, DEPTH / 2
    return {
        f"A{k + 1}": [(x - w, y - d), (x + w, y - d), (x + w, y + d), (x - w, y + d)]
        for k, (x, y) in enumerate(bay_centres())
    }


def lot(seed: int = 5, verge: int | None = None) -> Array:
    """Asphalt, one row of bays, a kerb and a verge with trees behind it; place `verge` of the row is grown over."""
    rng = np.random.default_rng(seed)
    mesh = Mesh()
    edge = ROW_Y + DEPTH / 2
    ground(mesh, ASPHALT, -80, 80, -40, edge + 0.3, 0.0)
    ground(mesh, GRASS, -80, 80, edge + 0.5, 40, 0.1)
    mesh.box((0, edge + 0.4, 0.06), (160, 0.25, 0.16), CONCRETE)
    count = len(bay_centres())
    for k in range(count + 1):
        mesh.box(((k - count / 2) * PITCH, ROW_Y, 0.004), (0.12, DEPTH, 0.008), WHITE)
    if verge is not None:
        x, y = bay_centres()[verge]
        ground(mesh, GRASS, x - PITCH / 2 + 0.1, x + PITCH / 2 + 2.6, y - DEPTH / 2, edge, 0.05)
    for x in np.arange(-40, 40, 6.0):
        mesh.box((x, LANE_Y - 3.2, 0.004), (3, 0.12, 0.008), WHITE)
    for x in (-11.0, -3.0, 6.0, 12.5):
        tree(mesh, rng, x, edge + 3.0)
    building(mesh, rng, 0.0, 48.0, site=False)
    return mesh.vertices()


def _script(
    plan: list[tuple[int, float, float | None]], seconds: float, light: Lighting, defects: Defects, lit: bool = False
) -> Script:
    """`plan`: bay, seconds at which its car comes into the picture (negative: it stands there), when it leaves."""
    centres, movers, stays = bay_centres(), [], []
    for n, (bay, start, leave) in enumerate(plan):
        end = seconds + 1 if leave is None else leave + 14
        path = into_bay(start, LANE_Y, centres[bay], leave)
        movers.append(
            Mover(
                "car",
                start,
                end,
                path,
                "bay",
                shape=car(np.random.default_rng(100 + n), lit and start > 0),
                lit=lit and start > 0,
            )
        )
        stays.append((f"A{bay + 1}", max(0.0, start + 12), leave))
    expected = {"stays": len(stays)}
    return Script(
        CAMERA, light, lot(), movers, seconds, None, expected, fps=2, defects=defects, bays=bays(), stays=stays
    )


DAY = Defects(exposure=1.35, noise=0.004, bloom=0.04, jpeg=95, saturation=0.95)
PLAN = [(1, -60.0, None), (2, -60.0, 44.0), (4, 2.0, None), (6, 22.0, 70.0), (0, 50.0, None)]


def pole_day() -> Script:
    """Five cars in eight bays by day; a person walks through an empty bay and a car passes without stopping."""
    script = _script(PLAN, 90.0, daylight(), DAY)
    script.movers.append(
        Mover(
            None,
            30.0,
            60.0,
            waypoints([(30, -3.5, -7), (55, 8.0, 8.5)], 1.0),
            "walk",
            shape=person(np.random.default_rng(3)),
        )
    )
    script.movers.append(
        Mover(
            "car",
            60.0,
            75.0,
            waypoints([(60, 40, -4.6), (72, -40, -4.6)], np.pi),
            "through",
            shape=car(np.random.default_rng(77)),
        )
    )
    return script


def pole_shadow() -> Script:
    """A low sun sweeps the shadows of trees and cars over the bays; nothing moves."""
    light = replace(daylight(), sun_direction=(0.75, 0.5, 0.43), horizon=(0.85, 0.75, 0.62))
    script = _script([(1, -60.0, None), (4, -60.0, None)], 60.0, light, DAY)
    script.sun_turn = 0.03
    script.swing = 4.0
    return script


def pole_rain_night() -> Script:
    """Night and rain: wet ground, lamp light, headlamps."""
    light = Lighting(
        "night",
        (0.3, -0.4, 0.86),
        (0.004, 0.005, 0.008),
        (0.01, 0.01, 0.014),
        (0.02, 0.018, 0.017),
        (0.006, 0.005, 0.005),
        0.3,
        0.001,
        wet=0.8,
        key=0.09,
        gain=12.0,
        lamps=[
            Lamp((-7.0, -5.0, 8.0), (120, 95, 60)),
            Lamp((8.0, -5.0, 8.0), (120, 95, 60)),
            Lamp((0.0, 10.0, 7.0), (60, 60, 60)),
        ],
    )
    return _script(PLAN, 90.0, light, Defects(noise=0.02, bloom=0.08, jpeg=95, saturation=0.8, rain=0.6), lit=True)


def demo_pole() -> Script:
    """Seven bays and a verge: two cars stand there, two come, two leave, one parks on the verge; a person walks."""
    seconds = 92.0
    plan = [(1, -60.0, None), (2, -60.0, 16.0), (4, 1.0, None), (VERGE, 10.0, 72.0), (5, 28.0, 60.0)]
    script = _script(plan, seconds, daylight(), DAY)
    script.world = lot(verge=VERGE)
    place = f"A{VERGE + 1}"
    script.zones = {"verge": script.bays.pop(place)}
    script.stays = [stay for stay in script.stays if stay[0] != place]
    walk = waypoints([(36, -8.0, -3.0), (58, -0.5, 8.0)], 1.0)
    script.movers.append(Mover(None, 36.0, 60.0, walk, "walk", shape=person(np.random.default_rng(3))))
    script.crf = 33
    script.expected = {"stays": 4, "ended": 2, "violations": {"illegal_parking": 1}}
    script.counts = {"bays": 7, "free": 5, "occupied": 2, "stays": 4, "ended": 2, "violations": 1}
    return script

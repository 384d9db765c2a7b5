"""The places and lights of the scripted clips."""

from __future__ import annotations

import numpy as np

from models.scenes.camera import Camera
from models.scenes.lighting import Lamp, Lighting
from models.scenes.mesh import Array, Look, Mesh
from models.scenes.parts import Material
from models.scenes.world import ASPHALT, CONCRETE, DIRT, GRASS, building, fence, gate, ground, mound, tree, wash_bay

# On the gate's post at 6 m, looking down at the apron: beds are seen from above and wheels from the side.
GATE_CAMERA = Camera((9.6, -6.3, 6.0), (2.7, -1.0, 0.4), float(np.radians(67)))
GATE_LINE = ((1.2, -4.8), (1.2, 4.8))

# The wash bay of `gate_world(…, wash=True)`: its lane, and the lane that leads past it.
WASH_X, WASH_Y, PAST_Y = -6.5, 1.7, -2.2
# Where in the picture of GATE_CAMERA the foot point of a truck in that bay lies, and of one that drives past does not.
WASH_ZONE = ((0.18, 0.04), (0.34, 0.04), (0.5, 0.34), (0.3, 0.38))


def gate_world(seed: int, wash: bool = False, apron: Look = CONCRETE) -> Array:
    """One site exit: paved apron, brick posts, hoarding, a green-netted building site behind, and a wash bay."""
    rng = np.random.default_rng(seed)
    mesh, width = Mesh(), 9.0
    ground(mesh, DIRT, -150, -1, -150, 150, -0.03)
    ground(mesh, apron, -60, 14, -width / 2 - 1.5, width / 2 + 1.5, 0.0)
    ground(mesh, GRASS, -1, 14, width / 2 + 1.5, 150, -0.02)
    ground(mesh, CONCRETE.but(colour=(0.3, 0.29, 0.27)), -1, 14, -150, -width / 2 - 1.5, -0.02)
    ground(mesh, ASPHALT, 14, 200, -150, 150, -0.01)
    gate(mesh, [], rng, width)
    fence(mesh, rng, width)
    building(mesh, rng, -75, 38)
    building(mesh, rng, -95, -12)
    building(mesh, rng, -60, 80)
    mound(mesh, rng, -32, 22)
    mound(mesh, rng, -38, -20)
    for x, y in ((3.0, 13.0), (5.0, 19.0), (2.5, 27.0), (-9.0, 12.5)):
        tree(mesh, rng, x, y)
    for x in (-14.0, -10.0):
        mesh.cylinder((x, 6.4, 0), (x, 6.4, 0.7), 0.18, Look(Material.PLASTIC, (0.7, 0.12, 0.02)), 10, 0.03)
    if wash:
        wash_bay(mesh, WASH_X, 3.2, rng, WASH_Y, 0.5)
    return mesh.vertices()


def daylight() -> Lighting:
    return Lighting(
        "sunny",
        (0.35, -0.55, 0.76),
        (2.6, 2.45, 2.2),
        (0.3, 0.46, 0.85),
        (0.75, 0.8, 0.86),
        (0.22, 0.2, 0.17),
        0.5,
        0.0006,
        shadow_soft=0.0016,
    )


def lamplight() -> Lighting:
    """Night: two lamps on the gate's posts and one over the apron."""
    lamps = [
        Lamp((0.6, 5.0, 6.5), (70, 62, 46)),
        Lamp((0.6, -5.0, 6.5), (70, 62, 46)),
        Lamp((9.0, -6.5, 7.5), (85, 85, 80)),
        Lamp((-14.0, 6.0, 7.0), (90, 82, 60)),
    ]
    return Lighting(
        "night",
        (0.3, -0.4, 0.86),
        (0.004, 0.005, 0.008),
        (0.008, 0.009, 0.014),
        (0.02, 0.017, 0.015),
        (0.006, 0.005, 0.004),
        0.3,
        0.0008,
        key=0.09,
        gain=12.0,
        lamps=lamps,
    )

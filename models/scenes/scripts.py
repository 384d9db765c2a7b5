"""The clips that can be rendered by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.scenes.camera import Camera
from models.scenes.clip import Mover, Path2, Script
from models.scenes.lighting import Lighting
from models.scenes.mesh import Array, Look, Mesh
from models.scenes.parts import Material
from models.scenes.spec import TruckSpec
from models.scenes.vehicles import car
from models.scenes.world import ASPHALT, CONCRETE, DIRT, GRASS, building, fence, gate, ground, mound, tree


def drive(
    x0: float,
    speed: float,
    start: float,
    lane: float = 0.0,
    yaw: float = 0.0,
    stop_x: float | None = None,
    stop_s: float = 0.0,
) -> Path2:
    """Along x from `x0` at `speed` (m/s, its sign from `yaw`), with a stop of `stop_s` seconds at `stop_x` if given."""
    sign = float(np.cos(yaw))

    def where(t: float) -> tuple[float, float, float]:
        s = max(t - start, 0.0)
        if stop_x is None:
            return x0 + sign * speed * s, lane, yaw
        way = abs(stop_x - x0)
        brake = 1.6
        cruise = way / speed - brake / 2
        if s <= cruise:
            d = speed * s
        elif s <= cruise + brake:
            u = s - cruise
            d = speed * cruise + speed * (u - u * u / (2 * brake))
        elif s <= cruise + brake + stop_s:
            d = way
        else:
            u = s - cruise - brake - stop_s
            d = way + (speed * u * u / (2 * brake) if u <= brake else speed * (u - brake / 2))
        return x0 + sign * d, lane, yaw

    return where


def gate_world(seed: int) -> Array:
    """One site exit: concrete apron, brick posts, hoarding, a green-netted building site behind."""
    rng = np.random.default_rng(seed)
    mesh, width = Mesh(), 9.0
    ground(mesh, DIRT, -150, -1, -150, 150, -0.03)
    ground(mesh, CONCRETE, -60, 14, -width / 2 - 1.5, width / 2 + 1.5, 0.0)
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


def tipper(**changes: object) -> TruckSpec:
    base = TruckSpec(
        axles=4,
        steer_axles=2,
        length=8.8,
        cab_length=2.05,
        cab_height=2.85,
        bed_floor=1.25,
        bed_wall=1.15,
        canopy=False,
        bulkhead=0.1,
        body_dust=0.12,
        tailgate_rake=0.1,
    )
    for name, value in changes.items():
        if not hasattr(base, name):
            raise AttributeError(f"a truck has no {name}")
        setattr(base, name, value)
    return base


def demo_gate() -> Script:
    """Five tippers and a car at one gate by day: one leaves muddy, one with its load open."""
    green, orange, white, blue, yellow = (
        (0.04, 0.24, 0.10),
        (0.80, 0.26, 0.02),
        (0.72, 0.73, 0.72),
        (0.03, 0.16, 0.42),
        (0.82, 0.5, 0.02),
    )
    out_x, in_x = -22.5, 13.5
    trucks = [
        (
            2.0,
            "out",
            tipper(
                cab_colour=green,
                bed_colour=green,
                cover="slide",
                cover_colour=(0.03, 0.12, 0.06),
                load="covered",
                fill=0.8,
                heap=0.1,
                wheels="clean",
                rim_colour=(0.5, 0.5, 0.5),
                shape_seed=11,
            ),
        ),
        (
            15.5,
            "out",
            tipper(
                cab_colour=orange,
                bed_colour=orange,
                cover="tarp_flat",
                cover_colour=(0.03, 0.09, 0.26),
                load="covered",
                fill=0.7,
                heap=0.1,
                wheels="muddy",
                wheel_mud=0.95,
                wheel_dust=0.5,
                body_mud=0.7,
                body_dust=0.35,
                shape_seed=12,
            ),
        ),
        (
            37.5,
            "out",
            tipper(
                axles=3,
                steer_axles=1,
                length=8.0,
                cab_colour=white,
                bed_colour=blue,
                cover="tarp_flat",
                draw=0.0,
                load="uncovered",
                fill=0.95,
                heap=0.5,
                load_colour=(0.24, 0.145, 0.08),
                wheels="clean",
                rim_colour=(0.45, 0.45, 0.45),
                shape_seed=13,
            ),
        ),
        (
            51.0,
            "in",
            tipper(
                cab_colour=yellow,
                bed_colour=yellow,
                cover="slide",
                draw=0.0,
                load="empty",
                fill=0.0,
                heap=0.0,
                wheels="clean",
                rim_colour=(0.55, 0.55, 0.55),
                shape_seed=14,
            ),
        ),
        (
            64.0,
            "out",
            tipper(
                axles=3,
                steer_axles=1,
                length=8.2,
                cab_colour=blue,
                bed_colour=(0.30, 0.32, 0.34),
                cover="tarp_bulge",
                cover_colour=(0.05, 0.17, 0.07),
                load="covered",
                fill=0.9,
                heap=0.25,
                wheels="clean",
                rim_colour=(0.3, 0.3, 0.3),
                shape_seed=15,
            ),
        ),
    ]
    movers = []
    for start, direction, spec in trucks:
        stop = {"stop_x": 2.5, "stop_s": 6.5} if start == 64.0 else {}
        outward = direction == "out"
        path = drive(out_x, 3.3, start, 0.1, 0.0, **stop) if outward else drive(in_x, 3.3, start, 0.3, np.pi)
        movers.append(Mover("truck", start, start + 30, path, direction, spec))
    vehicle = car(np.random.default_rng(5))
    movers.append(Mover("car", 29.0, 37.0, drive(-22, 5.5, 29.0, 0.2), "out", shape=vehicle))
    movers.sort(key=lambda m: m.start)
    return Script(
        camera=Camera((9.6, -6.3, 6.0), (2.7, -1.0, 0.4), np.radians(67)),
        lighting=daylight(),
        world=gate_world(3),
        movers=movers,
        seconds=84.0,
        gate_line=((1.2, -4.8), (1.2, 4.8)),
        expected={"passages": 5, "violations": {"muddy_truck": 1, "uncovered_load": 1}},
    )


SCRIPTS: dict[str, Callable[[], Script]] = {"demo-gate": demo_gate}

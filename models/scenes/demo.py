"""The clip that `edge-agent demo` runs: a muddy exit, an open load, an unwashed exit, a clean passage, a car, an entry.

Its wash zone is `sites.WASH_ZONE`, in shares of the picture, with `min_dwell_s = 4`: who washes stops there for 6 s,
the truck that is unwashed drives past the bay. Five seconds pass before the first truck comes, for of one that is there
from the start nobody knows how long it was washed.
"""

from __future__ import annotations

import numpy as np

from models.scenes.clip import Mover, Script
from models.scenes.paths import drive
from models.scenes.roles import MUDDY, gate_script, tipper
from models.scenes.sites import PAST_Y, WASH_Y
from models.scenes.spec import TruckSpec
from models.scenes.vehicles import car
from models.scenes.washing import passes_by, washes

STOP_S = 6.0
GREEN, ORANGE, WHITE = (0.04, 0.24, 0.10), (0.80, 0.26, 0.02), (0.72, 0.73, 0.72)
BLUE, YELLOW, GREY = (0.03, 0.16, 0.42), (0.82, 0.5, 0.02), (0.30, 0.32, 0.34)


def demo_gate() -> Script:
    movers = [
        washes(1.0, STOP_S, _clean()),
        washes(16.0, STOP_S, _muddy()),
        Mover("car", 34.0, 44.0, drive(-22, 5.5, 34.0, WASH_Y), "out", shape=car(np.random.default_rng(2))),
        washes(37.0, STOP_S, _open()),
        Mover("truck", 57.5, 87.5, drive(13.5, 3.3, 57.5, PAST_Y + 0.6, np.pi), "in", _empty()),
        passes_by(70.5, _unwashed()),
    ]
    violations = {"muddy_truck": 1, "uncovered_load": 1, "unwashed_exit": 1}
    script = gate_script(movers, 89.0, {"passages": 5, "violations": violations}, wash=True)
    script.begin = -5.0
    script.counts = {"passages": 5, "violations": 4, "exceedances": 1}
    return script


def _clean() -> TruckSpec:
    return tipper(
        cab_colour=GREEN,
        bed_colour=GREEN,
        cover="slide",
        cover_colour=(0.03, 0.12, 0.06),
        load="covered",
        fill=0.8,
        heap=0.1,
        wheels="clean",
        rim_colour=(0.5, 0.5, 0.5),
        shape_seed=11,
    )


def _muddy() -> TruckSpec:
    return tipper(
        cab_colour=ORANGE,
        bed_colour=ORANGE,
        cover="tarp_flat",
        cover_colour=(0.03, 0.09, 0.26),
        load="covered",
        fill=0.7,
        heap=0.1,
        shape_seed=12,
        **(MUDDY | {"body_mud": 0.7, "body_dust": 0.35}),
    )


def _open() -> TruckSpec:
    return tipper(
        axles=3,
        steer_axles=1,
        length=8.0,
        cab_colour=WHITE,
        bed_colour=BLUE,
        cover="tarp_flat",
        draw=0.0,
        load="uncovered",
        fill=0.95,
        heap=0.5,
        load_colour=(0.24, 0.145, 0.08),
        wheels="clean",
        rim_colour=(0.45, 0.45, 0.45),
        shape_seed=13,
    )


def _empty() -> TruckSpec:
    return tipper(
        cab_colour=YELLOW,
        bed_colour=YELLOW,
        cover="slide",
        draw=0.0,
        load="empty",
        fill=0.0,
        heap=0.0,
        wheels="clean",
        rim_colour=(0.55, 0.55, 0.55),
        shape_seed=14,
    )


def _unwashed() -> TruckSpec:
    return tipper(
        axles=3,
        steer_axles=1,
        length=8.2,
        cab_colour=BLUE,
        bed_colour=GREY,
        cover="tarp_bulge",
        cover_colour=(0.05, 0.17, 0.07),
        load="covered",
        fill=0.9,
        heap=0.25,
        wheels="clean",
        rim_colour=(0.3, 0.3, 0.3),
        shape_seed=15,
    )

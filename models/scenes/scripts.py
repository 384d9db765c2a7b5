"""The clips that can be rendered by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.scenes.clip import Mover, Script
from models.scenes.degrade import Defects
from models.scenes.parking import pole_day, pole_rain_night, pole_shadow
from models.scenes.paths import drive, waypoints
from models.scenes.sites import GATE_CAMERA, GATE_LINE, daylight, gate_world, lamplight
from models.scenes.spec import TruckSpec
from models.scenes.vehicles import car, person


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
    vehicle = car(np.random.default_rng(2))
    movers.append(Mover("car", 29.0, 37.0, drive(-22, 5.5, 29.0, 0.2), "out", shape=vehicle))
    movers.sort(key=lambda m: m.start)
    return Script(
        camera=GATE_CAMERA,
        lighting=daylight(),
        world=gate_world(3),
        movers=movers,
        seconds=84.0,
        gate_line=GATE_LINE,
        expected={"passages": 5, "violations": {"muddy_truck": 1, "uncovered_load": 1}},
        counts={"passages": 5, "violations": 3, "exceedances": 1, "evidence": 6},
    )


def _gate(movers: list[Mover], seconds: float, expected: dict[str, object], night: bool = False) -> Script:
    movers.sort(key=lambda m: m.start)
    return Script(
        GATE_CAMERA,
        lamplight() if night else daylight(),
        gate_world(3),
        movers,
        seconds,
        GATE_LINE,
        dict(expected),
        defects=Defects(noise=0.02, bloom=0.08, jpeg=95, saturation=0.8)
        if night
        else Defects(exposure=1.35, noise=0.004, bloom=0.04, jpeg=95, saturation=0.95),
    )


def _covered(**changes: object) -> TruckSpec:
    look: dict[str, object] = {"load": "covered", "cover": "tarp_flat", "fill": 0.7, "heap": 0.1, "wheels": "clean"}
    return tipper(**(look | changes))


def _open(**changes: object) -> TruckSpec:
    look: dict[str, object] = {
        "load": "uncovered",
        "cover": "tarp_flat",
        "draw": 0.0,
        "fill": 0.95,
        "heap": 0.5,
        "wheels": "clean",
    }
    return tipper(**(look | changes))


def _empty(**changes: object) -> TruckSpec:
    look: dict[str, object] = {
        "load": "empty",
        "cover": "slide",
        "draw": 0.0,
        "fill": 0.0,
        "heap": 0.0,
        "wheels": "clean",
    }
    return tipper(**(look | changes))


MUDDY: dict[str, object] = {"wheels": "muddy", "wheel_mud": 0.95, "wheel_dust": 0.5, "body_mud": 0.6}


def _out(start: float, spec: TruckSpec, **path: float) -> Mover:
    return Mover("truck", start, start + 60, drive(-22.5, 3.0, start, **path), "out", spec)


def gate_night() -> Script:
    """At night, headlamps on: a clean covered truck, a muddy one, one with its load open."""
    lit: dict[str, object] = {"lamps_on": True}
    movers = [
        _out(2.0, _covered(shape_seed=21, cab_colour=(0.04, 0.22, 0.09), bed_colour=(0.04, 0.22, 0.09), **lit)),
        _out(18.0, _covered(shape_seed=22, cover="slide", **MUDDY, **lit)),
        _out(34.0, _open(shape_seed=23, cab_colour=(0.7, 0.7, 0.7), bed_colour=(0.6, 0.08, 0.03), **lit)),
    ]
    return _gate(movers, 50.0, {"passages": 3, "violations": {"muddy_truck": 1, "uncovered_load": 1}}, night=True)


def gate_two() -> Script:
    """A truck drives in while another leaves beside it; for a while they hide each other."""
    movers = [
        Mover(
            "truck",
            2.0,
            40.0,
            waypoints([(2, -22.5, 2.3), (13.5, 15, 2.3)]),
            "out",
            _open(shape_seed=31, cab_colour=(0.7, 0.7, 0.7)),
        ),
        Mover(
            "truck",
            2.5,
            40.0,
            waypoints([(2.5, 13.5, -1.4), (14.5, -24, -1.4)], np.pi),
            "in",
            _empty(shape_seed=32, cab_colour=(0.02, 0.12, 0.4)),
        ),
    ]
    return _gate(movers, 18.0, {"passages": 2, "violations": {"muddy_truck": 0, "uncovered_load": 1}})


def gate_hidden() -> Script:
    """A truck waits beside the gate for half a minute; one with its load open leaves behind it, hidden in between."""
    movers = [
        Mover(
            "truck",
            1.0,
            60.0,
            waypoints([(1, 13.5, -1.3), (6, 3.5, -1.3), (30, 3.5, -1.3), (40, -24, -1.3)], np.pi),
            "in",
            _empty(shape_seed=41),
        ),
        Mover(
            "truck",
            11.0,
            60.0,
            waypoints([(11, -22.5, 2.5), (24, 15.5, 2.5)]),
            "out",
            _open(shape_seed=42, cab_colour=(0.04, 0.22, 0.09)),
        ),
    ]
    return _gate(movers, 44.0, {"passages": 2, "violations": {"muddy_truck": 0, "uncovered_load": 1}})


def gate_reversal() -> Script:
    """A truck comes over the line, backs into the site again, and leaves later: one passage."""
    path = waypoints([(1, -22.5, 0), (9, 3.5, 0), (11, 3.5, 0), (18, -14, 0), (22, -14, 0), (33, 16, 0)])
    return _gate(
        [Mover("truck", 1.0, 40.0, path, "out", _open(shape_seed=51))],
        36.0,
        {"passages": 1, "violations": {"muddy_truck": 0, "uncovered_load": 1}},
    )


def gate_parked() -> Script:
    """A covered truck stops in the gate for a minute and a half, then leaves: one passage."""
    return _gate(
        [_out(1.0, _covered(shape_seed=61), stop_x=2.5, stop_s=90.0)],
        112.0,
        {"passages": 1, "violations": {"muddy_truck": 0, "uncovered_load": 0}},
    )


def gate_from_start() -> Script:
    """A muddy truck is in the picture before the clip begins, and leaves: one passage."""
    path = waypoints([(-5, -3.5, 0), (6, -3.5, 0), (13, 16, 0)])
    return _gate(
        [Mover("truck", -1.0, 30.0, path, "out", _covered(shape_seed=71, **MUDDY))],
        16.0,
        {"passages": 1, "violations": {"muddy_truck": 1, "uncovered_load": 0}},
    )


def gate_people() -> Script:
    """Two people and a car, no truck."""
    walkers = [
        Mover(
            None,
            1.0,
            30.0,
            waypoints([(1, 1.0, -4.2), (20, 4.0, 6.0)], 1.2),
            "across",
            shape=person(np.random.default_rng(1)),
        ),
        Mover(
            None,
            4.0,
            30.0,
            waypoints([(4, -12.0, 3.0), (24, 12.0, 2.0)], 0.0),
            "out",
            shape=person(np.random.default_rng(2)),
        ),
        Mover("car", 22.0, 40.0, drive(-22, 5.5, 22.0, 0.2), "out", shape=car(np.random.default_rng(9))),
    ]
    return _gate(walkers, 31.0, {"passages": 0, "violations": {"muddy_truck": 0, "uncovered_load": 0}})


SCRIPTS: dict[str, Callable[[], Script]] = {
    "demo-gate": demo_gate,
    "gate-night": gate_night,
    "gate-two": gate_two,
    "gate-hidden": gate_hidden,
    "gate-reversal": gate_reversal,
    "gate-parked": gate_parked,
    "gate-from-start": gate_from_start,
    "gate-people": gate_people,
    "pole-day": pole_day,
    "pole-shadow": pole_shadow,
    "pole-rain-night": pole_rain_night,
}

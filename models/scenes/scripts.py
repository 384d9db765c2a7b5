"""The clips that can be rendered by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.scenes.clip import Mover, Script
from models.scenes.demo import demo_gate
from models.scenes.parking import demo_pole, pole_day, pole_rain_night, pole_shadow
from models.scenes.paths import drive, waypoints
from models.scenes.roles import MUDDY, covered, empty, gate_script, leaves, uncovered
from models.scenes.spills import SPILLS
from models.scenes.vehicles import car, person
from models.scenes.washing import gate_wash


def gate_night() -> Script:
    """At night, headlamps on: a clean covered truck, a muddy one, one with its load open."""
    lit: dict[str, object] = {"lamps_on": True}
    movers = [
        leaves(2.0, covered(shape_seed=21, cab_colour=(0.04, 0.22, 0.09), bed_colour=(0.04, 0.22, 0.09), **lit)),
        leaves(18.0, covered(shape_seed=22, cover="slide", **MUDDY, **lit)),
        leaves(34.0, uncovered(shape_seed=23, cab_colour=(0.7, 0.7, 0.7), bed_colour=(0.6, 0.08, 0.03), **lit)),
    ]
    return gate_script(movers, 50.0, {"passages": 3, "violations": {"muddy_truck": 1, "uncovered_load": 1}}, night=True)


def gate_two() -> Script:
    """A truck drives in while another leaves beside it; for a while they hide each other."""
    movers = [
        Mover(
            "truck",
            2.0,
            40.0,
            waypoints([(2, -22.5, 2.3), (13.5, 15, 2.3)]),
            "out",
            uncovered(shape_seed=31, cab_colour=(0.7, 0.7, 0.7)),
        ),
        Mover(
            "truck",
            2.5,
            40.0,
            waypoints([(2.5, 13.5, -1.4), (14.5, -24, -1.4)], np.pi),
            "in",
            empty(shape_seed=32, cab_colour=(0.02, 0.12, 0.4)),
        ),
    ]
    return gate_script(movers, 18.0, {"passages": 2, "violations": {"muddy_truck": 0, "uncovered_load": 1}})


def gate_hidden() -> Script:
    """A truck waits beside the gate for half a minute; one with its load open leaves behind it, hidden in between."""
    movers = [
        Mover(
            "truck",
            1.0,
            60.0,
            waypoints([(1, 13.5, -1.3), (6, 3.5, -1.3), (30, 3.5, -1.3), (40, -24, -1.3)], np.pi),
            "in",
            empty(shape_seed=41),
        ),
        Mover(
            "truck",
            11.0,
            60.0,
            waypoints([(11, -22.5, 2.5), (24, 15.5, 2.5)]),
            "out",
            uncovered(shape_seed=42, cab_colour=(0.04, 0.22, 0.09)),
        ),
    ]
    return gate_script(movers, 44.0, {"passages": 2, "violations": {"muddy_truck": 0, "uncovered_load": 1}})


def gate_reversal() -> Script:
    """A truck comes over the line, backs into the site again, and leaves later: one passage."""
    path = waypoints([(1, -22.5, 0), (9, 3.5, 0), (11, 3.5, 0), (18, -14, 0), (22, -14, 0), (33, 16, 0)])
    return gate_script(
        [Mover("truck", 1.0, 40.0, path, "out", uncovered(shape_seed=51))],
        36.0,
        {"passages": 1, "violations": {"muddy_truck": 0, "uncovered_load": 1}},
    )


def gate_parked() -> Script:
    """A covered truck stops in the gate for a minute and a half, then leaves: one passage.

    The light stands still, so that a still frame is rendered once.
    """
    script = gate_script(
        [leaves(1.0, covered(shape_seed=61), stop_x=2.5, stop_s=90.0)],
        112.0,
        {"passages": 1, "violations": {"muddy_truck": 0, "uncovered_load": 0}},
    )
    script.swing = script.breeze = 0.0
    return script


def gate_from_start() -> Script:
    """A muddy truck is in the picture before the clip begins, and leaves: one passage."""
    path = waypoints([(-5, -3.5, 0), (6, -3.5, 0), (13, 16, 0)])
    return gate_script(
        [Mover("truck", -1.0, 30.0, path, "out", covered(shape_seed=71, **MUDDY))],
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
    return gate_script(walkers, 31.0, {"passages": 0, "violations": {"muddy_truck": 0, "uncovered_load": 0}})


SCRIPTS: dict[str, Callable[[], Script]] = {
    **SPILLS,
    "demo-gate": demo_gate,
    "gate-night": gate_night,
    "gate-two": gate_two,
    "gate-hidden": gate_hidden,
    "gate-reversal": gate_reversal,
    "gate-parked": gate_parked,
    "gate-from-start": gate_from_start,
    "gate-people": gate_people,
    "gate-wash": gate_wash,
    "demo-pole": demo_pole,
    "pole-day": pole_day,
    "pole-shadow": pole_shadow,
    "pole-rain-night": pole_rain_night,
}

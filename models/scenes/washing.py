"""The clip of the wash bay: who washes long enough, who too short, who drives through, and who drives past."""

from __future__ import annotations

from models.scenes.clip import Mover, Script
from models.scenes.paths import Path2, drive
from models.scenes.roles import covered, gate_script
from models.scenes.sites import PAST_Y, WASH_X, WASH_Y
from models.scenes.spec import TruckSpec

MIN_DWELL_S = 10.0


def washes(start: float, stop_s: float, spec: TruckSpec, speed: float = 3.3) -> Mover:
    """Leaves through the wash bay and stops in it for `stop_s`."""
    return Mover(
        "truck", start, start + 60, drive(-22.5, speed, start, WASH_Y, stop_x=WASH_X, stop_s=stop_s), "out", spec
    )


def passes_by(start: float, spec: TruckSpec, speed: float = 3.3) -> Mover:
    """Leaves beside the wash bay."""
    path: Path2 = drive(-22.5, speed, start, PAST_Y)
    return Mover("truck", start, start + 60, path, "out", spec)


def gate_wash() -> Script:
    """Four clean covered trucks leave: one washes 8 s, one drives past the bay, one washes 1 s, one drives through.

    With `sites.WASH_ZONE` and a least dwell of `MIN_DWELL_S`, the last three are `unwashed_exit`.
    Driving through alone takes over 5 s.
    """
    movers = [
        washes(1.0, 8.0, covered(shape_seed=81, cab_colour=(0.04, 0.22, 0.09), bed_colour=(0.04, 0.22, 0.09))),
        passes_by(20.0, covered(shape_seed=82, cover="slide")),
        washes(32.0, 1.0, covered(shape_seed=83, cab_colour=(0.7, 0.7, 0.7), bed_colour=(0.03, 0.16, 0.42))),
        washes(46.0, 0.0, covered(shape_seed=84, cover="tarp_bulge", cab_colour=(0.82, 0.5, 0.02)), 3.8),
    ]
    violations = {"muddy_truck": 0, "uncovered_load": 0, "unwashed_exit": 3}
    script = gate_script(movers, 64.0, {"passages": 4, "violations": violations}, wash=True)
    script.begin = -6.0
    return script

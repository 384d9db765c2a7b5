"""The trucks of the scripted clips, how one leaves, and a clip at the gate of `sites`."""

from __future__ import annotations

from models.scenes.clip import Mover, Script
from models.scenes.degrade import Defects
from models.scenes.paths import drive
from models.scenes.sites import GATE_CAMERA, GATE_LINE, WASH_ZONE, daylight, gate_world, lamplight
from models.scenes.spec import TruckSpec


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


def covered(**changes: object) -> TruckSpec:
    look: dict[str, object] = {"load": "covered", "cover": "tarp_flat", "fill": 0.7, "heap": 0.1, "wheels": "clean"}
    return tipper(**(look | changes))


def uncovered(**changes: object) -> TruckSpec:
    look: dict[str, object] = {
        "load": "uncovered",
        "cover": "tarp_flat",
        "draw": 0.0,
        "fill": 0.95,
        "heap": 0.5,
        "wheels": "clean",
    }
    return tipper(**(look | changes))


def empty(**changes: object) -> TruckSpec:
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


def leaves(start: float, spec: TruckSpec, **path: float) -> Mover:
    end = start + 60 + path.get("stop_s", 0.0)
    return Mover("truck", start, end, drive(-22.5, 3.0, start, **path), "out", spec)


def gate_script(
    movers: list[Mover], seconds: float, expected: dict[str, object], night: bool = False, wash: bool = False
) -> Script:
    movers.sort(key=lambda m: m.start)
    return Script(
        GATE_CAMERA,
        lamplight() if night else daylight(),
        gate_world(3, wash),
        movers,
        seconds,
        GATE_LINE,
        dict(expected),
        defects=Defects(noise=0.02, bloom=0.08, jpeg=95, saturation=0.8)
        if night
        else Defects(exposure=1.35, noise=0.004, bloom=0.04, jpeg=95, saturation=0.95),
        wash_zone=list(WASH_ZONE) if wash else [],
    )

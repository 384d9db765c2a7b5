"""Clips of the road before the gate: trucks that spill, and all that looks like it and is none.

Ten frames a second, so that every second and every fifth give 5 and 2. `ZONE` is the watched road in shares of the
picture. The truth's `spills` give when each has come to rest, its box and its share of the zone, both in the picture.
Tyre tracks of mud are no spill: they are soil from the wheels (车轮带泥) and the muddy truck's violation, while
spillage (道路遗撒) is load that was lost; city code tables keep the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.scenes.clip import Mover, Script
from models.scenes.degrade import Defects
from models.scenes.lighting import Lamp
from models.scenes.litter import Spill, paper, patch
from models.scenes.mesh import Array, Look, Mesh, placed
from models.scenes.parts import Material
from models.scenes.paths import drive, waypoints
from models.scenes.roles import covered, uncovered
from models.scenes.sites import GATE_CAMERA, GATE_LINE, daylight, gate_world, lamplight
from models.scenes.spec import TruckSpec
from models.scenes.vehicles import car, person
from models.scenes.world import ASPHALT, tree

ZONE = ((0.27, 0.53), (0.54, 0.94), (0.98, 0.63), (0.63, 0.3))
SECONDS = 23.0
SPEED, FROM_X = 4.0, -14.0
HALF_M = 4.4
AT_ORIGIN = waypoints([(0, 0, 0), (1, 0, 0)])


def tail_at(x: float, start: float = 0.0) -> float:
    """Seconds at which the tail of a truck that began at `start` is over `x`."""
    return start + (x - FROM_X + HALF_M) / SPEED


def leaving(start: float, spec: TruckSpec, lane: float = 0.4) -> Mover:
    return Mover("truck", start, start + 12, drive(FROM_X, SPEED, start, lane), "out", spec)


def lies(spill: Spill) -> Mover:
    return Mover(None, spill.start, 1e9, AT_ORIGIN, "", shape=spill.shape, spill=True, rests=spill.rests)


def fixed(shape: Array | Callable[[float], Array], start: float = -1.0, end: float = 1e9) -> Mover:
    return Mover(None, start, end, AT_ORIGIN, "", shape=shape)


def scene(
    movers: Sequence[Mover], spills: int = 0, night: bool = False, seconds: float = SECONDS, apron: Look | None = None
) -> Script:
    world = gate_world(3) if apron is None else gate_world(3, apron=apron)
    return Script(
        GATE_CAMERA,
        lamplight() if night else daylight(),
        world,
        sorted(movers, key=lambda m: m.start),
        seconds,
        GATE_LINE,
        {"violations": {"spillage": spills}},
        width=640,
        height=360,
        fps=10,
        defects=Defects(noise=0.012, bloom=0.08, jpeg=95, saturation=0.8)
        if night
        else Defects(exposure=1.35, noise=0.004, bloom=0.04, jpeg=95, saturation=0.95),
        crf=31,
        spill_zone=list(ZONE),
        swing=0.0,
        breeze=0.0,
    )


def heap(**changes: object) -> Spill:
    base = Spill(1, (4.2, 0.2), (2.2, 1.5), start=tail_at(4.5))
    return replace(base, **changes)  # type: ignore[arg-type]


def spill_day() -> Script:
    """A heap of soil lies on the concrete behind an open truck."""
    return scene([leaving(0.0, uncovered(shape_seed=91)), lies(heap())], 1)


def spill_falling() -> Script:
    """Lumps fall from the tail of a driving truck and stay."""
    spill = heap(
        seed=2, centre=(4.0, 0.6), size=(4.2, 1.3), lumps=110, depth=0.02, start=tail_at(2.0), lasting=1.0, largest=0.14
    )
    return scene([leaving(0.0, uncovered(shape_seed=92, cab_colour=(0.7, 0.7, 0.7))), lies(spill)], 1)


def spill_night() -> Script:
    """A heap of soil under lamps, behind a truck with its headlamps on."""
    return scene(
        [leaving(0.0, uncovered(shape_seed=93, lamps_on=True)), lies(heap(seed=3, size=(2.6, 1.8)))], 1, night=True
    )


def spill_asphalt() -> Script:
    """Sand on asphalt: lighter than the road."""
    sand = heap(seed=4, material=Material.SAND, colour=(0.46, 0.36, 0.22), size=(2.4, 1.4))
    return scene([leaving(0.0, uncovered(shape_seed=94)), lies(sand)], 1, apron=ASPHALT)


def spill_rubble() -> Script:
    """Broken concrete, as grey as the road."""
    rubble = heap(seed=5, material=Material.RUBBLE, colour=(0.32, 0.29, 0.27), size=(2.4, 1.8), largest=0.2, depth=0.06)
    return scene([leaving(0.0, uncovered(shape_seed=95)), lies(rubble)], 1)


def spill_first_of_two() -> Script:
    """The first of two trucks spills; the second, six seconds later, drives past it beside."""
    spill = heap(seed=6, centre=(4.4, 1.6), size=(2.0, 1.4))
    second = leaving(7.0, covered(shape_seed=97), -0.8)
    return scene([leaving(0.0, uncovered(shape_seed=96), 1.2), lies(spill), second], 1, seconds=32.0)


def clean() -> Script:
    """A truck, and nothing is left behind."""
    return scene([leaving(0.0, uncovered(shape_seed=91))])


def cloud() -> Script:
    """A cloud's soft shadow comes over half the road while the truck passes, and stays."""

    def veil(t: float, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = picture.shape[:2]
        x = np.linspace(0, 1, width, dtype=np.float32)[None] + np.linspace(0, 0.4, height, dtype=np.float32)[:, None]
        edge = 0.2 + 0.6 * min(max((t - 2.0) / 6.0, 0.0), 1.0)
        shade = 1 - 0.55 / (1 + np.exp((x - edge) / 0.05))
        return (picture * shade[..., None] * np.array([1.0, 1.02, 1.06], np.float32)).astype(np.float32)

    script = clean()
    script.veil = veil
    return script


def tree_shadow() -> Script:
    """The sun comes out while the truck passes: a tree outside the picture throws a lasting shadow on the road."""
    mesh, rng = Mesh(), np.random.default_rng(8)
    for x, y in ((9.3, -8.6), (10.8, -9.6)):
        tree(mesh, rng, x, y)
    script = clean()
    script.world = np.concatenate([script.world, placed(mesh.vertices(), 0.0, 0.0, 0.0, 7.0)])
    script.sun_rises = (3.0, 7.0)
    return script


def puddle() -> Script:
    """Water drips from the truck: a wet patch that dries in the end."""
    wet = fixed(lambda t: patch(4.4, 0.2, 2.6, 1.8, 1, wet=float(np.clip((20 - t) / 6, 0.02, 0.9))), tail_at(4.5))
    return scene([leaving(0.0, covered(shape_seed=98, wheel_wet=0.8)), wet])


def lamps() -> Script:
    """At night a vehicle beside the road switches its headlamps on while the truck passes: two cones stay."""
    script = scene([leaving(0.0, covered(shape_seed=99, lamps_on=True))], night=True)
    beams = [
        Lamp((11.0, 4.5 + side, 0.8), (420.0, 392.0, 336.0), (-0.95, -0.35, -0.14), 0.9, 40) for side in (-0.8, 0.8)
    ]
    script.switched = (3.5, beams)
    return script


def rain() -> Script:
    """It rains on wet ground, with shine and streaks."""
    script = scene([leaving(0.0, covered(shape_seed=100))])
    script.lighting = replace(
        script.lighting, time="overcast", sun_colour=(0.3, 0.3, 0.3), wet=0.8, rain=0.7, zenith=(0.7, 0.73, 0.78)
    )
    script.defects = replace(script.defects, rain=0.7)
    return script


def sheet() -> Script:
    """A sheet of paper blows over the road, resting between gusts."""
    path = waypoints([(5, 1.5, -1.5), (6, 3.0, -0.5), (10, 3.0, -0.5), (11, 4.0, 0.8), (16, 4.0, 0.8), (18, 6.5, 3.6)])
    return scene([leaving(0.0, covered(shape_seed=101)), Mover(None, 5.0, 1e9, path, "", shape=paper())])


def parked() -> Script:
    """A van stops beside the road right behind the truck; its shadow stays on the road."""
    path = waypoints([(3.0, -14.0, -3.6), (9.0, 3.2, -3.6)])
    van = car(np.random.default_rng(5))
    return scene([leaving(0.0, covered(shape_seed=102), 1.4), Mover("car", 3.0, 1e9, path, "out", shape=van)])


def exposure() -> Script:
    """The camera sets its exposure anew while the truck passes, and again later."""

    def veil(t: float, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return (picture * (1.0 if t < 4 else 0.62 if t < 14 else 1.3)).astype(np.float32)

    script = clean()
    script.veil = veil
    return script


def walker() -> Script:
    """A person comes onto the road behind the truck, stands for six seconds and goes on."""
    path = waypoints([(6.0, 3.5, -6.0), (10.0, 3.8, 0.0), (16.0, 3.8, 0.0), (21.0, 4.0, 7.0)], np.pi / 2)
    shape = person(np.random.default_rng(4))
    return scene([leaving(0.0, covered(shape_seed=103)), Mover(None, 6.0, 22.0, path, "across", shape=shape)])


def tracks() -> Script:
    """Muddy wheels print two dark strips on the concrete; that is the muddy truck's violation, not spillage."""
    muddy = covered(shape_seed=104, wheels="muddy", wheel_mud=0.95, wheel_dust=0.5)
    movers = [leaving(0.0, muddy)]
    for k, y in enumerate((-0.65, 1.45)):
        movers.append(fixed(patch(4.0, y, 9.0, 0.5, 10 + k, mud=0.55), tail_at(4.0)))
    return scene(movers)


SPILLS: dict[str, Callable[[], Script]] = {
    "spill-day": spill_day,
    "spill-falling": spill_falling,
    "spill-night": spill_night,
    "spill-asphalt": spill_asphalt,
    "spill-rubble": spill_rubble,
    "spill-first-of-two": spill_first_of_two,
    "road-clean": clean,
    "road-cloud": cloud,
    "road-tree-shadow": tree_shadow,
    "road-puddle": puddle,
    "road-lamps": lamps,
    "road-rain": rain,
    "road-paper": sheet,
    "road-parked": parked,
    "road-exposure": exposure,
    "road-walker": walker,
    "road-tracks": tracks,
}

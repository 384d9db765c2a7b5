"""Scripted clips: a fixed camera, things that move along set paths, and the truth of every frame.

The truth file: `fps`, `frames`, `width`, `height`; `gate_line` in relative coordinates; `passages`, each with class,
direction, load, wheels, and in seconds `t_enter` and `t_leave` (first and last frame in which at least `SEEN` of it
shows), `t_cross` (its box's bottom centre crosses the line; null if it does not), and where there is a `wash_zone`,
`wash_dwell_s` (its bottom centre is in it); where there is a `spill_zone`, `spills`, each with `t_rest` in seconds, its
box and its share of the zone as seen in the last frame, relative; `expected` counts; `boxes`, one row
`[frame, passage, x1, y1, x2, y2, visible]` a thing and frame, in pixels.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera
from models.scenes.degrade import Defects, develop, meter, soften_edges
from models.scenes.labels import box_of
from models.scenes.lighting import Lamp, Lighting, headlamps
from models.scenes.mesh import Array, Colour
from models.scenes.parts import PARTS
from models.scenes.paths import Path2
from models.scenes.scene import Scene, Thing
from models.scenes.spec import TruckSpec
from models.scenes.tipper import truck

SEEN = 0.05


@dataclass
class Mover:
    """Something on its way: `where(t)` gives x, y, yaw; it is in the scene from `start` to `end` seconds.

    `spill` marks what the truth's `spills` tell of, at rest from `rests` seconds on.
    """

    label: str | None
    start: float
    end: float
    where: Path2
    direction: str
    spec: TruckSpec | None = None
    shape: Array | Callable[[float], Array] | None = None
    lit: bool = False
    spill: bool = False
    rests: float = 0.0

    def thing(self, t: float) -> Thing:
        x, y, yaw = self.where(t)
        if self.spec:
            x0, y0, _ = self.where(self.start)
            travelled = float(np.hypot(x - x0, y - y0))
            return Thing(
                self.label, truck(replace(self.spec, spin=-travelled / self.spec.wheel_radius)), x, y, yaw, self.spec
            )
        assert self.shape is not None
        return Thing(self.label, self.shape(t) if callable(self.shape) else self.shape, x, y, yaw)


@dataclass
class Script:
    """A clip to be rendered, from `begin` on.

    `gate_line`, `bays` and `zones` are given on the ground, in metres, and projected; `wash_zone` and `spill_zone` in
    shares of the picture.

    `stays` are (bay, seconds at rest from, until or None); the sun turns by `sun_turn` radians a second, clouds come
    and go by `swing`, leaves move by `breeze`, the sun comes out between the two seconds of `sun_rises`, lamps go on at
    `switched`; `veil` changes the linear picture of a time. `counts` is what `edge-agent demo` prints of it.
    """

    camera: Camera
    lighting: Lighting
    world: Array
    movers: list[Mover]
    seconds: float
    gate_line: tuple[tuple[float, float], tuple[float, float]] | None
    expected: dict[str, Any]
    width: int = 1280
    height: int = 720
    fps: int = 5
    ground_dirt: float = 0.2
    mud_colour: Colour = (0.17, 0.10, 0.055)
    dust_colour: Colour = (0.38, 0.31, 0.23)
    defects: Defects = field(
        default_factory=lambda: Defects(exposure=1.35, noise=0.004, bloom=0.04, jpeg=95, saturation=0.95)
    )
    crf: int = 30
    bays: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    zones: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    stays: list[tuple[str, float, float | None]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    wash_zone: list[tuple[float, float]] = field(default_factory=list)
    spill_zone: list[tuple[float, float]] = field(default_factory=list)
    begin: float = 0.0
    sun_turn: float = 0.0
    swing: float = 1.0
    breeze: float = 1.7
    sun_rises: tuple[float, float] | None = None
    switched: tuple[float, list[Lamp]] | None = None
    veil: Callable[[float, NDArray[np.float32]], NDArray[np.float32]] | None = None


def write(name: str, out: Path, truth: Path, scale: float = 1.0, fps: int | None = None) -> None:
    """Render the script called `name`; `scale` makes its pictures smaller, `fps` is its own unless given."""
    from models.scenes.render import Renderer
    from models.scenes.scripts import SCRIPTS
    from models.scenes.video import Encoder

    script = SCRIPTS[name]()
    script.fps = fps or script.fps
    width, height = int(script.width * scale) // 2 * 2, int(script.height * scale) // 2 * 2
    renderer = Renderer(width, height, samples=0, shadow=2048)
    labelled = [k for k, m in enumerate(script.movers) if m.label]
    numbers = {k: n for n, k in enumerate(labelled)}
    rows: list[list[Any]] = []
    metering, before = None, None
    count = round(script.seconds * script.fps)
    with Encoder(out, width, height, script.fps, script.crf) as encoder:
        for i in range(count):
            t = script.begin + i / script.fps
            scene, present = frame(script, t)
            seen = (scene.vertices().tobytes(), repr(scene.lighting), scene.sway)
            if seen != before:
                linear, idents, alone = renderer.render(scene)
                before = seen
            if metering is None:
                metering = meter(linear, script.lighting)
            veiled = script.veil(t, linear) if script.veil else linear
            encoder.add(
                develop(
                    soften_edges(veiled, idents),
                    script.lighting,
                    script.defects,
                    np.random.default_rng([22, i]),
                    metering,
                )
            )
            rows += _boxes(i, present, numbers, idents, alone)
            print(f"\r{name}: frame {i + 1} of {count}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    spills = _spills(script, present, idents)
    truth.write_text(_dump(_truth(script, out.name, width, height, count, rows, spills)))


def frame(script: Script, t: float) -> tuple[Scene, list[int]]:
    """The scene at `t` seconds and which movers its things are; clouds and leaves move a little."""
    present = [k for k, m in enumerate(script.movers) if m.start <= t <= m.end]
    things = [script.movers[k].thing(t) for k in present]
    swing = 1 + script.swing * (0.05 * np.sin(t * 0.23) + 0.03 * np.sin(t * 0.71 + 1))
    sun, (sx, sy, sz) = script.lighting.sun_colour, script.lighting.sun_direction
    c, s = float(np.cos(script.sun_turn * t)), float(np.sin(script.sun_turn * t))
    if script.sun_rises:
        swing *= float(np.interp(t, script.sun_rises, (0.12, 1.0)))
    lamps = list(script.lighting.lamps)
    if script.switched and t >= script.switched[0]:
        lamps += script.switched[1]
    for k, thing in zip(present, things, strict=True):
        if script.movers[k].lit or (thing.spec and thing.spec.lamps_on):
            lamps += headlamps(thing.x, thing.y, thing.yaw, thing.size[0], 120)
    light = replace(
        script.lighting,
        sun_colour=(sun[0] * swing, sun[1] * swing, sun[2] * swing),
        sun_direction=(c * sx - s * sy, s * sx + c * sy, sz),
        lamps=lamps,
    )
    scene = Scene(
        script.camera,
        light,
        script.world,
        things,
        script.mud_colour,
        script.dust_colour,
        0.5,
        script.ground_dirt,
        t * script.breeze,
        (float(script.camera.target[0]), float(script.camera.target[1]), 0.0),
    )
    return scene, present


def _boxes(
    index: int,
    present: list[int],
    numbers: dict[int, int],
    idents: NDArray[np.int32],
    alone: dict[int, NDArray[np.int32]],
) -> list[list[Any]]:
    rows = []
    for number, shape in alone.items():
        mask = idents // PARTS == number
        box = box_of(mask)
        if box is not None and mask.sum() >= 30:
            rows.append(
                [index, numbers[present[number - 1]], *box, round(float(mask.sum()) / float((shape > 0).sum()), 3)]
            )
    return rows


def _spills(script: Script, present: list[int], idents: NDArray[np.int32]) -> list[dict[str, Any]]:
    """What lies in the zone in the last frame."""
    height, width = idents.shape
    zone = np.zeros(idents.shape, np.uint8)
    if script.spill_zone:
        cv2.fillPoly(zone, [(np.array(script.spill_zone) * (width, height)).round().astype(np.int32)], 1)
    out = []
    for number, k in enumerate(present, 1):
        mask = (idents // PARTS == number) & (zone > 0)
        box = box_of(mask)
        if script.movers[k].spill and box is not None:
            relative = [round(float(v), 4) for v in np.array(box) / (width, height, width, height)]
            share = round(float(mask.sum()) / float(zone.sum()), 4)
            out.append({"t_rest": round(script.movers[k].rests - script.begin, 2), "box": relative, "share": share})
    return out


def _truth(
    script: Script,
    name: str,
    width: int,
    height: int,
    count: int,
    rows: list[list[Any]],
    spills: list[dict[str, Any]],
) -> dict[str, Any]:
    def relative(points: Sequence[tuple[float, float]]) -> list[list[float]]:
        pixels, _ = script.camera.project(np.array([(*p, 0.0) for p in points]), width, height)
        return [[round(float(x) / width, 4), round(float(y) / height, 4)] for x, y in pixels]

    line = relative(script.gate_line) if script.gate_line else None
    passages = []
    for k, m in enumerate(m for m in script.movers if m.label):
        mine = [r for r in rows if r[1] == k and r[6] >= SEEN]
        spec = m.spec
        passages.append(
            {
                "class": m.label,
                "direction": m.direction,
                "load": spec.load if spec else None,
                "wheels": spec.wheels if spec else None,
                "t_enter": mine[0][0] / script.fps if mine else None,
                "t_cross": _crossing(mine, np.array(line) * (width, height), script.fps) if line else None,
                "t_leave": mine[-1][0] / script.fps if mine else None,
                **({"wash_dwell_s": _dwell(mine, script, width, height)} if script.wash_zone and spec else {}),
            }
        )
    return {
        "clip": name,
        "width": width,
        "height": height,
        "fps": script.fps,
        "frames": count,
        **({"gate_line": line} if line else {}),
        **({"wash_zone": script.wash_zone} if script.wash_zone else {}),
        **({"spill_zone": script.spill_zone, "spills": spills} if script.spill_zone else {}),
        **({"bays": {name: relative(corners) for name, corners in script.bays.items()}} if script.bays else {}),
        **({"zones": {name: relative(corners) for name, corners in script.zones.items()}} if script.zones else {}),
        **({"stays": [{"bay": b, "t_in": i, "t_out": o} for b, i, o in script.stays]} if script.stays else {}),
        "passages": passages,
        **({"counts": script.counts} if script.counts else {}),
        "expected": script.expected,
        "boxes": rows,
    }


def _crossing(rows: list[list[Any]], line: NDArray[np.float64], fps: int) -> float | None:
    """Seconds at which the bottom centre changes sides of the line, between frames, for the last time."""
    a, b = line
    sides = [float((b[0] - a[0]) * (r[5] - a[1]) - (b[1] - a[1]) * ((r[2] + r[4]) / 2 - a[0])) for r in rows]
    found = None
    for (p, s), (q, u) in zip(zip(rows, sides, strict=True), list(zip(rows, sides, strict=True))[1:], strict=False):
        if s * u < 0:
            found = round((p[0] + s / (s - u) * (q[0] - p[0])) / fps, 2)
    return found


def _dwell(rows: list[list[Any]], script: Script, width: int, height: int) -> float:
    """Seconds for which the bottom centre of the box lies in the wash zone."""
    zone = np.array(script.wash_zone, np.float32)
    feet = [((r[2] + r[4]) / 2 / width, r[5] / height) for r in rows]
    return sum(cv2.pointPolygonTest(zone, foot, False) > 0 for foot in feet) / script.fps


def _dump(truth: dict[str, Any]) -> str:
    """JSON with one passage and one box a line."""
    rows = truth.pop("boxes")
    passages = truth.pop("passages")
    head = json.dumps(truth, indent=1)[:-2]
    lines = ",\n".join("  " + json.dumps(p) for p in passages)
    boxes = ",\n".join("  " + json.dumps(r) for r in rows)
    return f'{head},\n "passages": [\n{lines}\n ],\n "boxes": [\n{boxes}\n ]\n}}\n'

"""What a picture shows, read from the ident picture: boxes, and the states that can be judged from it.

A box is the extent of a thing's visible pixels, [x1, y1, x2, y2], half open. `visible` is the share of the
thing's pixels that nothing hides; `inside` is the share of its whole outline that lies in the picture.

Load is judged from what closes or fills the bed. With T the truck's visible pixels:
- `uncovered` (a half-drawn or torn cover among it) needs load pixels >= 1.2 % of T, `covered` cover pixels >= 1.5 %;
- `empty` needs inner pixels >= 2.5 % of T, of which >= 1 % of T lie below 40 % of the walls' height;
- a truck whose bed shows too little of what decides, or less than 24 pixels of it, is `unknown`.
Wheels are judged if the visible wheels have together >= 1 % of T and the tallest one is at least 10 pixels high.
Whatever is too dark in the finished picture (95th percentile of its grey below 26, or a spread below 3.5) is `unknown`.
Closed bodies (box, tanker) count as `covered`; a mixer's load is `unknown`; `kind` tells them apart.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.parts import PARTS, Part
from models.scenes.scene import Scene, Thing

Idents = NDArray[np.int32]
Box = list[int]
MIN_PIXELS = 12


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(ys):
        return None
    return [int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1]


def _inside(scene: Scene, thing: Thing, number: int, width: int, height: int) -> float:
    """Share of the thing's projected extent that lies in the picture."""
    points, ahead = scene.camera.project(thing.vertices(number)[::7, :3].astype(float), width, height)
    if not ahead.all():
        return 0.5 * float(ahead.mean())
    low, high = points.min(0), points.max(0)
    area = float(np.prod(np.maximum(high - low, 1e-6)))
    cut = np.clip(high, 0, (width, height)) - np.clip(low, 0, (width, height))
    return float(np.prod(np.maximum(cut, 0)) / area)


def label(scene: Scene, idents: Idents, alone: dict[int, Idents], picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """One entry a visible thing, nearest information first; wheels refer to their vehicle by `of`."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = idents.shape
    owner, part = idents // PARTS, idents % PARTS
    out: list[dict[str, Any]] = []
    for number, shape in alone.items():
        thing = scene.things[number - 1]
        mine = owner == number
        visible = int(mine.sum())
        if visible < MIN_PIXELS:
            continue
        total = int((shape > 0).sum())
        entry: dict[str, Any] = {
            "id": number,
            "label": thing.label,
            "box": box_of(mine),
            "visible": round(visible / max(total, 1), 3),
            "inside": round(_inside(scene, thing, number, width, height), 3),
        }
        out.append(entry)
        wheels = _wheels(number, mine, part, shape % PARTS * (shape > 0))
        if thing.spec:
            entry["kind"] = thing.spec.kind
            entry["load"], entry["load_share"] = _load(thing, mine, part, grey, visible)
            entry["wheels"], entry["wheel_share"] = _wheel_state(
                thing, mine & (part >= Part.WHEEL), wheels, grey, visible
            )
            entry["truth"] = {
                "load": thing.spec.load,
                "wheels": thing.spec.wheels,
                "cover": thing.spec.cover,
                "draw": round(thing.spec.draw, 2),
                "mud": round(thing.spec.wheel_mud, 2),
                "dust": round(thing.spec.wheel_dust, 2),
                "wet": round(thing.spec.wheel_wet, 2),
                "tilt": round(thing.spec.tilt, 2),
            }
        out.extend(wheels)
    return out


def _wheels(number: int, mine: NDArray[np.bool_], part: Idents, alone: Idents) -> list[dict[str, Any]]:
    out = []
    for p in range(Part.WHEEL, Part.WHEEL + 8):
        mask = mine & (part == p)
        count = int(mask.sum())
        if count < MIN_PIXELS:
            continue
        out.append(
            {
                "label": "wheel",
                "of": number,
                "box": box_of(mask),
                "visible": round(count / max(int((alone == p).sum()), 1), 3),
            }
        )
    return out


def _readable(mask: NDArray[np.bool_], grey: NDArray[np.uint8]) -> bool:
    values = grey[mask]
    return len(values) >= 24 and float(np.percentile(values, 95)) >= 26 and float(values.std()) >= 3.5


def _load(
    thing: Thing, mine: NDArray[np.bool_], part: Idents, grey: NDArray[np.uint8], visible: int
) -> tuple[str, float]:
    spec = thing.spec
    assert spec is not None
    if spec.kind in ("box", "tanker"):
        return "covered", 1.0
    if spec.kind == "mixer":
        return "unknown", 0.0
    cover, load = mine & (part == Part.COVER), mine & (part == Part.LOAD)
    floor, wall = mine & (part == Part.FLOOR), mine & (part == Part.WALL)
    share = {
        name: float(m.sum()) / visible
        for name, m in (("cover", cover), ("load", load), ("floor", floor), ("wall", wall))
    }
    decides = round(sum(share.values()), 3)
    if spec.load == "covered":
        judged = share["cover"] >= 0.015 and _readable(cover, grey)
    elif spec.load == "uncovered":
        judged = share["load"] >= 0.012 and _readable(load, grey)
    else:
        judged = share["floor"] + share["wall"] >= 0.025 and share["floor"] >= 0.01 and _readable(floor | wall, grey)
    return (spec.load if judged else "unknown"), decides


def _wheel_state(
    thing: Thing, mask: NDArray[np.bool_], wheels: list[dict[str, Any]], grey: NDArray[np.uint8], visible: int
) -> tuple[str, float]:
    assert thing.spec is not None
    share = float(mask.sum()) / visible
    tallest = max((w["box"][3] - w["box"][1] for w in wheels), default=0)
    judged = share >= 0.01 and tallest >= 10 and _readable(mask, grey)
    return (thing.spec.wheels if judged else "unknown"), round(share, 3)

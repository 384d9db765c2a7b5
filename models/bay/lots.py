"""Rendered parking lots: random rows of bays, vehicles, light, weather and cameras, with the truth of every bay.

`python -m models.bay.lots --out DIR --count N --seed S` writes pictures and `lots.jsonl`, one line a picture; it may be
stopped and started again. A bay is `occupied` when vehicles cover at least 35 % of its ground, `free` under 8 %; what
lies between, and what other things hide, is left out. Half the pictures are bent as a wide lens bends them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera
from models.scenes.degrade import develop, sample_defects, soften_edges
from models.scenes.lighting import Lamp, headlamps, sample_lighting, scaled
from models.scenes.mesh import Colour, Look, Mesh
from models.scenes.parts import PARTS, Material
from models.scenes.render import Renderer
from models.scenes.scene import Scene, Thing
from models.scenes.spec import pick, sample_tipper
from models.scenes.tipper import truck
from models.scenes.vehicles import car, person, tricycle
from models.scenes.world import building, ground, tree

SIZE = (576, 336)
OCCUPIED, FREE = 0.35, 0.08
SURFACES: tuple[tuple[Material, Colour], ...] = (
    (Material.ASPHALT, (0.085, 0.085, 0.088)),
    (Material.ASPHALT, (0.045, 0.045, 0.048)),
    (Material.ASPHALT, (0.16, 0.16, 0.165)),
    (Material.CONCRETE, (0.36, 0.35, 0.33)),
    (Material.CONCRETE, (0.24, 0.23, 0.22)),
    (Material.BRICK, (0.36, 0.20, 0.14)),
    (Material.BRICK, (0.38, 0.33, 0.26)),
    (Material.BRICK, (0.20, 0.20, 0.20)),
    (Material.DIRT, (0.24, 0.18, 0.12)),
    (Material.GRASS, (0.10, 0.15, 0.05)),
)
LINES: tuple[Colour, ...] = ((0.65, 0.65, 0.63), (0.4, 0.4, 0.39), (0.65, 0.45, 0.05), (0.05, 0.15, 0.45))
Points = NDArray[np.float64]


@dataclass
class Lot:
    """Corners (4, 2) on the ground of every bay, its heading, and what stands there."""

    mesh: Mesh
    bays: list[Points]
    headings: list[float]


class LotScene(Scene):
    """A scene whose things are not drawn once more alone: nothing here needs their boxes."""

    def ranges(self) -> dict[int, tuple[int, int]]:
        return {}


def sample_lot(rng: np.random.Generator) -> Lot:
    """One to six rows of bays at 90, 60 or 45 degrees or along the kerb, around the origin."""
    mesh = Mesh()
    material, colour = SURFACES[rng.choice(len(SURFACES), p=[0.2, 0.15, 0.13, 0.12, 0.1, 0.08, 0.08, 0.08, 0.04, 0.02])]
    ground(mesh, Look(material, pick(rng, (colour,), 0.2)), -90, 90, -90, 90, 0.0)
    width, depth = rng.uniform(2.3, 2.9), rng.uniform(4.8, 6.0)
    slant = float(np.radians(rng.choice([0, 0, 0, rng.uniform(15, 45)]))) * float(rng.choice([-1, 1]))
    along = rng.random() < 0.12
    if along:
        width, depth, slant = rng.uniform(5.5, 6.5), rng.uniform(2.1, 2.6), 0.0
    lot = Lot(mesh, [], [])
    y = -rng.uniform(4, 16)
    back_to_back = rng.random() < 0.6
    line = pick(rng, LINES, 0.25)
    marked = rng.random() < 0.93
    thick = float(rng.uniform(0.08, 0.18))
    closed = rng.random() < 0.4
    floor = Look(*_other(rng, material)) if rng.random() < 0.12 else None
    for row in range(int(rng.integers(1, 7))):
        count = int(rng.integers(5, 15)) if not along else int(rng.integers(2, 7))
        x0 = -count * width / 2 + rng.normal(0, 2)
        shift = depth * np.tan(slant)
        if floor is not None:
            ground(mesh, floor, x0 - 1, x0 + count * width + 1, y, y + depth, 0.003)
        for k in range(count):
            a = x0 + k * width
            bay = np.array([[a, y], [a + width, y], [a + width + shift, y + depth], [a + shift, y + depth]])
            lot.bays.append(bay)
            lot.headings.append((0.0 if along else np.pi / 2 - slant) + (np.pi if rng.random() < 0.4 else 0.0))
        if marked:
            _mark(mesh, rng, line, thick, closed, x0, y, width, depth, shift, count)
        if rng.random() < 0.2:
            mesh.box((x0 + count * width / 2, y + depth + 0.2, 0.08), (count * width, 0.25, 0.16), _grey(rng))
        y += depth + (0.0 if back_to_back and row % 2 == 0 else rng.uniform(4.5, 8))
    if rng.random() < 0.5:
        ground(mesh, Look(Material.GRASS, pick(rng, ((0.10, 0.15, 0.04),))), -90, 90, y + 1, 90, 0.02)
        for x in np.arange(-24, 24, rng.uniform(4, 9)):
            if rng.random() < 0.7:
                tree(mesh, rng, x + rng.normal(0, 1), y + rng.uniform(2, 5))
    if rng.random() < 0.5:
        building(mesh, rng, rng.uniform(-30, 30), y + rng.uniform(20, 50), site=False)
    _stains(mesh, rng, y)
    return lot


def _other(rng: np.random.Generator, than: Material) -> tuple[Material, Colour]:
    choices = [s for s in SURFACES if s[0] != than]
    material, colour = choices[rng.integers(len(choices))]
    return material, pick(rng, (colour,), 0.2)


def _grey(rng: np.random.Generator) -> Look:
    k = float(rng.uniform(0.2, 0.45))
    return Look(Material.CONCRETE, (k, k, k * 0.97))


def _mark(
    mesh: Mesh,
    rng: np.random.Generator,
    colour: Colour,
    thick: float,
    closed: bool,
    x0: float,
    y: float,
    width: float,
    depth: float,
    shift: float,
    count: int,
) -> None:
    """Lines between bays, with luck across their ends, numbers, wheel stops and arrows in the aisle."""
    look = Look(Material.MARKING, colour)
    for k in range(count + 1):
        a = x0 + k * width
        length = 1.0 if rng.random() < 0.97 else rng.uniform(0.2, 0.8)
        mesh.beam((a, y, 0.004), (a + shift * length, y + depth * length, 0.004), thick, look)
        if closed:
            for end in (0.0, 1.0):
                mesh.box((a + shift * end, y + depth * end, 0.004), (0.8, thick, 0.01), look)
    if closed and rng.random() < 0.5:
        mesh.box((x0 + shift + count * width / 2, y + depth, 0.004), (count * width, thick, 0.01), look)
    numbered, stops, signs = rng.random() < 0.3, rng.random() < 0.3, rng.random() < 0.15
    for k in range(count):
        a = x0 + (k + 0.5) * width
        if numbered:
            for d in range(int(rng.integers(2, 4))):
                x = a - 0.4 + 0.4 * d
                mesh.box((x, y + 0.6, 0.004), (0.06, 0.5, 0.01), look)
                mesh.box((x + 0.1, y + 0.6 + rng.choice([-0.22, 0, 0.22]), 0.004), (0.22, 0.06, 0.01), look)
        if stops:
            mesh.box((a + shift * 0.85, y + depth * 0.85, 0.06), (1.6, 0.16, 0.12), _grey(rng))
        if signs and rng.random() < 0.4:
            size = rng.uniform(0.7, 1.5)
            tint = (0.03, 0.12, 0.45) if rng.random() < 0.4 else colour
            mesh.box((a + shift * 0.5, y + depth * 0.5, 0.004), (size, size, 0.01), Look(Material.MARKING, tint))
    if rng.random() < 0.4:
        for x in np.arange(x0, x0 + count * width, 6.0):
            mesh.box((x, y - 2.5, 0.004), (2.5, 0.12, 0.01), look)


def _stains(mesh: Mesh, rng: np.random.Generator, y: float) -> None:
    """Oil spots, patches of fresh asphalt, puddles, manholes."""
    for _ in range(int(rng.poisson(10))):
        x, z = rng.uniform(-16, 16), rng.uniform(-14, y)
        r = rng.uniform(0.15, 1.1)
        k = float(rng.choice([0.02, 0.05, 0.12, 0.3]))
        look = Look(Material.ASPHALT, (k, k, k), wet=float(rng.choice([0.0, 0.9], p=[0.6, 0.4])))
        if rng.random() < 0.3:
            mesh.box((x, z, 0.002), (r * 2, r * rng.uniform(1, 3), 0.006), look)
        else:
            mesh.cylinder((x, z, 0.0), (x, z, 0.005), r, look, 14)


def _vehicles(rng: np.random.Generator, lot: Lot, dark: bool) -> list[Thing]:
    """Vehicles in the bays by a share drawn for the lot, a few across lines or in the aisle, people, three-wheelers."""
    share = float(rng.choice([rng.uniform(0.1, 0.9), 0.5], p=[0.7, 0.3]))
    things: list[Thing] = []
    for bay, heading in zip(lot.bays, lot.headings, strict=True):
        if rng.random() > share:
            continue
        x, y = bay.mean(0) + rng.normal(0, 0.15, 2)
        yaw = heading + rng.normal(0, 0.03)
        if rng.random() < 0.06:
            x, y = (x + rng.uniform(-1.2, 1.2), y + rng.uniform(-1.2, 1.2))
            yaw += rng.normal(0, 0.2)
        lit = bool(dark and rng.random() < 0.06)
        draw = rng.random()
        if draw < 0.93:
            thing = Thing("car", car(rng, lit), x, y, yaw)
        elif draw < 0.97:
            thing = Thing("other_vehicle", tricycle(rng), x, y, yaw)
        else:
            spec = sample_tipper(rng)
            spec.length, spec.axles, spec.steer_axles = float(rng.uniform(5.2, 6.2)), 2, 1
            thing = Thing("truck", truck(spec), x, y, yaw, spec)
        things.append(thing)
    for _ in range(int(rng.poisson(0.7))):
        x, y, yaw = rng.uniform(-15, 15), rng.uniform(-15, 18), rng.uniform(0, 2 * np.pi)
        if all(np.hypot(x - t.x, y - t.y) > 4.8 for t in things):
            things.append(Thing("car", car(rng, dark), x, y, yaw))
    for _ in range(int(rng.poisson(1.5))):
        things.append(Thing(None, person(rng), rng.uniform(-12, 12), rng.uniform(-10, 14), rng.uniform(0, 6)))
    return things


def sample_camera(rng: np.random.Generator, lot: Lot) -> Camera:
    """From a lamp post, a roof or straight above; nearer ones see fewer bays."""
    corners = np.concatenate(lot.bays)
    target = lot.bays[rng.integers(len(lot.bays))].mean(0)
    target = target * rng.uniform(0.2, 1.0) + corners.mean(0) * 0.2
    tilt = np.radians(rng.choice([rng.uniform(9, 25), rng.uniform(25, 60), rng.uniform(60, 88)], p=[0.35, 0.4, 0.25]))
    azimuth = rng.choice([-np.pi / 2 + rng.normal(0, 0.6), rng.uniform(0, 2 * np.pi)], p=[0.7, 0.3])
    height = rng.uniform(4, 14) if tilt < 1.0 else rng.uniform(9, 26)
    away = height / np.tan(tilt)
    eye = (target[0] + away * np.cos(azimuth), target[1] + away * np.sin(azimuth), height)
    fov = np.radians(rng.uniform(35, 95))
    return Camera(
        (float(eye[0]), float(eye[1]), float(eye[2])),
        (float(target[0]), float(target[1]), 0.0),
        float(fov),
        float(rng.normal(0, 0.05)),
    )


def compose(seed: int) -> tuple[LotScene, Lot]:
    """A random lot from a seed."""
    rng = np.random.default_rng([30, seed])
    light = sample_lighting(rng)
    lot = sample_lot(rng)
    things = _vehicles(rng, lot, light.dark)
    camera = sample_camera(rng, lot)
    focus = (float(camera.target[0]), float(camera.target[1]), 0.0)
    things.sort(key=lambda t: np.hypot(t.x - focus[0], t.y - focus[1]))
    if light.time == "infrared":
        d = tuple(b - a for a, b in zip(camera.eye, camera.target, strict=True))
        light.lamps.append(Lamp(camera.eye, scaled((1, 1, 1), float(rng.uniform(100, 500))), d, 0.5, 80))  # type: ignore[arg-type]
    elif light.dark:
        for _ in range(int(rng.integers(1, 5))):
            x, y = rng.uniform(-18, 18), rng.uniform(-14, 18)
            tint = scaled((1.0, rng.uniform(0.7, 1.0), rng.uniform(0.4, 1.0)), float(rng.uniform(50, 250)))
            light.lamps.append(Lamp((x, y, float(rng.uniform(5, 10))), tint))
        for t in things:
            if t.label == "car" and rng.random() < 0.05:
                light.lamps.extend(headlamps(t.x, t.y, t.yaw, t.size[0], float(rng.uniform(60, 200))))
    scene = LotScene(camera, light, lot.mesh.vertices(), things, ground_dirt=float(rng.uniform(0, 0.45)), focus=focus)
    return scene, lot


def truth(scene: Scene, lot: Lot, idents: NDArray[np.int32]) -> list[dict[str, Any]]:
    """State and picture polygon (relative) of every bay that can be told."""
    height, width = idents.shape
    feet = [_foot(t) for t in scene.things if t.label]
    numbers = [n for n, t in enumerate(scene.things, 1) if t.label]
    u, v = np.meshgrid((np.arange(8) + 0.5) / 8, (np.arange(12) + 0.5) / 12)
    found: list[dict[str, Any]] = []
    owners = idents // PARTS
    for bay in lot.bays:
        pixels, ahead = scene.camera.project(np.column_stack([bay, np.zeros(4)]), width, height)
        if not ahead.all() or (pixels.max(0) < 0).any() or (pixels.min(0) > (width, height)).any():
            continue
        inside = cv2.intersectConvexConvex(
            pixels.astype(np.float32), np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        )[0] / max(float(cv2.contourArea(pixels.astype(np.float32))), 1e-6)
        if inside < 0.6 or min(np.ptp(pixels, axis=0)) < 5:
            continue
        grid = bay[0] + u.reshape(-1, 1) * (bay[1] - bay[0]) + v.reshape(-1, 1) * (bay[3] - bay[0])
        cover = [np.mean([cv2.pointPolygonTest(f, (float(x), float(y)), False) >= 0 for x, y in grid]) for f in feet]
        total = sum(cover)
        state = "occupied" if total >= OCCUPIED else "free" if total < FREE else None
        if state is None:
            continue
        if state == "free":
            spots, seen = _pick(scene.camera, np.column_stack([grid, np.zeros(len(grid))]), owners)
            clear = float(np.mean(spots[seen] == 0)) if seen.any() else 0.0
        else:
            best = int(np.argmax(cover))
            lifted = np.column_stack([grid, np.full(len(grid), 0.9)])
            under = np.array([cv2.pointPolygonTest(feet[best], (float(x), float(y)), False) >= 0 for x, y in grid])
            spots, seen = _pick(scene.camera, lifted[under], owners)
            clear = float(np.mean(spots[seen] == numbers[best])) if seen.any() else 0.0
        if clear < 0.35:
            continue
        polygon = [[round(float(x) / width, 5), round(float(y) / height, 5)] for x, y in pixels]
        found.append({"state": state, "polygon": polygon, "clear": round(clear, 2)})
    return found


def _foot(t: Thing) -> NDArray[np.float32]:
    length, width, _ = t.size
    c, s = np.cos(t.yaw), np.sin(t.yaw)
    half = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (length / 2, min(width, 2.0) / 2)
    return np.asarray(half @ np.array([[c, s], [-s, c]]) + (t.x, t.y), np.float32)


def _pick(camera: Camera, points: Points, owners: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    height, width = owners.shape
    pixels, ahead = camera.project(points, width, height)
    x, y = np.round(pixels).astype(int).T
    seen = ahead & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return owners[y.clip(0, height - 1), x.clip(0, width - 1)], seen


def bent(image: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    """`image` as a lens shows it that bends straight lines outwards; the corners stay where they are."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    source = _straight(np.stack([x / width, y / height], axis=2), strength) * (width, height) - 0.5
    return np.asarray(cv2.remap(image, source.astype(np.float32), None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]


def bend(points: Points, strength: float) -> Points:
    """Where `points` (n, 2), in shares of the picture, lie in the bent one."""
    found = points.copy()
    for _ in range(20):
        found += points - _straight(found, strength)
    return found


def _straight(points: Points, strength: float) -> Points:
    """Of points in a bent picture, where they lie in the straight one (radial distortion of the first order)."""
    away = points - 0.5
    square = (away * away).sum(-1, keepdims=True) * 2
    made: Points = 0.5 + away * (1 + strength * square) / (1 + strength)
    return made


def render(out: Path, count: int, seed: int = 1) -> Path:
    """Writes `count` lots and `lots.jsonl` to the folder `out`, which is returned; what is there is not made again."""
    out.mkdir(parents=True, exist_ok=True)
    index = out / "lots.jsonl"
    done = {json.loads(line)["seed"] for line in index.read_text().splitlines()} if index.exists() else set()
    wanted = [each for each in range(seed, seed + count) if each not in done]
    if not wanted:
        return out
    renderer = Renderer(*SIZE, samples=0, shadow=1536)
    with index.open("a") as lines:
        for each in wanted:
            scene, lot = compose(each)
            linear, idents, _ = renderer.render(scene)
            bays = truth(scene, lot, idents)
            rng = np.random.default_rng([31, each])
            image = develop(soften_edges(linear, idents), scene.lighting, sample_defects(rng, scene.lighting), rng)
            if rng.random() < 0.5:
                strength = float(rng.uniform(0.05, 0.5))
                image = bent(image, strength)
                for bay in bays:
                    bay["polygon"] = bend(np.array(bay["polygon"]), strength).round(5).tolist()
            name = f"{each:06d}.jpg"
            cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, 93])
            lines.write(json.dumps({"seed": each, "file": name, "light": scene.lighting.time, "bays": bays}) + "\n")
            lines.flush()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.lots", description="Render parking lots with truth.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    render(given.out, given.count, given.seed)


if __name__ == "__main__":
    main()

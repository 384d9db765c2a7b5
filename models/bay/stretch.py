"""A rendered stretch of a pole's day: a section of bays under changing weather, who comes and goes, and the true stays.

Besides cars that park there are all who must make no stay: people who walk through bays or stand in them, motorcycles
that ride by and park, cars that pass, that turn in a bay for 3 s, that wait in the aisle, and a bus or lorry there that
hides bays for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.bay.lots import SURFACES, LotScene
from models.bay.weather import Weather, drops, sample_weather
from models.scenes.camera import Camera
from models.scenes.clip import Mover, Script, frame
from models.scenes.degrade import Metering, develop, meter, soften_edges
from models.scenes.mesh import Array, Look, Mesh
from models.scenes.parts import Material
from models.scenes.paths import into_bay, waypoints
from models.scenes.render import Renderer
from models.scenes.spec import pick, sample_tipper
from models.scenes.tipper import truck
from models.scenes.vehicles import bus, car, motorcycle, person
from models.scenes.world import CONCRETE, GRASS, WHITE, building, ground, tree

SIZE = (640, 360)
LEAST_PX = 10
AISLE, FAR = 6.0, 45.0
COMES_S, LEAVES_S = 12.0, 14.0
Picture = NDArray[np.uint8]


class Stretch:
    """Stretch number `seed`: `bays` in view (shares of the picture), true `stays`, and its `pictures`."""

    def __init__(self, seed: int, kind: str, seconds: float) -> None:
        self._rng = rng = np.random.default_rng([71, seed])
        self.seed, self.seconds = seed, seconds
        self._pitch, self._depth = float(rng.uniform(2.45, 2.8)), float(rng.uniform(5.0, 5.6))
        half = self._depth / 2
        second = 2 * self._depth + AISLE
        self._rows = [(-AISLE / 2 - half, 0.0), (AISLE / 2 + half, 0.0), (second - AISLE / 2 - half, second)]
        self._rows.append((second + AISLE / 2 + half, second))
        self._columns = int(rng.integers(11, 15))
        eye = (float(rng.normal(0, 4)), float(rng.uniform(-22, -17)), float(rng.uniform(10, 15)))
        self.camera = Camera(eye, (float(rng.normal(0, 2)), 3.5, 0.0), float(np.radians(rng.uniform(70, 84))))
        posts = [(x, y, 8.0) for x in (-11.0, 11.0) for y in (self._rows[0][0] - 3, second + AISLE / 2)]
        self.weather: Weather = sample_weather(rng, kind, seconds, posts)
        self.bays = self._in_view()
        self.stays: list[tuple[str, float, float | None]] = []
        self._movers: list[Mover] = []
        self._people_the_lot()
        self._script = Script(
            self.camera, self.weather.light(0.0), self._world(posts), self._movers, seconds, None, {}, *SIZE, swing=0.0
        )

    def pictures(self, renderer: Renderer, every_s: float) -> Iterator[tuple[float, Picture]]:
        """Seconds and picture; the camera's exposure follows the light within a few pictures."""
        metering: Metering | None = None
        for index in range(int(self.seconds / every_s)):
            t = index * every_s
            light, defects = self.weather.light(t), self.weather.defects(t)
            scene, _ = frame(replace(self._script, lighting=light), t)
            linear, idents, _ = renderer.render(LotScene(**vars(scene)))
            now = meter(linear, scene.lighting)
            before = metering or now
            metering = Metering(*(0.6 * a + 0.4 * b for a, b in ((before.gain, now.gain), (before.black, now.black))))
            rng = np.random.default_rng([72, self.seed, index])
            image = develop(soften_edges(linear, idents), light, defects, rng, metering)
            if self.weather.drops_s:
                image = drops(image, np.random.default_rng([73, self.seed, int(t / self.weather.drops_s)]))
            yield t, image

    def _centre(self, row: int, column: int) -> tuple[float, float]:
        return (column - (self._columns - 1) / 2) * self._pitch, self._rows[row][0]

    def _corners(self, row: int, column: int) -> NDArray[np.float64]:
        x, y = self._centre(row, column)
        w, d = self._pitch / 2, self._depth / 2
        return np.array([(x - w, y - d), (x + w, y - d), (x + w, y + d), (x - w, y + d)])

    def _in_view(self) -> dict[str, list[tuple[float, float]]]:
        found = {}
        for row in range(len(self._rows)):
            for column in range(self._columns):
                ground_points = np.column_stack([self._corners(row, column), np.zeros(4)])
                pixels, ahead = self.camera.project(ground_points, *SIZE)
                inside = ahead.all() and (pixels >= 2).all() and (pixels <= np.array(SIZE) - 2).all()
                if inside and np.ptp(pixels, axis=0).min() >= LEAST_PX:
                    found[_name(row, column)] = [(float(x), float(y)) for x, y in pixels / SIZE]
        return found

    def _people_the_lot(self) -> None:
        """Who stands there, comes and leaves; every lane is taken by one at a time."""
        rng = self._rng
        places = [(r, c) for r in range(len(self._rows)) for c in range(self._columns)]
        rng.shuffle(places)
        standing, free = places[: len(places) // 2], places[len(places) // 2 :]
        clock = {0.0: 20.0, self._rows[2][1]: 28.0}
        for row, column in standing:
            self._parks(row, column, -60.0, None)
        last = self.seconds - 60.0
        while min(clock.values()) < last:
            lane = min(clock, key=lambda y: clock[y])
            start = clock[lane] + float(rng.uniform(0, 12))
            mine = [p for p in free if self._rows[p[0]][1] == lane]
            theirs = [p for p in standing if self._rows[p[0]][1] == lane]
            kind = str(
                rng.choice(
                    ["comes", "leaves", "turns", "passes", "waits", "stops", "rides"],
                    p=[0.22, 0.2, 0.12, 0.12, 0.1, 0.1, 0.14],
                )
            )
            took = 20.0
            if kind == "comes" and mine:
                row, column = mine[0]
                free.remove(mine[0])
                self._parks(row, column, start, None)
            elif kind == "leaves" and theirs:
                row, column = theirs[0]
                standing.remove(theirs[0])
                self._leaves(row, column, start)
            elif kind == "turns" and mine:
                self._parks(*mine[-1], start, start + COMES_S + 1.0, counts=False)
                took = 30.0
            elif kind == "rides" and mine:
                took = self._rides(*mine[-1], start)
            else:
                took = self._drives_by(lane, start, kind)
            clock[lane] = start + took
        for k in range(int(self.seconds / 25)):
            self._walks(25.0 * k + float(rng.uniform(0, 25)))

    def _parks(self, row: int, column: int, start: float, leave: float | None, counts: bool = True) -> None:
        """Drives, stands and leaves as three movers: lamps are on while it drives."""
        lane = self._rows[row][1]
        path = into_bay(start, lane, self._centre(row, column), leave, -FAR)
        mesh = int(self._rng.integers(1 << 30))
        lit = self.weather.lit
        rest = start + COMES_S
        if start >= 0:
            self._add("car", start, rest, path, car(np.random.default_rng(mesh), lit), lit)
        stands = car(np.random.default_rng(mesh))
        self._add("car", rest, self.seconds + 1 if leave is None else leave, path, stands, False)
        if leave is not None:
            self._add("car", leave, leave + LEAVES_S, path, car(np.random.default_rng(mesh), lit), lit)
        if counts and _name(row, column) in self.bays:
            self.stays.append((_name(row, column), max(0.0, rest), leave))

    def _leaves(self, row: int, column: int, at: float) -> None:
        """Of a car that stands there from the start."""
        bay = _name(row, column)
        place = self._centre(row, column)
        self._movers = [m for m in self._movers if m.start >= 0 or m.where(0.0)[:2] != place]
        self.stays = [stay for stay in self.stays if stay[0] != bay]
        self._parks(row, column, -60.0, at)

    def _drives_by(self, lane: float, start: float, kind: str) -> float:
        """Passes, or waits in the aisle: a car for a while, a bus or lorry (`stops`) for longer."""
        rng = self._rng
        wait = {"waits": float(rng.uniform(10, 50)), "stops": float(rng.uniform(20, 90))}.get(kind, 0.0)
        x = float(rng.uniform(-10, 10))
        marks = [(start, -FAR, lane), (start + 7, x, lane), (start + 7 + wait, x, lane), (start + 15 + wait, FAR, lane)]
        path = waypoints(marks)
        lit = self.weather.lit
        if kind != "stops":
            shape = car(rng, lit)
        elif rng.random() < 0.5:
            shape = bus(rng, lit)
        else:
            shape = truck(sample_tipper(rng))
        self._add("car", start, start + 15 + wait, path, shape, lit)
        return 18.0 + wait

    def _rides(self, row: int, column: int, start: float) -> float:
        """A motorcycle turns into a bay, is left there, and goes again."""
        rng = self._rng
        leave = start + COMES_S + float(rng.uniform(20, 150))
        path = into_bay(start, self._rows[row][1], self._centre(row, column), leave, -FAR)
        ridden, parked = motorcycle(rng, ridden=True), motorcycle(rng, ridden=False)
        self._add(None, start, start + COMES_S, path, ridden, False)
        self._add(None, start + COMES_S, leave, path, parked, False)
        self._add(None, leave, leave + LEAVES_S, path, ridden, False)
        return 20.0

    def _walks(self, start: float) -> None:
        """One to three people cross the section, and stand still somewhere, most often in a bay."""
        rng = self._rng
        low, high = self._rows[0][0] - 4, self._rows[2][0] + 3
        x, y = float(rng.uniform(-11, 11)), float(rng.uniform(low, high))
        wait = float(rng.choice([0.0, rng.uniform(5, 60)]))
        begin, end = (float(rng.uniform(-14, 14)), low - 3), (float(rng.uniform(-14, 14)), high + 3)
        for n in range(int(rng.integers(1, 4))):
            dx, dy = rng.normal(0, 0.5, 2)
            there = start + n + np.hypot(x - begin[0], y - begin[1]) / 1.3
            gone = there + wait + np.hypot(x - end[0], y - end[1]) / 1.3
            marks = [(start + n, *begin), (there, x + dx, y + dy), (there + wait, x + dx, y + dy), (gone, *end)]
            self._add(None, start, float(gone), waypoints(marks, float(rng.uniform(0, 6))), person(rng), False)

    def _add(self, label: str | None, start: float, end: float, path: object, shape: Array, lit: bool) -> None:
        self._movers.append(Mover(label, start, end - 0.01, path, "", shape=shape, lit=lit))  # type: ignore[arg-type]

    def _world(self, posts: list[tuple[float, float, float]]) -> Array:
        rng = np.random.default_rng([74, self.seed])
        mesh = Mesh()
        material, colour = SURFACES[rng.integers(6)]
        ground(mesh, Look(material, pick(rng, (colour,), 0.2)), -90, 90, -60, 90, 0.0)
        end = self._rows[-1][0] + self._depth / 2
        for row in range(len(self._rows)):
            for column in range(self._columns + 1):
                x, y = self._centre(row, column)
                mesh.box((x - self._pitch / 2, y, 0.004), (0.12, self._depth, 0.008), WHITE)
        for x in np.arange(-40, 40, 6.0):
            mesh.box((x, 0.0, 0.004), (2.0, 0.12, 0.008), WHITE)
        for _ in range(int(rng.integers(3, 14))):
            x, y, grey = rng.uniform(-15, 15), rng.uniform(-8, end), float(rng.choice([0.02, 0.05, 0.15]))
            spot = Look(Material.ASPHALT, (grey, grey, grey), wet=float(rng.choice([0.0, 0.9])))
            mesh.cylinder((x, y, 0.0), (x, y, 0.005), float(rng.uniform(0.2, 1.1)), spot, 14)
        ground(mesh, GRASS, -90, 90, end + 1.0, 90, 0.05)
        for x in np.arange(-26, 26, rng.uniform(4, 8)):
            tree(mesh, rng, float(x), end + 3.0)
        for x in (-11.5, 11.5):
            tree(mesh, rng, x + float(rng.normal(0, 1)), self._rows[0][0] - self._depth / 2 - 2.5)
        for x, y, z in posts:
            mesh.cylinder((x, y, 0), (x, y, z), 0.1, CONCRETE, 8, 0.06)
        building(mesh, rng, float(rng.uniform(-20, 20)), end + 40.0, site=False)
        return mesh.vertices()


def _name(row: int, column: int) -> str:
    return f"{'ABCD'[row]}{column + 1}"

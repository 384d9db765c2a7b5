"""Polygons of the configuration, in shares of width and height; closed by themselves, without crossing themselves."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.config.section import Point

_LEAST_AREA = 1e-4
_SAMPLES = 12


def check(points: Sequence[Point], name: str) -> None:
    """Raises ValueError, which names the key ``name`` first, unless ``points`` bound an area.

    The first point may be given again as the last.
    """
    if len(points) > 1 and points[0] == points[-1]:
        points = points[:-1]
    if len(points) < 3:
        raise ValueError(f"{name}: needs at least 3 points [x, y], given {len(points)}")
    count = len(points)
    twice = next((list(point) for k, point in enumerate(points) if point in points[:k]), None)
    if twice:
        raise ValueError(f"{name}: the corner {twice} is given twice; give each corner once, in order around it")
    sides = [(points[k], points[(k + 1) % count]) for k in range(count)]
    for i, first in enumerate(sides):
        for j in range(i + 1, count):
            neighbours = j == i + 1 or (i == 0 and j == count - 1)
            if not neighbours and _meet(*first, *sides[j]):
                raise ValueError(
                    f"{name}: crosses itself, its side {i + 1} from {list(first[0])} meets side {j + 1} from "
                    f"{list(sides[j][0])}; give the corners in order around it"
                )
    if abs(area(points)) < _LEAST_AREA:
        raise ValueError(f"{name}: bounds no area; give corners that lie apart")


def area(points: Sequence[Point]) -> float:
    """Signed, by the shoelace formula."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2


def contains(points: Sequence[Point], x: float, y: float) -> bool:
    """Whether the point lies inside (even-odd rule)."""
    inside = False
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            inside = not inside
    return inside


def overlap(first: Sequence[Point], second: Sequence[Point]) -> float:
    """Share of the smaller of two polygons, of any shape, that lies in the other; to about one part in fifty."""
    left, right, top, bottom = bounds(first)
    low, high, above, below = bounds(second)
    if right <= low or left >= high or bottom <= above or top >= below:
        return 0.0
    small, large = sorted((first, second), key=lambda points: abs(area(points)))
    left, right, top, bottom = bounds(small)
    own = both = 0
    for row in range(_SAMPLES):
        y = top + (row + 0.5) / _SAMPLES * (bottom - top)
        for column in range(_SAMPLES):
            x = left + (column + 0.5) / _SAMPLES * (right - left)
            if contains(small, x, y):
                own += 1
                both += contains(large, x, y)
    return both / own if own else 0.0


def bounds(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, right, top, bottom."""
    x, y = zip(*points, strict=True)
    return min(x), max(x), min(y), max(y)


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> int:
        turn = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
        return (turn > 0) - (turn < 0)

    def between(p: Point, q: Point, r: Point) -> bool:
        return min(p[0], q[0]) <= r[0] <= max(p[0], q[0]) and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])

    if side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b):
        return True
    touching = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side(p, q, r) == 0 and between(p, q, r) for p, q, r in touching)

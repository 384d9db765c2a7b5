"""How things move in a clip: functions of time in seconds that give x, y and heading."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Path2 = Callable[[float], tuple[float, float, float]]


def drive(
    x0: float,
    speed: float,
    start: float,
    lane: float = 0.0,
    yaw: float = 0.0,
    stop_x: float | None = None,
    stop_s: float = 0.0,
) -> Path2:
    """Along x from `x0` at `speed` (m/s, its sign from `yaw`), with a stop of `stop_s` seconds at `stop_x` if given."""
    sign = float(np.cos(yaw))

    def where(t: float) -> tuple[float, float, float]:
        s = max(t - start, 0.0)
        if stop_x is None:
            return x0 + sign * speed * s, lane, yaw
        way = abs(stop_x - x0)
        brake = 1.6
        cruise = way / speed - brake / 2
        if s <= cruise:
            d = speed * s
        elif s <= cruise + brake:
            u = s - cruise
            d = speed * cruise + speed * (u - u * u / (2 * brake))
        elif s <= cruise + brake + stop_s:
            d = way
        else:
            u = s - cruise - brake - stop_s
            d = way + (speed * u * u / (2 * brake) if u <= brake else speed * (u - brake / 2))
        return x0 + sign * d, lane, yaw

    return where


def waypoints(points: Sequence[tuple[float, float, float]], yaw: float = 0.0) -> Path2:
    """Straight from one (t, x, y) to the next, always heading `yaw`; a decreasing x at yaw 0 is a reversal."""
    t, x, y = (np.array(column, float) for column in zip(*points, strict=True))

    def where(now: float) -> tuple[float, float, float]:
        return float(np.interp(now, t, x)), float(np.interp(now, t, y)), yaw

    return where


def into_bay(
    start: float, lane_y: float, bay: tuple[float, float], leave: float | None, from_x: float = -40.0
) -> Path2:
    """A car comes along the lane at `start`, turns head first into `bay` (x, y), and backs out at `leave` if given.

    It is in the bay 12 s after `start`, and gone 14 s after `leave`.
    """
    bx, by = bay
    turn = np.pi / 2 * np.sign(by - lane_y)
    marks = [
        (0.0, from_x, lane_y, 0.0),
        (7.0, bx - 4.5, lane_y, 0.0),
        (9.5, bx - 1.0, lane_y + (by - lane_y) * 0.3, turn * 0.65),
        (10.5, bx, lane_y + (by - lane_y) * 0.6, turn),
        (12.0, bx, by, turn),
    ]
    points = [(start + t, x, y, a) for t, x, y, a in marks]
    if leave is not None:
        points += [(leave + 12.0 - t, x, y, a) for t, x, y, a in reversed(marks[1:])]
        points += [(leave + 6.0, bx - 4.5, lane_y, 0.0), (leave + 14.0, -from_x, lane_y, 0.0)]
    t, x, y, yaw = (np.array(column, float) for column in zip(*points, strict=True))

    def where(now: float) -> tuple[float, float, float]:
        return float(np.interp(now, t, x)), float(np.interp(now, t, y)), float(np.interp(now, t, yaw))

    return where

"""A value as a function of the seconds since the simulation began, and its short text form.

``180`` is constant; ``sine:120,60,600`` has mean 120, amplitude 60 and a period of 600 s; ``steps:0=40,60=300,120=40``
is 40 from 0 s, 300 from 60 s, 40 again from 120 s.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from drivers.errors import BadSettingError

Profile = Callable[[float], float]


def constant(value: float) -> Profile:
    return lambda _elapsed_s: value


def sine(mean: float, amplitude: float, period_s: float) -> Profile:
    return lambda elapsed_s: mean + amplitude * math.sin(2 * math.pi * elapsed_s / period_s)


def steps(levels: Mapping[float, float]) -> Profile:
    """``levels``: seconds -> value from then on; before the first one, the first value."""
    times = sorted(levels)
    return lambda elapsed_s: levels[times[max(0, bisect.bisect_right(times, elapsed_s) - 1)]]


def parse(text: str) -> Profile:
    """Raises BadSettingError for a text of another form."""
    kind, colon, arguments = text.partition(":")
    try:
        if not colon:
            return constant(float(kind))
        if kind == "sine":
            mean, amplitude, period_s = map(float, arguments.split(","))
            return sine(mean, amplitude, period_s)
        if kind == "steps":
            pairs = (pair.split("=") for pair in arguments.split(","))
            return steps({float(time): float(value) for time, value in pairs})
    except ValueError:
        pass
    raise BadSettingError(f"{text!r} is no profile; allowed: 180, sine:mean,amplitude,period_s, steps:0=40,60=300")


def parse_all(query: str) -> dict[str, Profile]:
    """``pm10=180&pm2_5=sine:90,20,600`` as profiles by value; raises BadSettingError."""
    try:
        pairs = parse_qsl(query, strict_parsing=True) if query else []
    except ValueError as error:
        raise BadSettingError(f"{query!r} is not name=value&name=value: {error}") from error
    return {name: parse(text) for name, text in pairs}

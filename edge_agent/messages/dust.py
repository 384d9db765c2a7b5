"""What a dust post says: windows of readings and exceedances of limits. Values are in the unit of their name."""

from __future__ import annotations

import msgspec


class Statistic(msgspec.Struct, frozen=True, kw_only=True):
    """Of one value over one window; ``flag`` is HJ 212's, N when at least 75 % of the samples were normal."""

    mean: float
    min: float
    max: float
    count: int
    flag: str


class DustData(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one sensor; ``values`` by value name, such as ``pm10_ug_m3``."""

    sensor: str
    start: str
    window_s: float
    values: dict[str, Statistic]


class ExceedanceData(msgspec.Struct, frozen=True, kw_only=True):
    """A limit broken over its averaging window, aligned to the clock."""

    sensor: str
    value_name: str
    limit: float
    mean: float
    start: str
    end: str
    window_s: float
    valid_share: float
    standard: str = ""

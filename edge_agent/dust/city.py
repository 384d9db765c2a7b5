"""What the city says of its own air, which some limits subtract or are adjusted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR_S = 3600.0
KEPT = 744


@dataclass(frozen=True, slots=True)
class CityAir:
    """Means of the city's (or district's) stations over ``[start, start + window_s)``; ``primary``: pm10, pm2_5, …"""

    start: float
    values: Mapping[str, float] = field(default_factory=dict)
    window_s: float = HOUR_S
    aqi: float | None = None
    primary: str = ""


class CitySeries:
    """The last 744 records (a month of hours), by time. A later record for the same time replaces the earlier one."""

    def __init__(self) -> None:
        self._records: dict[float, CityAir] = {}

    def last(self, count: int) -> list[CityAir]:
        """The newest records, oldest first."""
        return sorted(self._records.values(), key=lambda air: air.start)[-count:]

    def update(self, air: CityAir) -> None:
        self._records[air.start] = air
        while len(self._records) > KEPT:
            del self._records[min(self._records)]

    def background(self, name: str, start: float, end: float) -> float | None:
        """The mean of ``name`` over records that cover ``[start, end)`` wholly, else None."""
        covering = [
            a for a in self._records.values() if a.start < end and start < a.start + a.window_s and name in a.values
        ]
        if not covering or min(a.start for a in covering) > start or max(a.start + a.window_s for a in covering) < end:
            return None
        weights = [min(end, a.start + a.window_s) - max(start, a.start) for a in covering]
        if sum(weights) < (end - start) * 0.999:
            return None
        return sum(a.values[name] * w for a, w in zip(covering, weights, strict=True)) / sum(weights)

    def at(self, time: float) -> CityAir | None:
        """The newest record that had begun at ``time`` and is not older than two of its windows."""
        known = [a for a in self._records.values() if a.start <= time < a.start + 3 * a.window_s]
        return max(known, key=lambda a: a.start, default=None)

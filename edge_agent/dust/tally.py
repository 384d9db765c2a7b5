"""What is known of one value over a window, and how neighbouring windows' join: plain means, noise, directions.

Only normal samples are added. Tallies join without loss; ``memory`` and ``recall`` carry them over a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drivers.readings import Quality

VALID_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class ValueStatistics:
    """One value over one window; without a normal sample ``mean``, ``min`` and ``max`` are None.

    ``levels`` counts samples of noise by tenths of dB.
    """

    mean: float | None
    min: float | None
    max: float | None
    count: int
    share: float
    flag: Quality
    reason: str
    levels: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TallyMemory:
    """A tally as it is written down; ``levels`` of noise."""

    total: float
    north: float
    count: int
    low: float | None
    high: float | None
    covered_s: float
    flags: dict[Quality, int]
    reason: str
    levels: dict[int, int] = field(default_factory=dict)


TalliesMemory = dict[str, TallyMemory]


@dataclass(slots=True)
class Tally:
    """What is known of one value so far; tallies of neighbouring windows join."""

    total: float = 0.0
    north: float = 0.0
    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    covered_s: float = 0.0
    flags: dict[Quality, int] = field(default_factory=dict)
    reason: str = ""

    def add(self, value: float, covered_s: float) -> None:
        """One normal sample."""
        self.total += value
        self.count += 1
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        self.covered_s += covered_s

    def mean(self) -> float:
        """Of the samples; there is at least one."""
        return self.total / self.count

    def join(self, other: Tally) -> None:
        """Adds what another window knows."""
        self.total += other.total
        self.north += other.north
        self.count += other.count
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.covered_s += other.covered_s
        for flag, count in other.flags.items():
            self.flags[flag] = self.flags.get(flag, 0) + count
        self.reason = other.reason or self.reason

    def memory(self) -> TallyMemory:
        """As it stands now."""
        low, high = (self.low, self.high) if self.count else (None, None)
        return TallyMemory(self.total, self.north, self.count, low, high, self.covered_s, dict(self.flags), self.reason)

    def recall(self, memory: TallyMemory) -> None:
        """As it stood then."""
        self.total, self.north, self.count, self.covered_s = memory.total, memory.north, memory.count, memory.covered_s
        if memory.low is not None and memory.high is not None:
            self.low, self.high = memory.low, memory.high
        self.flags, self.reason = dict(memory.flags), memory.reason

    def statistics(self, window_s: float) -> ValueStatistics:
        share = min(1.0, self.covered_s / window_s)
        flag, reason = Quality.NORMAL, ""
        if share < VALID_SHARE:
            flag = max(self.flags, key=lambda f: self.flags[f], default=Quality.COMMUNICATION_LOST)
            reason = self.reason or ("readings are missing" if self.count else "no reading")
        if not self.count:
            return ValueStatistics(None, None, None, 0, share, flag, reason)
        return ValueStatistics(self.mean(), self.low, self.high, self.count, share, flag, reason)


@dataclass(slots=True)
class EnergyTally(Tally):
    """Of levels in dB: ``total`` sums energies, ``levels`` counts samples by tenths of dB."""

    levels: dict[int, int] = field(default_factory=dict)

    def add(self, value: float, covered_s: float) -> None:
        Tally.add(self, value, covered_s)
        self.total += 10 ** (value / 10) - value
        level = round(value * 10)
        self.levels[level] = self.levels.get(level, 0) + 1

    def join(self, other: Tally) -> None:
        Tally.join(self, other)
        assert isinstance(other, EnergyTally)
        for level, count in other.levels.items():
            self.levels[level] = self.levels.get(level, 0) + count

    def memory(self) -> TallyMemory:
        return replace(Tally.memory(self), levels=dict(self.levels))

    def recall(self, memory: TallyMemory) -> None:
        Tally.recall(self, memory)
        self.levels = dict(memory.levels)

    def statistics(self, window_s: float) -> ValueStatistics:
        return replace(Tally.statistics(self, window_s), levels=self.levels)

    def mean(self) -> float:
        return 10 * math.log10(self.total / self.count)


@dataclass(slots=True)
class VectorTally(Tally):
    """Of directions in degrees: ``total`` sums their east parts, ``north`` their north parts."""

    def add(self, value: float, covered_s: float) -> None:
        Tally.add(self, value, covered_s)
        self.total += math.sin(math.radians(value)) - value
        self.north += math.cos(math.radians(value))

    def mean(self) -> float:
        return math.degrees(math.atan2(self.total, self.north)) % 360


def tally_of(name: str) -> Tally:
    """An empty one of the kind that the value needs."""
    return _KINDS.get(name, Tally)()


_KINDS: dict[str, type[Tally]] = {"noise_db": EnergyTally, "wind_direction_deg": VectorTally}
Tallies = dict[str, Tally]


def written(tallies: Tallies) -> TalliesMemory:
    """As they stand now."""
    return {name: tally.memory() for name, tally in tallies.items()}


def recalled(memory: TalliesMemory) -> Tallies:
    """As they stood then."""
    tallies = {name: tally_of(name) for name in memory}
    for name, tally in tallies.items():
        tally.recall(memory[name])
    return tallies


def join(into: Tallies, tallies: Tallies) -> None:
    """Adds the tallies of another window to those in ``into``."""
    for name, tally in tallies.items():
        into.setdefault(name, tally_of(name)).join(tally)

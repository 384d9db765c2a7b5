"""Statistics over windows of the clock, closed by the data's own time.

- An aligned window starts at a multiple of its length counted from local midnight (5, 15, 60 min, a day, any seconds),
  holds ``start <= time < end`` and closes with the first reading or tick at or after its end.
- Samples are gathered once, in base windows as long as the greatest common divisor of all lengths; longer windows are
  joined from base windows, so the cost of a reading does not grow with their number.
- Only normal samples are averaged. A window's valid share is the part of its time that normal samples cover: a sample
  covers the time since the reading before it, at most three intervals; after a longer gap, one interval.
- A reading for a window that is closed already is late and is left out. Three late readings in a row are a clock that
  was set back: what is open is closed and windows start anew at the new time. One stray time breaks nothing.
- Means are arithmetic, but for noise (energy mean, so Leq) and wind direction (of unit vectors, 0 to 360).
- With ``memory`` and ``recall`` the longer windows go on after a restart; what is lost is time, and counts as such.
- A gap of up to 60 base windows is reported as windows without samples (flag B), a longer one is left out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge_agent.dust.quality import Checked
from edge_agent.dust.tally import Tallies, TalliesMemory, ValueStatistics, join, recalled, tally_of, written

MAX_GAP_WINDOWS = 60
LATE_IN_A_ROW = 3
HOLD_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class WindowResult:
    """A closed window ``[start, start + window_s)``, Unix seconds; ``closed`` is its end, or the last reading's time
    where it was closed before its end."""

    sensor: str
    start: float
    window_s: float
    rolling: bool
    values: dict[str, ValueStatistics]
    closed: float

    @property
    def end(self) -> float:
        return self.start + self.window_s


@dataclass(frozen=True, slots=True)
class WindowsMemory:
    """What has been gathered of windows that are open: by length their start and tallies, and the parts of rolling
    ones."""

    long: dict[float, tuple[float, TalliesMemory]]
    rolling: dict[float, tuple[float, list[tuple[float, TalliesMemory]]]]


def aligned(time: float, window_s: float, utc_offset_s: float) -> float:
    """Start of the clock-aligned window that ``time`` lies in."""
    return math.floor((time + utc_offset_s) / window_s) * window_s - utc_offset_s


class Windows:
    """``update``, ``close`` and ``flush`` return the windows they close, shorter before longer, in order of time."""

    def __init__(
        self,
        windows_s: Iterable[float],
        interval_s: float,
        utc_offset_s: float = 28800.0,
        rolling_s: Iterable[float] = (),
    ) -> None:
        """``interval_s`` is the expected time between readings; all lengths are whole milliseconds."""
        lengths = sorted(set(windows_s))
        rolling = sorted(set(rolling_s))
        self.base_s = math.gcd(*(round(w * 1000) for w in (*lengths, *rolling))) / 1000
        self._base_wanted = self.base_s in lengths
        self._interval_s = interval_s
        self._offset_s = utc_offset_s
        self._long = [_Long(length, utc_offset_s) for length in lengths if length != self.base_s]
        self._rolling = [_Rolling(length, self.base_s) for length in rolling]
        self._sensor = ""
        self._start: float | None = None
        self._tallies: Tallies = {}
        self._names: set[str] = set()
        self._last = -math.inf
        self._late: list[float] = []
        self.late_count = 0

    def update(self, reading: Checked) -> list[WindowResult]:
        """Takes one reading in; closes what ends at or before its time."""
        self._sensor = reading.sensor
        results: list[WindowResult] = []
        if self._start is None:
            self._begin(reading.time)
        elif reading.time < self._start:
            if not self._set_back(reading.time):
                return results
            results += self.flush()
            self._begin(reading.time)
        elif reading.time >= self._start + self.base_s:
            results += self._advance(reading.time)
        self._late.clear()
        self._gather(reading)
        return results

    def close(self, now: float) -> list[WindowResult]:
        """Closes what ends at or before ``now`` though no reading came."""
        if self._start is None or now < self._start + self.base_s:
            return []
        return self._advance(now)

    def pause(self) -> list[WindowResult]:
        """Closes the base window that is open; the longer ones go on with the next reading, or after ``recall``."""
        if self._start is None:
            return []
        results = self._close_base() if self._tallies else []
        last, self._start, self._last = self._last, None, -math.inf
        return [replace(r, closed=min(r.closed, last)) for r in results]

    def memory(self) -> WindowsMemory:
        """Of all windows but the base window that is open."""
        return WindowsMemory(
            {w.length_s: (w.start, written(w.tallies)) for w in self._long if w.start is not None},
            {w.length_s: w.memory() for w in self._rolling if w.since is not None},
        )

    def recall(self, memory: WindowsMemory, sensor: str) -> None:
        """Goes on with windows of the same lengths; those that are over by then close with the next base window."""
        self._sensor = sensor
        for window in self._long:
            if window.length_s in memory.long:
                window.start, tallies = memory.long[window.length_s][0], memory.long[window.length_s][1]
                window.tallies = recalled(tallies)
                self._names |= window.tallies.keys()
        for rolling in self._rolling:
            if rolling.length_s in memory.rolling:
                rolling.recall(*memory.rolling[rolling.length_s])

    def flush(self) -> list[WindowResult]:
        """Closes all that is open, whole or not; the next reading starts anew."""
        if self._start is None:
            return []
        results = self._close_base() if self._tallies else []
        for window in self._long:
            results += window.close(self._sensor)
        for rolling in self._rolling:
            rolling.clear()
        last, self._start, self._last = self._last, None, -math.inf
        return [replace(r, closed=last) if last < r.end else r for r in results]

    def _begin(self, time: float) -> None:
        self._start = aligned(time, self.base_s, self._offset_s)
        self._last = time - self._interval_s
        self._tallies = {}
        self._late.clear()

    def _set_back(self, time: float) -> bool:
        self.late_count += 1
        if self._late and time < self._late[-1]:
            self._late.clear()
        self._late.append(time)
        return len(self._late) >= LATE_IN_A_ROW

    def _gather(self, reading: Checked) -> None:
        gap = reading.time - self._last
        if gap > HOLD_INTERVALS * self._interval_s:
            gap = self._interval_s
        covered_s = max(0.0, gap)
        self._last = max(self._last, reading.time)
        tallies, flags = self._tallies, reading.flags
        for name, value in reading.values.items():
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = tally_of(name)
                self._names.add(name)
            flagged = flags.get(name) if flags else None
            if flagged is None:
                tally.add(value, covered_s)
            else:
                tally.flags[flagged[0]] = tally.flags.get(flagged[0], 0) + 1
                tally.reason = flagged[1]

    def _advance(self, time: float) -> list[WindowResult]:
        assert self._start is not None
        target = aligned(time, self.base_s, self._offset_s)
        results = self._close_base()
        self._start += self.base_s
        if (target - self._start) / self.base_s <= MAX_GAP_WINDOWS + 0.5:
            while self._start < target - self.base_s / 2:
                results += self._close_base()
                self._start += self.base_s
        self._start = target
        for window in self._long:
            if window.start is not None and target >= window.start + window.length_s:
                results += window.close(self._sensor)
        return results

    def _close_base(self) -> list[WindowResult]:
        assert self._start is not None
        start, tallies = self._start, self._tallies
        self._tallies = {}
        for name in self._names - tallies.keys():
            tallies[name] = tally_of(name)
        results = []
        if self._base_wanted:
            results.append(_result(self._sensor, start, self.base_s, tallies))
        for rolling in self._rolling:
            results += rolling.update(self._sensor, start, tallies)
        for window in self._long:
            results += window.update(self._sensor, start, tallies)
        return results


def _result(sensor: str, start: float, window_s: float, tallies: Tallies, rolling: bool = False) -> WindowResult:
    values = {name: tally.statistics(window_s) for name, tally in tallies.items()}
    return WindowResult(sensor, start, window_s, rolling, values, start + window_s)


class _Long:
    """An aligned window joined from base windows."""

    def __init__(self, length_s: float, offset_s: float) -> None:
        self.length_s, self._offset_s = length_s, offset_s
        self.start: float | None = None
        self.tallies: Tallies = {}

    def update(self, sensor: str, base_start: float, tallies: Tallies) -> list[WindowResult]:
        start = aligned(base_start, self.length_s, self._offset_s)
        results = self.close(sensor) if self.start is not None and start != self.start else []
        self.start = start
        join(self.tallies, tallies)
        return results

    def close(self, sensor: str) -> list[WindowResult]:
        if self.start is None:
            return []
        start, tallies = self.start, self.tallies
        self.start, self.tallies = None, {}
        return [_result(sensor, start, self.length_s, tallies)]


class _Rolling:
    """A window that ends with every base window; it speaks once it has been filled."""

    def __init__(self, length_s: float, base_s: float) -> None:
        self.length_s, self._base_s = length_s, base_s
        self._parts: deque[tuple[float, Tallies]] = deque()
        self.since: float | None = None

    def update(self, sensor: str, base_start: float, tallies: Tallies) -> list[WindowResult]:
        start = base_start + self._base_s - self.length_s
        while self._parts and self._parts[0][0] < start - self._base_s / 2:
            self._parts.popleft()
        self._parts.append((base_start, tallies))
        self.since = base_start if self.since is None else self.since
        if self.since > start + self._base_s / 2:
            return []
        joined: Tallies = {}
        for _, part in self._parts:
            join(joined, part)
        return [_result(sensor, start, self.length_s, joined, rolling=True)]

    def memory(self) -> tuple[float, list[tuple[float, TalliesMemory]]]:
        assert self.since is not None
        return self.since, [(start, written(tallies)) for start, tallies in self._parts]

    def recall(self, since: float, parts: list[tuple[float, TalliesMemory]]) -> None:
        self.since = since
        self._parts.extend((start, recalled(tallies)) for start, tallies in parts)

    def clear(self) -> None:
        self._parts.clear()
        self.since = None

"""Rows of the outbox gathered to what an HJ 212 platform gets: real-time values, minute, hour and day records. Pure.

- The shortest windows a sensor publishes are its base. They give the real-time values, and joined over the platform's
  minute interval the minute records; windows of an hour and of a day are records as they are.
- A minute record is ready when its interval is covered, when a later window of its sensor came, or 90 s after its end;
  one of the backlog not before the backlog is read to its end.
- An upload holds the sequences that its acknowledgement takes out of the outbox.
- Live uploads are given before those of the backlog.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from edge_agent.hj212 import Cn
from edge_agent.messages.dust import DustData
from edge_agent.outbox.row import Row
from edge_agent.uplink.history import starts

GRACE_S = 90.0
_PERIODS = {3600.0: (Cn.HOUR, "hour"), 86400.0: (Cn.DAY, "day")}


@dataclass(slots=True)
class Upload:
    """One record to send; ``sequences`` are acknowledged when the platform has it. A real-time one has none."""

    cn: Cn
    sensor: str
    start: float
    window_s: float
    parts: dict[int, DustData] = field(default_factory=dict)
    historical: bool = True

    @property
    def sequences(self) -> list[int]:
        """Of the messages it is made of."""
        return [] if self.cn is Cn.REAL_TIME else list(self.parts)

    @property
    def end(self) -> float:
        return self.start + self.window_s


class Uploads:
    """``add`` rows, ``close`` what is over, ``next`` upload."""

    def __init__(self, sensors: Collection[str], kinds: Collection[str], utc_offset_s: float) -> None:
        self._sensors = frozenset(sensors)
        self._kinds = frozenset(kinds)
        self._offset_s = utc_offset_s
        self._base_s: dict[str, float] = {}
        self._open: dict[tuple[str, float, float], Upload] = {}
        self._live: deque[Upload] = deque()
        self._backlog: deque[Upload] = deque()
        self._last_real_time: dict[str, float] = {}
        self.unwanted: list[int] = []

    def clear(self) -> None:
        """Forgets everything, as after a lost connection; the outbox gives it again."""
        self._open.clear()
        self._live.clear()
        self._backlog.clear()
        self.unwanted.clear()

    def add(self, row: Row, data: DustData | None, min_interval_s: float, real_time_s: float) -> None:
        """Takes a row in. ``real_time_s`` 0: no real-time values are wanted."""
        if data is None or (self._sensors and data.sensor not in self._sensors):
            self.unwanted.append(row.sequence)
            return
        period = _PERIODS.get(data.window_s)
        if period:
            self._add_period(row, data, *period)
            return
        base_s = self._base_s[data.sensor] = min(data.window_s, self._base_s.get(data.sensor, data.window_s))
        if data.window_s != base_s:
            self.unwanted.append(row.sequence)
            return
        self._add_real_time(row, data, real_time_s)
        self._add_minute(row, data, min_interval_s)

    def close(self, now: float, *, backlog_read: bool) -> None:
        """Makes ready what is over at ``now``."""
        for key, upload in list(self._open.items()):
            covered = sum(part.window_s for part in upload.parts.values()) >= upload.window_s - 0.5
            late = now >= upload.end + GRACE_S and (backlog_read or not upload.historical)
            if covered or late or (backlog_read and self._later_than(upload)):
                self._ready(key)

    def next(self, *, backlog: bool) -> Upload | None:
        """The next upload, live first; of the backlog only when allowed."""
        if self._live:
            return self._live.popleft()
        return self._backlog.popleft() if backlog and self._backlog else None

    @property
    def backlog_ready(self) -> int:
        """How many of the backlog wait to be sent."""
        return len(self._backlog)

    @property
    def waiting(self) -> int:
        """How many uploads are ready or in the making."""
        return len(self._open) + len(self._live) + len(self._backlog)

    def _add_period(self, row: Row, data: DustData, cn: Cn, kind: str) -> None:
        if kind not in self._kinds:
            self.unwanted.append(row.sequence)
            return
        start = self._aligned(data, data.window_s)
        upload = Upload(cn, data.sensor, start, data.window_s, {row.sequence: data}, row.historical)
        (self._backlog if row.historical else self._live).append(upload)

    def _add_real_time(self, row: Row, data: DustData, real_time_s: float) -> None:
        end = starts(data) + data.window_s
        if row.historical or not real_time_s or "real-time" not in self._kinds:
            return
        last = self._last_real_time.get(data.sensor, float("-inf"))
        if end - last >= real_time_s or end < last:
            self._last_real_time[data.sensor] = end
            upload = Upload(Cn.REAL_TIME, data.sensor, starts(data), data.window_s, {row.sequence: data}, False)
            self._live.append(upload)

    def _add_minute(self, row: Row, data: DustData, min_interval_s: float) -> None:
        if "minute" not in self._kinds:
            self.unwanted.append(row.sequence)
            return
        start = self._aligned(data, min_interval_s)
        key = (data.sensor, start, min_interval_s)
        upload = self._open.get(key)
        if upload is None:
            upload = self._open[key] = Upload(Cn.MINUTE, data.sensor, start, min_interval_s)
        upload.parts[row.sequence] = data
        upload.historical = upload.historical and row.historical
        if sum(part.window_s for part in upload.parts.values()) >= min_interval_s - 0.5:
            self._ready(key)

    def _aligned(self, data: DustData, length_s: float) -> float:
        """Start of the clock's period that the middle of a window lies in; its start may have been corrected."""
        middle = starts(data) + data.window_s / 2
        return (middle + self._offset_s) // length_s * length_s - self._offset_s

    def _later_than(self, upload: Upload) -> bool:
        return any(sensor == upload.sensor and start >= upload.end for sensor, start, _ in self._open)

    def _ready(self, key: tuple[str, float, float]) -> None:
        upload = self._open.pop(key)
        (self._backlog if upload.historical else self._live).append(upload)

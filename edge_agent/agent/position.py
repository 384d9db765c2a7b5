"""Where a device that moves was: the fixes of its receiver, put into what is recorded.

A dust window has the place of its middle, and where readings go along, ``latitude_deg`` and ``longitude_deg`` of each;
an exceedance and a violation have the place of the message's time. What was longer ago than ``KEPT`` fixes has none:
the windows of an hour and a day belong to no one place. A place that is not known is null, never an old one.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from drivers.readings import Quality, Reading
from edge_agent.messages import Draft, DustData, ExceedanceData, Position, ViolationData
from edge_agent.messages.dust import Readings

KEPT = 1200
_DECIMALS = 6


class _Fix(NamedTuple):
    time: float
    latitude_deg: float
    longitude_deg: float
    speed_m_s: float | None


class Track:
    """The last fixes: ``update`` in the receiver's thread, the rest in any."""

    def __init__(self, stale_s: float) -> None:
        self._stale_s = stale_s
        self._fixes: deque[_Fix] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._problem = ""

    def update(self, reading: Reading) -> list[Draft]:
        """Takes what the receiver said; nothing is recorded of it alone."""
        values = reading.values
        if reading.quality is not Quality.NORMAL:
            self._problem = reading.reason
            return []
        self._problem = ""
        fix = _Fix(reading.time, values["latitude_deg"], values["longitude_deg"], values.get("speed_m_s"))
        with self._lock:
            while self._fixes and self._fixes[-1].time > fix.time:
                self._fixes.pop()
            self._fixes.append(fix)
        return []

    def finish(self) -> list[Draft]:
        """Nothing is left."""
        return []

    def state(self) -> dict[str, Any]:
        """Nothing is counted."""
        return {}

    def problems(self) -> list[str]:
        """Why there is no position now."""
        return [self._problem] if self._problem else []

    def at(self, time: float) -> Position | None:
        """Where the device was at ``time`` (Unix seconds), by the last fix before it."""
        with self._lock:
            fix = next((fix for fix in reversed(self._fixes) if fix.time <= time), None)
        if fix is None or time - fix.time > self._stale_s:
            return None
        speed_m_s = None if fix.speed_m_s is None else round(fix.speed_m_s, 2)
        return Position(
            latitude_deg=round(fix.latitude_deg, _DECIMALS),
            longitude_deg=round(fix.longitude_deg, _DECIMALS),
            speed_m_s=speed_m_s,
            age_s=round(time - fix.time, 3),
        )

    def placed(self, draft: Draft) -> Draft:
        """``draft`` with the position, where its data has one."""
        data = draft.data
        if isinstance(data, DustData):
            start = datetime.fromisoformat(data.start).timestamp()
            readings = self._readings(data.readings, start) if data.readings else None
            place = self.at(start + data.window_s / 2)
            data = msgspec.structs.replace(data, position=place, readings=readings)
        elif isinstance(data, ExceedanceData | ViolationData):
            data = msgspec.structs.replace(data, position=self.at(draft.time))
        else:
            return draft
        return Draft(draft.channel, draft.time, data, draft.subject, draft.pictures, draft.clip)

    def _readings(self, readings: Readings, start: float) -> Readings:
        places = [self.at(start + offset_s) for offset_s in readings.offset_s]
        columns: dict[str, list[float | None]] = {
            "latitude_deg": [place.latitude_deg if place else None for place in places],
            "longitude_deg": [place.longitude_deg if place else None for place in places],
        }
        return msgspec.structs.replace(readings, values=dict(readings.values) | columns)

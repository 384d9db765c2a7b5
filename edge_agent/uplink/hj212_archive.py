"""Records made whole from the history: for uploads whose parts came at different times, and for a platform's queries.

A minute record is joined of the sensor's shortest windows. An hour or day record is the window the sensor's watch gave,
unless the shorter ones hold more samples, as after a restart in its middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge_agent.config.hj212 import Hj212
from edge_agent.hj212 import Cn, Cp
from edge_agent.messages.dust import DustData
from edge_agent.uplink.history import History, starts
from edge_agent.uplink.hj212_records import combined, day_and_night_cp, factors, period_cp, real_time_cp
from edge_agent.uplink.hj212_uploads import Upload

_DAY_S = 86400.0
_RECENT_S = 7200.0
_LENGTHS = {Cn.HOUR: 3600.0, Cn.DAY: _DAY_S}


class Archive:
    """Gives CPs. ``min_interval_s`` is asked each time, since the platform may change it."""

    def __init__(self, settings: Hj212, history: History, min_interval_s: Callable[[], float]) -> None:
        self._settings = settings
        self._history = history
        self._min_interval_s = min_interval_s
        self._offset_s = settings.utc_offset_h * 3600
        self._table = factors(settings)

    def upload(self, upload: Upload) -> Cp:
        """CP of an upload, with all that is known of its time."""
        offset_h = self._settings.utc_offset_h
        if upload.cn is Cn.REAL_TIME:
            data = next(iter(upload.parts.values()))
            return real_time_cp(data, upload.end, self._table, offset_h)
        whole = self._whole(upload.cn, upload.sensor, upload.start, upload.window_s, upload.parts)
        assert whole is not None, "an upload has parts"
        return self._record(upload.cn, whole, upload.start)

    def asked_for(self, cn: Cn, begin: float, end: float, now: float) -> Iterator[Cp]:
        """Records whose DataTime lies in ``[begin, end]`` and whose period is over; of real-time the newest."""
        if cn is Cn.REAL_TIME:
            yield from self._newest(now)
            return
        length_s = _LENGTHS.get(cn) or self._min_interval_s()
        begin = max(begin, self._history.oldest())
        day = self._aligned(begin, _DAY_S)
        while day <= min(end, now):
            found = self._history.between(day, day + _DAY_S)
            keys = {(self._aligned(starts(d), length_s), d.sensor) for _, d in found if d.window_s <= length_s}
            for start, sensor in sorted(keys):
                if begin <= start <= end and start + length_s <= now and self._wanted(sensor):
                    whole = self._whole(cn, sensor, start, length_s, {})
                    if whole is not None:
                        yield self._record(cn, whole, start)
            day += _DAY_S

    def _record(self, cn: Cn, whole: DustData, start: float) -> Cp:
        offset_h = self._settings.utc_offset_h
        cp = period_cp(whole, start, self._table, offset_h)
        if cn is not Cn.DAY:
            return cp
        known = [data for _, data in self._history.between(start, start + _DAY_S, whole.sensor)]
        shortest_s = min((data.window_s for data in known), default=_DAY_S)
        shorter = [data for data in known if data.window_s == shortest_s < _DAY_S]
        return (*cp, *day_and_night_cp(shorter, self._table, offset_h))

    def _newest(self, now: float) -> Iterator[Cp]:
        newest: dict[str, DustData] = {}
        for _, data in self._history.between(now - _RECENT_S, now):
            known = newest.get(data.sensor)
            if self._wanted(data.sensor) and (known is None or data.window_s <= known.window_s):
                newest[data.sensor] = data
        for data in newest.values():
            yield real_time_cp(data, starts(data) + data.window_s, self._table, self._settings.utc_offset_h)

    def _whole(
        self, cn: Cn, sensor: str, start: float, length_s: float, parts: Mapping[int, DustData]
    ) -> DustData | None:
        known = dict(self._history.between(start, start + length_s, sensor)) | dict(parts)
        own = [d for d in known.values() if cn is not Cn.MINUTE and d.window_s == length_s and starts(d) == start]
        shortest_s = min((d.window_s for d in known.values()), default=0.0)
        short = [d for d in known.values() if d.window_s == shortest_s and d not in own]
        made = [combined(windows, start, length_s) for windows in (own, short) if windows]
        return max(made, key=_samples, default=None)

    def _aligned(self, time: float, length_s: float) -> float:
        return (time + self._offset_s) // length_s * length_s - self._offset_s

    def _wanted(self, sensor: str) -> bool:
        return not self._settings.sensors or sensor in self._settings.sensors


def _samples(data: DustData) -> int:
    return sum(value.count for value in data.values.values())

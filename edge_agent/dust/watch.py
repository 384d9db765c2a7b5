"""All that is decided over one dust sensor: quality, windows, limits. The sensor's thread records what comes back.

Every window that is published becomes a ``dust`` draft; exceedances become ``exceedance`` and ``violation`` drafts.
Pure and deterministic: the same readings give the same drafts, live and replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from drivers.readings import Quality, Reading
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.city import CityAir, CitySeries
from edge_agent.dust.limits import WAITING_MAX, LimitMemory, LimitWatch, rounded
from edge_agent.dust.quality import Checked, Mark, QualityCheck, correction_name
from edge_agent.dust.window import WindowResult, Windows, WindowsMemory
from edge_agent.messages.dust import DustData, Readings, Statistic
from edge_agent.messages.envelope import Draft, rfc3339

NORMAL = Quality.NORMAL.value


@dataclass(frozen=True, slots=True)
class WatchMemory:
    """What a watch knows of its limits, by limit, of the city's air, and of windows that are open."""

    limits: dict[str, LimitMemory]
    city: list[CityAir] = field(default_factory=list)
    windows: WindowsMemory | None = None


class DustWatch:
    """``update`` for each reading, ``tick`` when none comes, ``city`` when the city speaks, ``finish`` at the end."""

    def __init__(self, sensor: DustSensor, limits: Sequence[Limit] | None = None) -> None:
        """``limits``: what ``edge_agent.config.limits.limits_of`` read of a named set; None: those in ``sensor``."""
        if limits is None:
            if isinstance(sensor.limits, str):
                raise TypeError(f"limits {sensor.limits!r} of sensor {sensor.name!r} must be read by limits_of() first")
            limits = sensor.limits
        offset_s = sensor.utc_offset_h * 3600
        self._sensor = sensor.name
        self._reported = {sensor.report_window_s, *sensor.long_windows_s}
        self._correction = correction_name(sensor.quality)
        self._quality = QualityCheck(sensor.quality, sensor.interval_s)
        self._windows = Windows(
            self._reported | {limit.window_s for limit in limits if limit.alignment == "aligned"},
            sensor.interval_s,
            offset_s,
            rolling_s=[limit.window_s for limit in limits if limit.alignment == "rolling"],
        )
        self._report_window_s = sensor.report_window_s
        self._rows: list[Checked] | None = [] if sensor.publish_readings else None
        self._city = CitySeries()
        self._limits = [LimitWatch(limit, self._city, offset_s) for limit in limits]

    def update(self, reading: Reading) -> list[Draft]:
        """Takes one reading in."""
        checked = self._quality.update(reading)
        windows = self._windows.update(checked)
        drafts = self._drafts(windows) if windows else []
        if self._rows is not None:
            self._rows.append(checked)
        return drafts

    def tick(self, now: float) -> list[Draft]:
        """Closes the windows that end at or before ``now`` (Unix seconds) though no reading came."""
        return self._drafts(self._windows.close(now))

    def city(self, air: CityAir) -> list[Draft]:
        """Takes the city's air in and judges what waited for it."""
        self._city.update(air)
        return [draft for limit in self._limits for draft in limit.city_changed()]

    def mark(self, mark: Mark | None) -> None:
        """A person's word on the sensor's data, or None when it is taken back."""
        self._quality.mark = mark

    def pause(self) -> list[Draft]:
        """Closes the shortest window, whole or not; the others go on with the next reading, or after ``recall``."""
        return self._drafts(self._windows.pause())

    def finish(self) -> list[Draft]:
        """Closes all windows, whole or not."""
        return self._drafts(self._windows.flush())

    def memory(self) -> WatchMemory:
        """What must be known again after a restart; it goes on changing, so write it down at once."""
        return WatchMemory(
            {f"{watch.label} {watch.limit.value:g}": watch.memory() for watch in self._limits},
            self._city.last(WAITING_MAX),
            self._windows.memory(),
        )

    def recall(self, memory: WatchMemory) -> None:
        """Goes on where ``memory`` was taken; limits it does not know begin anew."""
        if memory.windows:
            self._windows.recall(memory.windows, self._sensor)
        for air in memory.city:
            self._city.update(air)
        for watch in self._limits:
            known = memory.limits.get(f"{watch.label} {watch.limit.value:g}")
            if known is not None:
                watch.recall(known)

    @property
    def waiting(self) -> int:
        """How many windows wait for the city's air."""
        return sum(limit.waiting for limit in self._limits)

    def state(self) -> dict[str, Any]:
        """What is counted: readings left out because their window was closed, limits that are exceeded now."""
        return {
            "late_readings": self._windows.late_count,
            "exceedances": [w.exceedance for w in self._limits if w.exceedance],
        }

    def _drafts(self, windows: Iterable[WindowResult]) -> list[Draft]:
        drafts: list[Draft] = []
        for closed in windows:
            window = self._excused(closed)
            if not window.rolling and window.window_s in self._reported:
                drafts.append(self._dust(window))
            for limit in self._limits:
                drafts += limit.update(window)
        return drafts

    def _excused(self, window: WindowResult) -> WindowResult:
        """A window whose readings are missing because somebody works on the sensor says so."""
        mark = self._quality.mark
        if mark is None or not mark.holds(window.start + window.window_s / 2):
            return window
        values = {
            name: replace(s, flag=mark.flag, reason=mark.reason) if s.flag is Quality.COMMUNICATION_LOST else s
            for name, s in window.values.items()
        }
        return replace(window, values=values)

    def _dust(self, window: WindowResult) -> Draft:
        values = {
            name: Statistic(
                mean=rounded(s.mean),
                min=rounded(s.min),
                max=rounded(s.max),
                count=s.count,
                flag=s.flag.value,
                share=round(s.share, 4),
                reason=s.reason,
                levels=dict(s.levels) if s.levels else msgspec.UNSET,
            )
            for name, s in window.values.items()
        }
        data = DustData(
            sensor=window.sensor,
            start=rfc3339(window.start),
            window_s=window.window_s,
            values=values,
            correction=self._correction,
            readings=self._readings(window.start) if window.window_s == self._report_window_s else None,
        )
        return Draft("dust", window.closed, data, subject=window.sensor)

    def _readings(self, start: float) -> Readings | None:
        if self._rows is None:
            return None
        until = start + self._report_window_s
        rows = [row for row in self._rows if start <= row.time < until]
        self._rows = [row for row in self._rows if row.time >= until]
        names = sorted({name for row in rows for name in row.values})
        flagged = sorted({name for row in rows for name in row.flags})
        reasons = {n: "; ".join(dict.fromkeys(why for _, why in row.flags.values())) for n, row in enumerate(rows)}
        return Readings(
            offset_s=[round(row.time - start, 3) for row in rows],
            quality=[next((flag.value for flag, _ in row.flags.values()), NORMAL) for row in rows],
            values={name: [rounded(row.values.get(name)) for row in rows] for name in names},
            flags={
                name: [row.flags[name][0].value if name in row.flags else NORMAL for row in rows] for name in flagged
            },
            reasons={n: why for n, why in reasons.items() if why},
        )

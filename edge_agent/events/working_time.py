"""Deadlines in working hours: 8-12 and 14-18 on working days, so that 1 工作日 is 8 工作小时. Pure.

The deadline is the first moment at which the limit has passed in working time: a limit used up exactly at noon ends at
noon, not when work goes on. What begins outside working time counts from the next window's beginning.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_WEEKEND = 5
_MOST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Calendar:
    """``windows_min``: minutes of the day (begin, end), in order and apart; ``years`` with known holidays."""

    windows_min: Sequence[tuple[int, int]]
    holidays: Collection[date] = frozenset()
    workdays: Collection[date] = frozenset()
    years: Collection[int] = frozenset()
    utc_offset_h: float = 8.0

    def works(self, day: date) -> bool:
        """Whether ``day`` is a working day."""
        if day in self.workdays:
            return True
        return day.weekday() < _WEEKEND and day not in self.holidays

    def local(self, time: float) -> datetime:
        """Unix seconds as the local time of day, without a zone."""
        return (datetime.fromtimestamp(time, UTC) + timedelta(hours=self.utc_offset_h)).replace(tzinfo=None)

    def knows(self, begin: float, end: float) -> bool:
        """Whether the holidays of all years between two Unix times are known."""
        years = range(self.local(begin).year, self.local(end).year + 1)
        return all(year in self.years for year in years)


def deadline(start: float, limit_h: float, calendar: Calendar) -> float:
    """Unix seconds when ``limit_h`` working hours have passed since ``start`` (Unix seconds).

    Raises ValueError for a limit that is not over within ten years, as on a calendar without working days.
    """
    left_s = limit_h * 3600.0
    if left_s <= 0:
        return start
    begin = calendar.local(start)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    now_s = (begin - midnight).total_seconds()
    midnight_s = start - now_s
    for day in range(_MOST_DAYS):
        if calendar.works((midnight + timedelta(days=day)).date()):
            for opens_min, closes_min in calendar.windows_min:
                opens_s = max(opens_min * 60.0, now_s if day == 0 else 0.0)
                length_s = closes_min * 60.0 - opens_s
                if length_s >= left_s > 0:
                    return midnight_s + day * 86400.0 + opens_s + left_s
                left_s -= max(0.0, length_s)
    raise ValueError(f"{limit_h:g} working hours are not over within {_MOST_DAYS} days; see working_hours, holidays")

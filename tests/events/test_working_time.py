"""Deadlines in working hours, held against a count minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.events.working_time import Calendar, deadline

WINDOWS = [(480, 720), (840, 1080)]
CHINA = Calendar(
    WINDOWS, holidays={date(2026, 10, d) for d in range(1, 8)}, workdays={date(2026, 9, 20), date(2026, 10, 10)}
)
EPOCH = datetime(2026, 9, 14, tzinfo=UTC)


def at(text: str) -> float:
    """Local time in China as Unix seconds."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=8)).timestamp()


def said(time: float) -> str:
    return (datetime.fromtimestamp(time, UTC) + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-09-14 09:00", 2, "2026-09-14 11:00"),
        ("2026-09-14 09:00", 3, "2026-09-14 12:00"),
        ("2026-09-14 11:00", 2, "2026-09-14 15:00"),
        ("2026-09-14 23:41", 4, "2026-09-15 12:00"),
        ("2026-09-18 17:00", 2, "2026-09-20 09:00"),  # Friday evening; that Sunday is worked
        ("2026-09-25 17:30", 1, "2026-09-28 08:30"),  # Friday evening, an ordinary weekend
        ("2026-09-30 16:00", 4, "2026-10-08 10:00"),  # over the week of the National Day
        ("2026-10-09 17:00", 3, "2026-10-10 10:00"),  # the Saturday after it is worked
        ("2026-09-14 08:00", 16, "2026-09-15 18:00"),  # two working days of eight hours
    ],
)
def test_deadlines_counted_by_hand(start: str, hours: float, due: str) -> None:
    assert said(deadline(at(start), hours, CHINA)) == due


def brute(start_min: int, limit_min: int, calendar: Calendar) -> int:
    """Minutes since EPOCH (local) at which so many working minutes have passed: one look at every minute."""
    minute, works_on = start_min, dict[int, bool]()
    while limit_min:
        day, day_min = divmod(minute, 1440)
        local = works_on.get(day)
        if local is None:
            on = (EPOCH + timedelta(days=day)).date()
            local = on in calendar.workdays or (on.weekday() < 5 and on not in calendar.holidays)
            works_on[day] = local
        if local and any(begin <= day_min < end for begin, end in calendar.windows_min):
            limit_min -= 1
        minute += 1
    return minute


@settings(deadline=None, max_examples=40)
@given(
    start=st.integers(0, 20 * 1440),
    limit=st.integers(1, 60 * 60),
    edges=st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).filter(lambda e: len(e) % 2 == 0),
    days=st.lists(st.sampled_from("hwo"), min_size=30, max_size=30),
    offset=st.sampled_from([8.0, 0.0, -3.5]),
)
def test_any_deadline_agrees_with_counting_every_minute(
    start: int, limit: int, edges: list[int], days: list[str], offset: float
) -> None:
    pairs = sorted(edges)
    windows = list(zip(pairs[::2], pairs[1::2], strict=True))
    limit = min(limit, 15 * sum(end - begin for begin, end in windows))
    dates = [(EPOCH + timedelta(days=n)).date() for n in range(30)]
    calendar = Calendar(
        windows,
        holidays={d for d, kind in zip(dates, days, strict=True) if kind == "h"},
        workdays={d for d, kind in zip(dates, days, strict=True) if kind == "w"},
        utc_offset_h=offset,
    )
    shift = EPOCH.timestamp() - offset * 3600
    found = deadline(shift + start * 60, limit / 60, calendar)
    assert found == pytest.approx(shift + brute(start, limit, calendar) * 60, abs=1e-3)


@given(st.floats(0, 30 * 86400), st.floats(0.01, 100), st.floats(0, 86400))
def test_a_deadline_never_comes_sooner_for_a_later_start_or_a_longer_limit(t: float, h: float, later: float) -> None:
    start = EPOCH.timestamp() + t
    assert deadline(start, h, CHINA) > start
    assert deadline(start + later, h, CHINA) >= deadline(start, h, CHINA) - 1e-3
    assert deadline(start, h + 1, CHINA) > deadline(start, h, CHINA)


def test_a_calendar_without_working_days_is_an_error_not_a_loop() -> None:
    never = Calendar([(480, 481)], holidays={date(2026, 1, 1) + timedelta(days=n) for n in range(5000)})
    with pytest.raises(ValueError, match="not over within"):
        deadline(EPOCH.timestamp(), 8, never)

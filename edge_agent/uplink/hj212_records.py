"""Dust windows as HJ 212 writes them: factor codes, units, decimals; and windows joined to longer ones. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from edge_agent.config.hj212 import Factor, Hj212
from edge_agent.hj212 import Cp
from edge_agent.messages.dust import DustData, Statistic
from edge_agent.messages.envelope import rfc3339

VALID_SHARE = 0.75
_UNIT_SCALE = {"ug/m3": (1.0, 1), "mg/m3": (0.001, 4), "ng/m3": (1000.0, 0)}
_DUST_CODES = {
    "tsp_ug_m3": "a34001",
    "pm10_ug_m3": "a34002",
    "pm2_5_ug_m3": "a34004",
    "pm1_ug_m3": "a34005",
}
_OTHER_FACTORS = {
    "temperature_c": Factor(code="a01001", decimals=1),
    "humidity_percent": Factor(code="a01002", decimals=1),
    "pressure_kpa": Factor(code="a01006", decimals=2),
    "wind_speed_m_s": Factor(code="a01007", decimals=1),
    "wind_direction_deg": Factor(code="a01008", decimals=0),
    "noise_db": Factor(code="LA", decimals=1),
}
_NOISE = "noise_db"
_DIRECTION = "wind_direction_deg"
_PERCENTS = (5, 10, 50, 90, 95)
_DAY_FROM_H, _DAY_UNTIL_H = 6, 22
Pairs = tuple[tuple[str, str], ...]


def factors(settings: Hj212) -> dict[str, Factor]:
    """Code, scale and decimals by value name: HJ 212-2017 appendix B, the platform's unit, the platform's own."""
    scale, decimals = _UNIT_SCALE[settings.dust_unit]
    dust = {name: Factor(code=code, scale=scale, decimals=decimals) for name, code in _DUST_CODES.items()}
    return {**dust, **_OTHER_FACTORS, **settings.factors}


def local_time(time: float, utc_offset_h: float, *, milliseconds: bool = False) -> str:
    """``YYYYMMDDhhmmss``, or with ``zzz`` as QN wants it."""
    there = datetime.fromtimestamp(time, timezone(timedelta(hours=utc_offset_h)))
    text = there.strftime("%Y%m%d%H%M%S")
    return f"{text}{there.microsecond // 1000:03d}" if milliseconds else text


def from_local_time(text: str, utc_offset_h: float) -> float:
    """Unix seconds of ``YYYYMMDDhhmmss`` and longer. Raises ValueError."""
    if len(text) < 14 or not text.isdigit():
        raise ValueError(f"{text!r} is no YYYYMMDDhhmmss")
    there = datetime.strptime(text[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007
    return there.replace(tzinfo=UTC).timestamp() - utc_offset_h * 3600


def real_time_cp(data: DustData, time: float, table: Mapping[str, Factor], utc_offset_h: float) -> Cp:
    """CP of a 2011: ``DataTime`` is an instant, ``-Rtd`` the mean of the newest window."""
    out: list[Pairs] = [(("DataTime", local_time(time, utc_offset_h)),)]
    for name, factor in table.items():
        value = data.values.get(name)
        if value is None:
            continue
        code = factor.code
        pairs = [(f"{code}-Flag", value.flag)]
        if value.mean is not None:
            pairs.insert(0, (f"{code}-Rtd", _written(value.mean, factor)))
        out.append(tuple(pairs))
    return tuple(out)


def period_cp(data: DustData, start: float, table: Mapping[str, Factor], utc_offset_h: float) -> Cp:
    """CP of a 2051, 2061 or 2031: ``DataTime`` is the period's start; noise has the standard's own form (C.26)."""
    out: list[Pairs] = [(("DataTime", local_time(start, utc_offset_h)),)]
    for name, factor in table.items():
        value = data.values.get(name)
        if value is None:
            continue
        if name == _NOISE and factor.code == "LA":
            levels = {} if value.levels is msgspec.UNSET else value.levels
            told: list[tuple[str, float | None]]
            told = [(f"L{percent}-Data", exceeded(levels, percent)) for percent in _PERCENTS if levels]
            told += [("Leq-Data", value.mean), ("LMx-Data", value.max), ("LMn-Data", value.min)]
            out += [((field, _written(level, factor)),) for field, level in told if level is not None]
            continue
        code = factor.code
        pairs = []
        if value.mean is not None and value.min is not None and value.max is not None:
            for tail, level in (("Min", value.min), ("Avg", value.mean), ("Max", value.max)):
                pairs.append((f"{code}-{tail}", _written(level, factor)))
        out.append((*pairs, (f"{code}-Flag", value.flag)))
    return tuple(out)


def exceeded(levels: Mapping[int, int], percent: float) -> float:
    """The level in dB that ``percent`` of the samples reach (GB 3096: of 100 samples, highest first, the 10th is L10).

    ``levels``: samples by tenths of dB, at least one.
    """
    wanted = math.ceil(sum(levels.values()) * percent / 100)
    for level in sorted(levels, reverse=True):
        wanted -= levels[level]
        if wanted <= 0:
            return level / 10
    raise ValueError("no samples")


def day_and_night_cp(parts: Iterable[DustData], table: Mapping[str, Factor], utc_offset_h: float) -> Cp:
    """Noise of a day from its shorter windows: Ld of 06:00 to 22:00, Ln of the rest of the calendar day, Ldn of both.

    GB 3096: Ldn = 10 lg ((16 * 10^(Ld/10) + 8 * 10^((Ln+10)/10)) / 24). Where it stands in a 2031 is unconfirmed: the
    form is that of C.26, and ``-DayData`` and ``-NightData`` say the same once more. What has no sample is left out.
    """
    factor = table.get(_NOISE)
    if factor is None or factor.code != "LA":
        return ()
    halves: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for part in parts:
        value = part.values.get(_NOISE)
        hour = (datetime.fromisoformat(part.start).timestamp() / 3600 + utc_offset_h) % 24
        if value is not None and value.mean is not None and value.count:
            halves[_DAY_FROM_H <= hour < _DAY_UNTIL_H].append((value.mean, value.count))
    day, night = (_mean(_NOISE, halves[half]) if halves[half] else None for half in (True, False))
    told = [("Ld-Data", day), ("Ln-Data", night), ("Leq-DayData", day), ("Leq-NightData", night)]
    if day is not None and night is not None:
        told.append(("Ldn-Data", 10 * math.log10((16 * 10 ** (day / 10) + 8 * 10 ** (night / 10 + 1)) / 24)))
    return tuple(((field, _written(level, factor)),) for field, level in told if level is not None)


def combined(parts: list[DustData], start: float, window_s: float) -> DustData:
    """One window of shorter ones and of parts of itself: means weighted by count, shares by length."""
    names = dict.fromkeys(name for part in parts for name in part.values)
    values = {name: _joined(name, parts, window_s) for name in names}
    first = parts[0]
    return DustData(
        sensor=first.sensor, start=rfc3339(start), window_s=window_s, values=values, correction=first.correction
    )


def _joined(name: str, parts: list[DustData], window_s: float) -> Statistic:
    known = [(part.window_s, part.values[name]) for part in parts if name in part.values]
    share = min(1.0, sum(length * value.share for length, value in known) / window_s)
    count = sum(value.count for _, value in known)
    measured = [(value.mean, value.count) for _, value in known if value.mean is not None and value.count]
    flag, reason = "N", ""
    if share < VALID_SHARE:
        others = Counter(value.flag for _, value in known if value.flag != "N")
        flag = others.most_common(1)[0][0] if others else "B"
        reason = next((value.reason for _, value in known if value.reason), "readings are missing")
    return Statistic(
        mean=round(_mean(name, measured), 3) if measured else None,
        min=min((value.min for _, value in known if value.min is not None), default=None),
        max=max((value.max for _, value in known if value.max is not None), default=None),
        count=count,
        flag=flag,
        share=round(share, 4),
        reason=reason,
        levels=_levels([value for _, value in known if value.count]),
    )


def _levels(values: list[Statistic]) -> dict[int, int] | msgspec.UnsetType:
    """All samples by level; unset where some of the windows do not tell theirs."""
    joined: Counter[int] = Counter()
    for value in values:
        if value.levels is msgspec.UNSET:
            return msgspec.UNSET
        joined.update(value.levels)
    return dict(joined) if joined else msgspec.UNSET


def _mean(name: str, measured: list[tuple[float, int]]) -> float:
    count = sum(n for _, n in measured)
    if name == _NOISE:
        return 10 * math.log10(sum(10 ** (mean / 10) * n for mean, n in measured) / count)
    if name == _DIRECTION:
        east = sum(math.sin(math.radians(mean)) * n for mean, n in measured)
        north = sum(math.cos(math.radians(mean)) * n for mean, n in measured)
        return math.degrees(math.atan2(east, north)) % 360
    return sum(mean * n for mean, n in measured) / count


def _written(value: float, factor: Factor) -> str:
    return f"{value * factor.scale:.{factor.decimals}f}"

"""Which values of a reading can be believed, value by value, with the flags of HJ 212 and a reason.

Pure and deterministic: state is the last change of every value, time comes with the readings.

====  ====================================================================================================
flag  given here to
====  ====================================================================================================
T     a value outside its range, or not a number
D     a value that has not changed at all for ``stuck_s``; a finer fraction above a coarser one
M F   what a person marked: maintenance, out of service, calibration, set by hand; it outranks every other flag
C S
B     nothing here: windows give it to the time for which no reading came (stale)
====  ====================================================================================================

A reading that is already not normal (warm-up C, fault D, maintenance M…) keeps its flag and reason for all its values,
or for those it names. An hour without readings is no hour without change: a gap begins ``stuck_s`` anew.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.readings import Quality, Reading
from edge_agent.config.dust import Quality as QualityConfig

RANGES: dict[str, tuple[float, float]] = {
    "pm1_ug_m3": (0, 30000),
    "pm2_5_ug_m3": (0, 30000),
    "pm4_ug_m3": (0, 30000),
    "pm10_ug_m3": (0, 30000),
    "tsp_ug_m3": (0, 60000),
    "temperature_c": (-50, 85),
    "humidity_percent": (0, 100),
    "pressure_kpa": (30, 120),
    "wind_speed_m_s": (0, 75),
    "wind_direction_deg": (0, 360),
    "noise_db": (20, 145),
}
FRACTIONS = ("pm1_ug_m3", "pm2_5_ug_m3", "pm4_ug_m3", "pm10_ug_m3", "tsp_ug_m3")
STUCK = frozenset((*FRACTIONS, "noise_db"))
ANY = (-sys.float_info.max, sys.float_info.max)
GAP_INTERVALS = 3
NO_FLAGS: Mapping[str, tuple[Quality, str]] = {}


@dataclass(frozen=True, slots=True)
class Checked:
    """A reading whose values were looked at; ``flags`` names those that are not normal, with flag and reason."""

    time: float
    sensor: str
    values: Mapping[str, float]
    flags: Mapping[str, tuple[Quality, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's word on ``[since, until)``, Unix seconds."""

    flag: Quality
    reason: str
    since: float
    until: float

    def holds(self, time: float) -> bool:
        return self.since <= time < self.until


class QualityCheck:
    """``update(reading)`` gives the reading with the flags of its values, and corrected values beside raw ones."""

    def __init__(self, config: QualityConfig, interval_s: float = 1.0) -> None:
        """``interval_s`` is the expected time between readings."""
        self._config = config
        self._gap_s = max(GAP_INTERVALS * interval_s, config.stuck_s / 10)
        self._last_time = float("inf")
        self.mark: Mark | None = None
        self._ranges = RANGES | config.ranges
        self._unchanged: dict[str, tuple[float, float]] = {}

    def update(self, reading: Reading) -> Checked:
        """Pure but for the memory of the last change of each value."""
        if reading.time - self._last_time > self._gap_s:
            self._unchanged.clear()
        self._last_time = reading.time
        mark = self.mark
        if mark is not None and mark.holds(reading.time):
            flag = (mark.flag, mark.reason)
            return Checked(reading.time, reading.sensor, reading.values, dict.fromkeys(reading.values, flag))
        if reading.quality is not Quality.NORMAL and reading.flags is None:
            flag = (reading.quality, reading.reason)
            return Checked(reading.time, reading.sensor, reading.values, dict.fromkeys(reading.values, flag))
        flags = dict(reading.flags) if reading.flags else {}
        values = reading.values
        time, stuck_s = reading.time, self._config.stuck_s
        for name, value in values.items():
            if name in flags:
                continue
            low, high = self._ranges.get(name, ANY)
            if not low <= value <= high:
                flags[name] = (Quality.OVER_RANGE, f"over range: {value:g}")
            elif name in STUCK:
                last = self._unchanged.get(name)
                if last is None or last[0] != value or time < last[1]:
                    self._unchanged[name] = (value, time)
                elif 0 < stuck_s <= time - last[1]:
                    flags[name] = (Quality.FAULT, f"stuck at {value:g}")
        self._compare_fractions(values, flags)
        if self._config.humidity_correction == "kappa-koehler":
            values = self._corrected(values, flags)
        return Checked(reading.time, reading.sensor, values, flags or NO_FLAGS)

    def _compare_fractions(self, values: Mapping[str, float], flags: dict[str, tuple[Quality, str]]) -> None:
        coarser: str | None = None
        for finer in reversed(FRACTIONS):
            if finer not in values or finer in flags:
                continue
            if coarser is not None:
                allowed = values[coarser] * (1 + self._config.plausible_excess_share)
                if values[finer] > allowed + self._config.plausible_excess_ug_m3:
                    why = f"implausible: {finer} {values[finer]:g} above {coarser} {values[coarser]:g}"
                    flags[finer] = flags[coarser] = (Quality.FAULT, why)
            coarser = finer

    def _corrected(self, values: Mapping[str, float], flags: dict[str, tuple[Quality, str]]) -> dict[str, float]:
        """Values and, where humidity is known and normal, ``pm…_corrected_ug_m3``; a flagged raw value flags it too."""
        out = dict(values)
        humidity = values.get("humidity_percent")
        if humidity is None or "humidity_percent" in flags:
            return out
        growth = kappa_koehler(humidity, self._config.kappa)
        for name in FRACTIONS:
            if name in values:
                corrected = corrected_name(name)
                out[corrected] = values[name] / growth
                if name in flags:
                    flags[corrected] = flags[name]
        return out


def corrected_name(name: str) -> str:
    """``pm2_5_ug_m3`` gives ``pm2_5_corrected_ug_m3``."""
    return name.removesuffix("_ug_m3") + "_corrected_ug_m3"


def correction_name(config: QualityConfig) -> str:
    """The method's name as it is published, empty for none."""
    if config.humidity_correction == "none":
        return ""
    return f"kappa-koehler, kappa {config.kappa:g} (Crilley et al. 2018, Atmos. Meas. Tech. 11, 709, eq. 2)"


def kappa_koehler(humidity_percent: float, kappa: float) -> float:
    """How many times too much an optical sensor reads in moist air (Crilley et al. 2018): 1 + (κ/1.65)/(1/a_w - 1).

    ``humidity_percent`` 0..100; above 95 % it is taken as 95 %, where the growth curve stops being usable.
    """
    activity = min(max(humidity_percent, 0.0), 95.0) / 100
    return 1.0 if activity == 0 else 1 + (kappa / 1.65) / (1 / activity - 1)

"""The reading: one measured set of values at a time, with units in the names and a quality.

Value names: ``pm1_ug_m3 pm2_5_ug_m3 pm4_ug_m3 pm10_ug_m3 tsp_ug_m3 temperature_c humidity_percent pressure_kpa
wind_speed_m_s wind_direction_deg noise_db``; raw ones add what they are, as ``pm2_5_cf1_ug_m3`` or ``n0_3_per_cm3``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """Data flags of HJ 212-2017, table of data marks; warm-up counts as calibrating."""

    NORMAL = "N"
    OUT_OF_SERVICE = "F"
    MAINTENANCE = "M"
    MANUAL = "S"
    FAULT = "D"
    CALIBRATING = "C"
    OVER_RANGE = "T"
    COMMUNICATION_LOST = "B"


@dataclass(frozen=True, slots=True)
class Reading:
    """``time`` is Unix seconds (UTC) at reception; ``reason`` says why the quality is not normal.

    ``flags`` names the values that are not normal, with flag and reason, where the others are; None: ``quality`` is
    that of all values.
    """

    time: float
    sensor: str
    values: Mapping[str, float]
    quality: Quality = Quality.NORMAL
    reason: str = ""
    flags: Mapping[str, tuple[Quality, str]] | None = None

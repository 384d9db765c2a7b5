"""Dust sensors and the limits on what they measure. Limits are data: written here, or a set from ``config/limits``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.section import Name, Seconds, Section, Share

WindowSeconds = Annotated[float, msgspec.Meta(ge=1, le=86400)]


class AqiAdjustment(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``subtract`` (unit of the value) is taken off while the city's AQI lies in the range and ``primary`` leads it."""

    aqi_min: Annotated[float, msgspec.Meta(ge=0, le=1000)]
    aqi_max: Annotated[float, msgspec.Meta(ge=0, le=1000)]
    primary: list[Literal["pm10", "pm2_5"]]
    subtract: Annotated[float, msgspec.Meta(gt=0)]


class Limit(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``value`` (in the unit of ``value_name``) may not be exceeded by ``statistic`` over windows of ``window_s``.

    ``aligned`` windows start on the clock (:00, :15, :30, :45), ``rolling`` ones end with every report window.
    ``background`` names the value of the city series that is subtracted first. More than ``allowed_per_day``
    exceeding windows in one local day are a violation. ``confirmed`` says whether the figure was read in the
    standard itself or a page that cites it; where that is not written it was not, and a person must look at what it
    raises. ``case`` is the part of the set it belongs to (urban, demolition…), empty for every case.
    """

    name: str = ""
    value_name: str
    value: Annotated[float, msgspec.Meta(gt=0)]
    window_s: WindowSeconds = 900.0
    alignment: Literal["aligned", "rolling"] = "aligned"
    statistic: Literal["mean", "max"] = "mean"
    background: str = ""
    aqi_adjustment: AqiAdjustment | None = None
    allowed_per_day: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0
    min_valid_share: Share = 0.75
    standard: str = ""
    source: str = ""
    confirmed: bool = False
    case: str = ""


class Quality(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a value not normal; ``ranges`` replaces the built-in ranges of values; ``stuck_s`` 0 means never."""

    ranges: dict[str, tuple[float, float]] = {}
    stuck_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 3600.0
    plausible_excess_share: Share = 0.1
    plausible_excess_ug_m3: Annotated[float, msgspec.Meta(ge=0, le=100)] = 3.0
    humidity_correction: Literal["none", "kappa-koehler"] = "none"
    kappa: Annotated[float, msgspec.Meta(gt=0, le=1.5)] = 0.4

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            if not low < high:
                raise ValueError(f"ranges: {name} [{low:g}, {high:g}] is empty; give the lower bound first")


class DustSensor(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``port`` is a serial device, best its /dev/serial/by-id path, or ``simulated:``; an empty ``mode`` is the usual
    one of the driver. ``warm_up_s``: 30 s is what is said of laser sensors; no maker's text was read for it.

    ``city_file`` is a CSV with the city's air for limits that subtract it; it is read anew when it changes.
    ``limits`` is a list, or the name of a set in ``config/limits`` of which ``limits_case`` chooses the part.
    ``publish_readings`` sends every reading along with its report window, some kilobytes a minute.
    Every ``report_window_s`` and each of ``long_windows_s`` is published; days begin at local midnight.
    """

    name: Name = "dust"
    driver: str
    port: str
    model: str = ""
    mode: Literal["", "active", "query"] = ""
    interval_s: Annotated[float, msgspec.Meta(ge=0.2, le=3600)] = 1.0
    warm_up_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 30.0
    report_window_s: Seconds = 60.0
    long_windows_s: tuple[WindowSeconds, ...] = (3600.0, 86400.0)
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0
    publish_readings: bool = False
    limits: list[Limit] | str = []
    limits_case: str = ""
    city_file: str = ""
    quality: Quality = Quality()

    def __post_init__(self) -> None:
        if self.interval_s > self.report_window_s:
            problem = f"interval_s {self.interval_s:g} is longer than report_window_s {self.report_window_s:g}"
            raise ValueError(
                f"{problem}: most windows would hold no reading; make the window a multiple of the interval"
            )


def shortest_window_s(sensor: DustSensor) -> float:
    """The shortest of the windows that are published of it."""
    return min(sensor.report_window_s, *sensor.long_windows_s)

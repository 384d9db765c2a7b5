"""Dust sensors and the limits on what they measure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.section import Name, Seconds, Section, Share


class Limit(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``value`` (unit in ``value_name``) may not be exceeded by the mean over clock-aligned windows of ``window_s``."""

    value_name: str
    value: Annotated[float, msgspec.Meta(gt=0)]
    window_s: Annotated[float, msgspec.Meta(ge=1, le=86400)] = 900.0
    min_valid_share: Share = 0.75
    standard: str = ""


class DustSensor(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``port`` is a serial device, best its /dev/serial/by-id path, or ``simulated:``."""

    name: Name = "dust"
    driver: str
    port: str
    model: str = ""
    mode: Literal["active", "query"] = "active"
    interval_s: Annotated[float, msgspec.Meta(ge=0.2, le=3600)] = 1.0
    warm_up_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 30.0
    report_window_s: Seconds = 60.0
    limits: list[Limit] = []

"""Fog cannons and sprinklers: when a relay is switched."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Name, Seconds, Section


class Actuator(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``port``: ``simulated:``, ``gpio:/dev/gpiochip0/17`` or ``modbus:/dev/ttyUSB0?unit=1&coil=0``.

    On when the mean of ``value_name`` over a report window of ``sensor`` is above ``on_above``, off again below
    ``off_below``; with ``on_exceedance`` also while a limit is exceeded. Once on it stays on for ``min_on_s``, once off
    for ``min_off_s``; a local day has at most ``max_on_s`` of it. Without valid data for ``stale_s`` it goes off.
    """

    name: Name = "fog"
    port: str
    sensor: Name = "dust"
    value_name: str = "pm10_ug_m3"
    on_above: Annotated[float, msgspec.Meta(gt=0)]
    off_below: Annotated[float, msgspec.Meta(gt=0)]
    on_exceedance: bool = True
    min_on_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 60.0
    min_off_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 300.0
    max_on_s: Seconds = 7200.0
    stale_s: Seconds = 300.0
    active_low: bool = False
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0

    def __post_init__(self) -> None:
        if self.off_below >= self.on_above:
            raise ValueError(f"off_below: {self.off_below:g} must be under on_above {self.on_above:g}")

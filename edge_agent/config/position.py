"""The satellite receiver of a device that moves, such as a patrol car (移动巡检车)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Section


class Position(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``port`` is a serial device, best its /dev/serial/by-id path, or ``simulated:``; ``model`` is its bit rate,
    9600 where it is left out.

    A place is told for ``stale_s`` after the receiver last knew it, then none is.
    """

    port: str
    driver: str = "nmea"
    model: str = ""
    stale_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 10.0

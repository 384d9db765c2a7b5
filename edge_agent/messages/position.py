"""Where a device that moves was."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """WGS-84, north and east positive. ``age_s`` is how long before the time asked for the receiver said so.

    ``speed_m_s`` is null where the receiver does not tell it.
    """

    latitude_deg: float
    longitude_deg: float
    speed_m_s: float | None = None
    age_s: float

"""What a device says of itself."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class StatusData(msgspec.Struct, frozen=True, kw_only=True):
    """Retained; the last will says offline. ``problems`` are sentences a person can act on."""

    state: Literal["online", "offline", "stopped"]
    version: str = ""
    kind: str = ""
    problems: list[str] = []


class HealthData(msgspec.Struct, frozen=True, kw_only=True):
    """Sent every ``health_interval_s``: what a maintainer wants to know before driving there."""

    uptime_s: float
    outbox: dict[str, Any]
    sources: dict[str, Any]
    uplinks: dict[str, Any]
    clock: dict[str, Any]
    machine: dict[str, Any]

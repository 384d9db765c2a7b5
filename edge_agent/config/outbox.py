"""Bounds of the outbox and of the evidence on disk."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Section


class Outbox(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``max_mb`` bounds rows and evidence together; ``free_disk_floor_mb`` is left to the rest of the system.

    Telemetry (dust, health) is committed in groups: after ``telemetry_commit_s`` or ``telemetry_commit_rows``,
    whichever is first; a power cut takes at most that much of it. Everything else commits at once. ``history_days``:
    how far back HJ 212 platforms may ask, some 2 MB a day and sensor beside ``max_mb``.
    """

    max_mb: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2048
    free_disk_floor_mb: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 256
    telemetry_commit_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 1.0
    telemetry_commit_rows: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    history_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 31

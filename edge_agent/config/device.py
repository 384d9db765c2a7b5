"""Which box this is and where it keeps what must survive."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.section import Name, Seconds, Section


class Device(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``position`` is WGS-84 latitude and longitude; ``data_dir`` holds the outbox and the evidence.

    ``utc_offset_h`` is the place's time, in which pictures are labelled; messages are in UTC.

    A source without data for ``last_resort_restart_s`` makes the watchdog restart the whole agent, as a last resort.
    """

    id: Name
    site: Name
    kind: Literal["gate", "pole", "dust"]
    position: (
        tuple[
            Annotated[float, msgspec.Meta(ge=-90, le=90)],
            Annotated[float, msgspec.Meta(ge=-180, le=180)],
        ]
        | None
    ) = None
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0
    data_dir: str = "/var/lib/edge-agent"
    health_interval_s: Seconds = 60.0
    last_resort_restart_s: Seconds = 21600.0

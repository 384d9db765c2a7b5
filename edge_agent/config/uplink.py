"""Destinations the outbox is sent to."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Name, Seconds, Section


class Tls(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM; ``ca`` empty means the system's authorities."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


class Mqtt(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``broker`` is ``mqtts://host[:port]``; plain ``mqtt://`` goes to loopback only, unless ``insecure``."""

    name: Name = "broker"
    broker: str
    username: str = ""
    password_file: str = ""
    tls: Tls = Tls()
    insecure: bool = False
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 20
    retry_max_s: Seconds = 60.0

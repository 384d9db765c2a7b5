"""Destinations the outbox is sent to."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, NamedTuple

import msgspec

from edge_agent.config.section import Name, Seconds, Section


class Tls(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM; ``ca`` empty means the system's authorities. ``certificate`` and ``key`` prove the device."""

    ca: str = ""
    certificate: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together: give both or neither")


class Address(NamedTuple):
    """One broker's address; ``secure`` means TLS."""

    host: str
    port: int
    secure: bool

    @property
    def loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.secure else 'mqtt'}://{host}:{self.port}"


_ADDRESS = re.compile(r"^(mqtts?)://(?:\[([0-9A-Fa-f:]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?/?$")


def parse_address(text: str) -> Address:
    """``mqtts://host[:8883]`` or ``mqtt://host[:1883]``; raises ValueError with what is allowed."""
    match = _ADDRESS.match(text)
    port = int(match[4] or (8883 if match[1] == "mqtts" else 1883)) if match else 0
    if match is None or not 0 < port < 65536:
        raise ValueError(f"broker {text!r} is no address; write mqtts://host[:8883], or mqtt://host[:1883] for plain")
    return Address(match[2] or match[3], port, match[1] == "mqtts")


class Mqtt(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``broker`` is ``mqtts://host[:port]`` or a list of them, tried in turn.

    Plain ``mqtt://`` goes to loopback only, unless ``insecure`` is true. ``in_flight`` is the most messages sent and
    not yet acknowledged; a broker that takes fewer is obeyed. ``backfill_per_s`` bounds what is sent of the backlog
    (0: no bound), ``pack_backfill`` sends telemetry of the backlog many to a message. ``max_packet_kb`` splits
    evidence where the broker does not say its own limit. A message refused ``reject_after`` times is set aside.
    ``version`` auto tries MQTT 5 first. ``hold_untrusted_s``: while the clock is not synchronised and something is at
    work to do so, messages wait this long after the first connection, to leave with the right time.
    """

    name: Name = "broker"
    broker: str | list[str]
    username: str = ""
    password_file: str = ""
    tls: Tls = Tls()
    insecure: bool = False
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 20
    retry_max_s: Seconds = 60.0
    session_expiry_s: Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)] = 86_400
    max_packet_kb: Annotated[int, msgspec.Meta(ge=4, le=262_144)] = 1024
    backfill_per_s: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 500.0
    pack_backfill: bool = False
    reject_after: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    version: Literal["auto", "5", "3.1.1"] = "auto"
    hold_untrusted_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0

    def __post_init__(self) -> None:
        if not self.addresses:
            raise ValueError("broker is an empty list; give at least one address")
        for address in self.addresses:
            if not (address.secure or address.loopback or self.insecure):
                raise ValueError(
                    f"broker {address} is plain text to another machine; write mqtts://{address.host}, "
                    "or insecure = true if anybody on the way may read and forge it"
                )

    @property
    def addresses(self) -> list[Address]:
        """In the order they are tried."""
        return [parse_address(text) for text in ([self.broker] if isinstance(self.broker, str) else self.broker)]

    @property
    def plain(self) -> bool:
        """Whether anything may leave this machine unencrypted."""
        return any(not (a.secure or a.loopback) for a in self.addresses)

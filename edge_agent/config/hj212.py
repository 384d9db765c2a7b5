"""Platforms that speak HJ 212; each has its own position in the outbox and its own dialects."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.section import Name, Seconds, Section

MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
Kind = Literal["real-time", "minute", "hour", "day"]


class Factor(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a value is called and written: ``code`` of the platform, value times ``scale`` with ``decimals``."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,16}$", description="a factor code such as a34004")]
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    decimals: Annotated[int, msgspec.Meta(ge=0, le=6)] = 1


class Hj212(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One platform at ``host:port``; ``mn``, ``password`` (PW) and ``st`` as it gave them.

    ``edition`` sets the version bits and RF; ``crc`` the checksum written (both are read). ``dust_unit`` is what
    a34xxx are sent in: the standard's table says ng/m3, platforms want ug/m3 or mg/m3. ``factors`` adds or replaces
    the codes of values by name. ``sensors`` empty means all. ``answer`` asks for a 9014 to every minute, hour and day
    record and keeps it until that comes; without, what was sent counts as arrived. ``min_interval_min`` and
    ``real_time_s`` hold until the platform sets others, which are remembered. ``sm4_key_file`` holds 16 characters or
    32 hexadecimal digits. ``set_clock``: let the platform's 1012 set this machine's clock.
    """

    name: Name = "hj212"
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    mn: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[0-9A-Za-z_.-]{1,27}$",
            description="the MN as the platform gave it: up to 27 letters, digits, '_', '.' or '-', usually 14 to 24",
        ),
    ]
    password: Annotated[str, msgspec.Meta(pattern=r"^[^;,&=#\s]{1,9}$", description="a PW of 1 to 9 characters")]
    st: Annotated[str, msgspec.Meta(pattern=r"^\d{2}$", description="two digits")] = "39"
    edition: Literal["2017", "2025"] = "2017"
    crc: Literal["hj", "modbus"] = "hj"
    notation: Literal["raw", "print"] = "raw"
    sm4_key_file: str = ""
    dust_unit: Literal["ug/m3", "mg/m3", "ng/m3"] = "ug/m3"
    factors: dict[str, Factor] = {}
    sensors: list[Name] = []
    send: tuple[Kind, ...] = ("real-time", "minute", "hour", "day")
    answer: bool = True
    timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=300)] = 10.0
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 3
    reject_after: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    retry_max_s: Seconds = 60.0
    real_time_s: Annotated[int, msgspec.Meta(ge=30, le=3600)] = 60
    min_interval_min: int = 10
    heartbeat_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    backfill_per_s: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0
    set_clock: bool = False

    def __post_init__(self) -> None:
        if self.min_interval_min not in MINUTES:
            allowed = ", ".join(map(str, MINUTES))
            raise ValueError(f"min_interval_min: {self.min_interval_min} is not one of {allowed}")

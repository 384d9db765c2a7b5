"""The envelope: CloudEvents 1.0 in structured JSON, and the draft it is made from.

A draft has no id: ids are given once, by the outbox, when it commits. An id is a UUIDv7 whose 48-bit time is the
message's time and whose other bits come from SHA-256 of device, boot and sequence, so a replay gives the same ids.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec


class TimeTrust(StrEnum):
    """How far the message's time can be trusted."""

    TRUSTED = "trusted"
    CORRECTED = "corrected"
    UNTRUSTED = "untrusted"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture that proves something; ``role`` is full, crop or annotated."""

    role: str
    time: float
    media_type: str
    content: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What a decider hands over to be recorded; ``time`` is Unix seconds, ``pictures`` belong to violations."""

    channel: str
    time: float
    data: msgspec.Struct
    subject: str = ""
    pictures: tuple[Picture, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """CloudEvents 1.0 envelope; ``sequence``, ``boot``, ``historical`` and ``timetrust`` are extension attributes."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    time: str
    subject: str = ""
    datacontenttype: str = "application/json"
    sequence: int
    boot: str
    historical: bool = False
    timetrust: TimeTrust = TimeTrust.TRUSTED
    data: Any


def rfc3339(time: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message_id(time: float, device: str, boot: str, sequence: int) -> str:
    """UUIDv7 (RFC 9562 §5.7) as text; the same arguments give the same id."""
    digest = int.from_bytes(hashlib.sha256(f"{device}|{boot}|{sequence}".encode()).digest()[:10])
    milliseconds = max(0, int(time * 1000)) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | (digest >> 62 & 0xFFF) << 64 | 0b10 << 62 | digest & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def topic(site: str, device: str, channel: str) -> str:
    """``edge/v1/{site}/{device}/{channel}``."""
    return f"edge/v1/{site}/{device}/{channel}"

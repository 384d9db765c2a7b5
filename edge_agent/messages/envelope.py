"""The envelope: CloudEvents 1.0 in structured JSON, and the draft it is made from.

A draft has no id: ids are given once, by the recorder, when it commits. An id is a UUIDv7 whose 48-bit time is the
message's time as it was known when recorded and whose other bits come from SHA-256 of device, boot and sequence, so a
replay gives the same ids. A later correction of the time does not change the id.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

CLOUDEVENTS = "application/cloudevents+json; charset=utf-8"
CLOUDEVENTS_BATCH = "application/cloudevents-batch+json; charset=utf-8"


class TimeTrust(StrEnum):
    """How far the message's time can be trusted, and how it came about.

    ``trusted``: the kernel's clock was synchronised. ``corrected``: it was not, and the time was computed from the
    monotonic clock once it was, in the same boot. ``estimated``: that boot never had a trusted clock; the latest time
    it can have been, before the next boot. ``untrusted``: as the unsynchronised clock had it. ``recorded``: a replay.
    """

    TRUSTED = "trusted"
    CORRECTED = "corrected"
    ESTIMATED = "estimated"
    UNTRUSTED = "untrusted"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture or clip that proves something.

    ``role``: full, crop, clip; overlay (a copy with text), blurred (a copy with what is to be hidden pixelated);
    before, entering, standing, leaving, after (of a stay).
    ``local``: kept on the device and named in the manifest, but not sent unless a platform asks for it.
    ``hide``: boxes (x1, y1, x2, y2 in pixels) of what did nothing, to be hidden in what is sent; see the darkroom.
    ``box``: where the vehicle that is meant is in a full view, in pixels.
    """

    role: str
    time: float
    media_type: str
    content: bytes
    width: int
    height: int
    local: bool = False
    hide: tuple[tuple[float, float, float, float], ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a decider hands over to be recorded; ``time`` is Unix seconds.

    ``pictures`` go only with a channel that takes them. ``clip`` are the frames of a clip still to be made of them.
    """

    channel: str
    time: float
    data: msgspec.Struct
    subject: str = ""
    pictures: tuple[Picture, ...] = ()
    clip: tuple[Picture, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """CloudEvents 1.0 envelope; the fields from ``sequence`` on, without ``data``, are extension attributes.

    ``sequence`` counts a device's messages without a gap, over boots and channels; 0 is a state (status), which is not
    counted. ``monotonicms`` is CLOCK_BOOTTIME within ``boot``; ``timeerrorms`` bounds the error of ``time``, -1 where
    nothing is known of it.
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    time: str
    subject: str = ""
    datacontenttype: str = "application/json"
    sequence: int
    boot: str
    monotonicms: int = 0
    historical: bool = False
    timetrust: TimeTrust = TimeTrust.TRUSTED
    timeerrorms: int = -1
    data: Any


def rfc3339(time: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds, what is below one cut off."""
    hour, rest = divmod(round(time * 1e6) // 1000, 3_600_000)
    minute, rest = divmod(rest, 60_000)
    return f"{_hour(hour)}{minute:02d}:{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(maxsize=256)
def _hour(hour: int) -> str:
    """Date and hour, that many hours after 1970; messages of a backlog share few."""
    return datetime.fromtimestamp(hour * 3600, UTC).isoformat()[:14]


def message_id(time: float, device: str, boot: str, sequence: int, part: str = "") -> str:
    """UUIDv7 (RFC 9562 §5.7) as text; the same arguments give the same id."""
    digest = int.from_bytes(hashlib.sha256(f"{device}|{boot}|{sequence}{part}".encode()).digest()[:10])
    milliseconds = max(0, int(time * 1000)) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | (digest >> 62 & 0xFFF) << 64 | 0b10 << 62 | digest & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def source(site: str, device: str) -> str:
    """The CloudEvents source of a device, ``edge/v1/{site}/{device}``; its topics begin with it."""
    return f"edge/v1/{site}/{device}"


def topic(site: str, device: str, channel: str) -> str:
    """``edge/v1/{site}/{device}/{channel}``."""
    return f"{source(site, device)}/{channel}"

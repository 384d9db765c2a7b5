"""What a gate says: passages, violations and the evidence that follows them."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge_agent.messages.dust import ExceedanceData

Direction = Literal["in", "out", "standing"]
Load = Literal["covered", "uncovered", "empty", "unknown"]
Wheels = Literal["clean", "dusty", "muddy", "unknown"]
Kind = Literal["muddy_truck", "uncovered_load", "unwashed_exit", "outside_hours", "dust_exceedance"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement joined over a passage; ``frames`` are the times (RFC 3339) of the frames it rests on."""

    state: str
    confidence: float
    frames: list[str] = []


class PassageData(msgspec.Struct, frozen=True, kw_only=True):
    """One truck's pass through the gate. ``standing`` is a direction: it never crossed the line.

    ``wash_dwell_s`` is the time in the wash bay; null without a bay or where it is not known.
    """

    passage: str
    camera: str
    direction: Direction
    label: str
    start: str
    end: str
    frames: int
    load: Judged
    wheels: Judged
    wash_dwell_s: float | None = None


class EvidenceRef(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence named in its message; its content follows on ``evidence/{id}/{n}``.

    Where ``sent`` is false it is kept on the device and comes only when it is asked for. ``width`` and ``height`` are
    in pixels, 0 for what is no picture.
    """

    n: int
    role: str
    time: str
    media_type: str
    sha256: str
    size: int
    width: int
    height: int
    sent: bool = True


class ViolationData(msgspec.Struct, frozen=True, kw_only=True):
    """Something a case can be opened for; a passage or an exceedance is what it rests on."""

    kind: Kind
    confidence: float
    passage: PassageData | None = None
    exceedance: ExceedanceData | None = None
    evidence: list[EvidenceRef] = []


class EvidenceData(msgspec.Struct, frozen=True, kw_only=True):
    """One piece, or one part of one piece where the broker takes no larger packets.

    ``violation`` is the id of the message it belongs to. ``of`` counts all pieces of the pack, with those that are not
    sent; which ones these are, the message says.
    ``data`` is base64 in JSON; parts of one piece are joined in order of ``part`` and hash to ``sha256``.
    """

    violation: str
    n: int
    of: int
    role: str
    time: str
    media_type: str
    sha256: str
    size: int
    part: int
    parts: int
    data: bytes

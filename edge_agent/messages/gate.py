"""What a gate says: passages, violations and the evidence that follows them."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge_agent.messages.dust import ExceedanceData
from edge_agent.messages.position import Position

Direction = Literal["in", "out", "standing"]
Load = Literal["covered", "uncovered", "empty", "unknown"]
Wheels = Literal["clean", "dusty", "muddy", "unknown"]
Kind = Literal[
    "muddy_truck",
    "uncovered_load",
    "unwashed_exit",
    "outside_hours",
    "spillage",
    "illegal_parking",
    "dust_exceedance",
]
Severity = Literal["minor", "major", "urgent"]
ReviewAction = Literal["confirm", "correct", "void"]


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


class SpillageData(msgspec.Struct, frozen=True, kw_only=True):
    """Material that lies on the road: ``box`` (x1, y1, x2, y2, relative) and ``share_of_zone``, both as seen.

    ``before`` is when the zone was last seen without it. ``trucks`` counts those that drove over the zone from then
    on; the violation names the last passage that can have left it, and none where that cannot be told.
    """

    share_of_zone: float
    box: tuple[float, float, float, float]
    before: str
    trucks: int


class EvidenceRef(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence named in its message; its content follows on ``evidence/{id}/{n}``.

    Where ``sent`` is false it is kept on the device and comes only when it is asked for. ``width`` and ``height`` are
    in pixels, 0 for what is no picture. ``box`` (x1, y1, x2, y2 in pixels) is where the vehicle is in it, where that is
    known.
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
    box: tuple[float, float, float, float] | None = None


class CaseData(msgspec.Struct, frozen=True, kw_only=True):
    """A violation in a city's words, by the code map called ``codes`` (GB/T 30428.2 or the city's own).

    ``code`` is the city's code of the kind; ``category`` and ``name`` are its 大类 and 小类, ``fields`` its other case
    columns. ``event`` is the 16-character event id (district, code, serial), empty where no district is configured.
    ``deadline`` (RFC 3339) is ``limit_h`` after the violation, in working hours, or round the clock where ``urgent``
    (紧急); it is empty where the map names no limit. ``confirmed`` false: the code or the limit is unconfirmed.
    """

    codes: str
    code: str
    category: str
    name: str
    event: str = ""
    limit_h: float | None = None
    urgent: bool = False
    deadline: str = ""
    fields: dict[str, str] = {}
    confirmed: bool = True


class ViolationData(msgspec.Struct, frozen=True, kw_only=True):
    """Something a case can be opened for; a passage, an exceedance or a stay in a ``zone`` is what it rests on.

    Deciders leave ``severity``, ``needs_review`` and ``case`` as they are here: they are set when it is raised, by the
    thresholds and the code map of the configuration. ``needs_review``: a person must look before a case is opened.
    ``limit`` is what the configuration allowed, such as ``washed >= 20 s``; empty where it names none.
    ``zone`` names where it happened; ``start``, ``end`` (RFC 3339) and ``dwell_s`` are of a standing offence or of
    what lies on the road, ``end`` empty while it lasts. ``position`` is where a device that moves was.
    """

    kind: Kind
    confidence: float
    limit: str = ""
    passage: PassageData | None = None
    exceedance: ExceedanceData | None = None
    spillage: SpillageData | None = None
    zone: str = ""
    start: str = ""
    end: str = ""
    dwell_s: float | None = None
    severity: Severity = "minor"
    needs_review: bool = True
    case: CaseData | None = None
    evidence: list[EvidenceRef] = []
    position: Position | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the message corrected, such as ``kind``, ``load`` or ``end``; before and after as text."""

    field: str
    before: str
    after: str


class CorrectionData(msgspec.Struct, frozen=True, kw_only=True):
    """What a person or the device itself says later of a message already sent, which stays as it was.

    ``of`` is the id of that message, ``of_channel`` its channel. ``by`` is who said it, ``time`` (RFC 3339) when the
    device took it, ``command`` the id of the command it came with. A voided message no longer counts. The newest
    correction of a message holds.
    """

    of: str
    of_channel: Literal["violation", "stay"]
    action: ReviewAction
    by: str
    reason: str
    time: str
    command: str = ""
    changes: list[Change] = []


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

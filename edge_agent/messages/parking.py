"""What a parking pole says: the states of its bays, and the stays of vehicles in them."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge_agent.messages.gate import EvidenceRef

BayState = Literal["free", "occupied", "unknown"]
View = Literal["in place", "moved", "lost", "unknown"]


class BayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bay; ``since`` (RFC 3339) is when its state was first seen, ``confidence`` how sure the last look was.

    ``reason`` says why a state is unknown: hidden (a vehicle stands in front), dark (or fog), camera (moved or
    lost), unclear (nothing seen is sure enough), start (not looked at for long enough).
    """

    id: str
    kind: str
    state: BayState
    since: str
    confidence: float
    reason: Literal["", "hidden", "dark", "camera", "unclear", "start"] = ""


class BayData(msgspec.Struct, frozen=True, kw_only=True):
    """The bays of one camera: those that changed, or all of them where ``complete``.

    ``free``, ``occupied`` and ``unknown`` count all bays of the section. ``view``: whether the camera looks where it
    did when the bays were drawn; where it was ``moved`` the bays were moved along, where it is ``lost`` all are
    unknown. All bays are sent at the start, when ``view`` changes, and every ``confirm_every_s``.
    """

    section: str
    complete: bool
    free: int
    occupied: int
    unknown: int
    view: View
    bays: list[BayRow]


class StayData(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle's time in a bay. Sent when it ``began`` and when it ``ended``, with the same ``stay``.

    Times are RFC 3339. The vehicle came between ``in_earliest`` and ``in_time`` and left between ``out_earliest`` and
    ``out_time``; empty where that is not known (``in_earliest``: it was there when the watch began) or not yet. The
    interval is as long as a look where nothing was hidden, and as an outage where one lies in it. ``also`` names other
    bays the vehicle stands on. ``label`` is what the detector calls it, empty where it did not find it.
    ``unseen_s`` is for how long the bay could not be seen in it. ``dwell_s`` is ``out_time`` less ``in_time``.
    A consumer takes a repeated ``stay`` and ``phase`` for the same record.
    """

    stay: str
    section: str
    bay: str
    phase: Literal["began", "ended"]
    label: str
    in_time: str
    in_earliest: str = ""
    out_time: str = ""
    out_earliest: str = ""
    dwell_s: float | None = None
    unseen_s: float = 0.0
    confidence: float
    also: list[str] = []
    evidence: list[EvidenceRef] = []

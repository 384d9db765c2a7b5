"""The channels: which data class travels on each, under which type and in which class.

The class orders both ways: violations are sent first and evicted last. Classes from DUST on are telemetry: their
commits are grouped within the bounds of the configuration, those before commit at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from edge_agent.messages.dust import DustData, ExceedanceData
from edge_agent.messages.gate import CorrectionData, EvidenceData, PassageData, ViolationData
from edge_agent.messages.parking import BayData, StayData
from edge_agent.messages.site import ActuationData, CardData
from edge_agent.messages.system import AckData, HealthData, LossData, StatusData


class Priority(IntEnum):
    """The lowest number is sent first; the highest is evicted first, a violation never while anything else is left."""

    VIOLATION = 0
    EVIDENCE = 1
    STAY = 2
    PASSAGE = 3
    DUST = 4
    HEALTH = 5

    @property
    def telemetry(self) -> bool:
        """Whether commits may be grouped."""
        return self >= Priority.DUST


@dataclass(frozen=True, slots=True)
class Channel:
    """``name`` is the last part of the topic, ``event_type`` the CloudEvents type.

    ``pictures``: its drafts may carry pictures; its data class then has ``evidence: list[EvidenceRef] = []``.
    """

    name: str
    event_type: str
    data: type[msgspec.Struct]
    priority: Priority
    retained: bool = False
    pictures: bool = False


CHANNELS: dict[str, Channel] = {
    c.name: c
    for c in (
        Channel("violation", "edge.violation.v1", ViolationData, Priority.VIOLATION, pictures=True),
        Channel("correction", "edge.correction.v1", CorrectionData, Priority.VIOLATION),
        Channel("loss", "edge.loss.v1", LossData, Priority.VIOLATION),
        Channel("evidence", "edge.evidence.v1", EvidenceData, Priority.EVIDENCE),
        Channel("stay", "edge.stay.v1", StayData, Priority.STAY, pictures=True),
        Channel("passage", "edge.passage.v1", PassageData, Priority.PASSAGE),
        Channel("bay", "edge.bay.v1", BayData, Priority.PASSAGE),
        Channel("exceedance", "edge.exceedance.v1", ExceedanceData, Priority.PASSAGE),
        Channel("card", "edge.card.v1", CardData, Priority.PASSAGE, retained=True),
        Channel("actuation", "edge.actuation.v1", ActuationData, Priority.PASSAGE),
        Channel("ack", "edge.ack.v1", AckData, Priority.PASSAGE),
        Channel("dust", "edge.dust.v1", DustData, Priority.DUST),
        Channel("health", "edge.health.v1", HealthData, Priority.HEALTH),
        Channel("status", "edge.status.v1", StatusData, Priority.HEALTH, retained=True),
    )
}

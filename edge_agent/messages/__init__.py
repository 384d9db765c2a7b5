"""The words on the wire: the CloudEvents envelope and one data class a channel."""

from edge_agent.messages.channels import CHANNELS, Channel, Priority
from edge_agent.messages.dust import DustData, ExceedanceData, Statistic
from edge_agent.messages.envelope import Draft, Message, Picture, TimeTrust, rfc3339, topic
from edge_agent.messages.gate import (
    CaseData,
    Change,
    CorrectionData,
    EvidenceData,
    EvidenceRef,
    Judged,
    Kind,
    PassageData,
    ReviewAction,
    Severity,
    SpillageData,
    ViolationData,
)
from edge_agent.messages.parking import BayData, BayRow, StayData
from edge_agent.messages.position import Position
from edge_agent.messages.system import AckData, HealthData, StatusData

__all__ = [
    "CHANNELS",
    "AckData",
    "BayData",
    "BayRow",
    "CaseData",
    "Change",
    "Channel",
    "CorrectionData",
    "Draft",
    "DustData",
    "EvidenceData",
    "EvidenceRef",
    "ExceedanceData",
    "HealthData",
    "Judged",
    "Kind",
    "Message",
    "PassageData",
    "Picture",
    "Position",
    "Priority",
    "ReviewAction",
    "Severity",
    "SpillageData",
    "Statistic",
    "StatusData",
    "StayData",
    "TimeTrust",
    "ViolationData",
    "rfc3339",
    "topic",
]

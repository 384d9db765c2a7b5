"""The words on the wire: the CloudEvents envelope and one data class a channel."""

from edge_agent.messages.channels import CHANNELS, Channel, Priority
from edge_agent.messages.dust import DustData, ExceedanceData, Statistic
from edge_agent.messages.envelope import Draft, Message, Picture, TimeTrust, rfc3339, topic
from edge_agent.messages.gate import EvidenceData, EvidenceRef, Judged, PassageData, ViolationData
from edge_agent.messages.system import AckData, HealthData, StatusData

__all__ = [
    "CHANNELS",
    "AckData",
    "Channel",
    "Draft",
    "DustData",
    "EvidenceData",
    "EvidenceRef",
    "ExceedanceData",
    "HealthData",
    "Judged",
    "Message",
    "PassageData",
    "Picture",
    "Priority",
    "Statistic",
    "StatusData",
    "TimeTrust",
    "ViolationData",
    "rfc3339",
    "topic",
]

"""The configuration: one TOML file a device, checked whole before anything starts."""

from edge_agent.config.actuator import Actuator
from edge_agent.config.card import Card
from edge_agent.config.device import Device
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.config.events import Events
from edge_agent.config.evidence import Evidence
from edge_agent.config.gate import Camera, Gate
from edge_agent.config.hj212 import Hj212
from edge_agent.config.load import Config, load
from edge_agent.config.outbox import Outbox
from edge_agent.config.parking import Bay, Pole, Zone
from edge_agent.config.position import Position
from edge_agent.config.review import Review
from edge_agent.config.uplink import Mqtt, Tls

__all__ = [
    "Actuator",
    "Bay",
    "Camera",
    "Card",
    "Config",
    "Device",
    "DustSensor",
    "Events",
    "Evidence",
    "Gate",
    "Hj212",
    "Limit",
    "Mqtt",
    "Outbox",
    "Pole",
    "Position",
    "Review",
    "Tls",
    "Zone",
    "load",
]

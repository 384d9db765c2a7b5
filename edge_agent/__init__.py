"""The edge agent: reads dust and cameras, decides, proves, and never loses an event."""

__version__ = "0.1.0"

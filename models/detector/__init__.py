"""The truck detector: network, training, export and evaluation. Nothing here runs on a device."""

from __future__ import annotations

CLASSES = ("truck", "bus", "car", "other_vehicle", "wheel")
STRIDES = (8, 16, 32)

"""What ``check`` looks at, one function a part; each yields findings and never raises for a part that is ill.

Cameras, ports and brokers are tried for at most a few seconds each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from drivers.errors import EdgeAgentError
from edge_agent import config
from edge_agent.clock import Clock

_SENSOR_WITHIN_S = 5.0
_CAMERA_WITHIN_S = 10.0
_BROKER_WITHIN_S = 8.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    result: Literal["ok", "warn", "fail"]
    found: str
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def config_findings(whole: config.Config) -> Iterator[Finding]:
    """What can be known without hardware and network: the configuration, what it names, models, the data folder."""
    parts = [f"{len(whole.dust)} dust sensor(s)", f"{len(whole.gate)} gate camera(s)", f"{len(whole.mqtt)} broker(s)"]
    yield Finding("config", "ok", f"{whole.device.site}/{whole.device.id}, {', '.join(parts)}")
    if not (whole.dust or whole.gate):
        yield Finding("config", "fail", "nothing to read", "add a [[dust]] or a [[gate]] table")
    if not whole.mqtt:
        yield Finding("config", "warn", "no destination: events stay on this device", "add an [[mqtt]] table")
    for sensor in whole.dust:
        yield _guarded(f"driver {sensor.driver}", lambda s=sensor: _driver(s))  # type: ignore[misc]
    for gate in whole.gate:
        yield from _models(gate)
    yield _data_dir(whole)


def findings(whole: config.Config) -> Iterator[Finding]:
    """Everything."""
    yield from config_findings(whole)
    yield _clock()
    for sensor in whole.dust:
        yield _guarded(f"dust {sensor.name}", lambda s=sensor: _sensor(s))  # type: ignore[misc]
    for gate in whole.gate:
        yield _guarded(f"camera {gate.camera.name}", lambda g=gate: _camera(g))  # type: ignore[misc]
    for broker in whole.mqtt:
        yield _guarded(f"broker {broker.name}", lambda b=broker: _broker(b, whole.device))  # type: ignore[misc]


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except EdgeAgentError as error:
        return Finding(what, "fail", str(error))

"""Keeps a device's evidence: its key at start, its retention every five minutes, a platform's request for a pack.

A device without a camera never touches the key, and imports nothing to sign with.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edge_agent.config import Config, Gate
from edge_agent.errors import ModelError, OutboxError
from edge_agent.evidence.manifest import Model
from edge_agent.outbox import OutboxRecorder

log = logging.getLogger(__name__)

_EVERY_S = 300.0


class EvidenceCommand(msgspec.Struct, frozen=True, kw_only=True):
    """``evidence``: send the pack of message ``violation`` again; ``roles`` chooses some of its pieces."""

    id: str = ""
    violation: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    roles: Annotated[list[Annotated[str, msgspec.Meta(max_length=32)]], msgspec.Meta(max_length=32)] = []


class EvidenceKeeper:
    """Made when the recorder is open. Raises ConfigError or OutboxError for a key that cannot be used or made."""

    def __init__(self, config: Config, recorder: OutboxRecorder) -> None:
        self._bounds = config.evidence
        self._recorder = recorder
        self._seal = recorder.outbox.evidence.seal
        self._due = float("-inf")
        self._problem = ""
        if self._seal is None or not (config.gate or config.pole):
            return
        try:
            log.info("evidence is signed with the key %s", self._seal.key.public)
        except OSError as error:
            raise OutboxError(f"{self._seal.key_file} cannot be made: {error.strerror}") from error
        self._seal.models = models(config)

    def poll(self, now: float) -> None:
        """Reviews what is kept, every five minutes of ``now`` (monotonic)."""
        if now < self._due:
            return
        self._due = now + _EVERY_S
        try:
            self._recorder.outbox.retain(self._bounds)
            self._problem = ""
        except (OutboxError, OSError) as error:
            self._problem = f"evidence kept long enough could not be removed: {error}"

    def problems(self) -> list[str]:
        """What keeps retention from its work."""
        return [self._problem] if self._problem else []

    @property
    def public_key(self) -> str:
        """In hexadecimal; empty on a device without a camera."""
        return self._seal.public_key if self._seal else ""

    def state(self) -> dict[str, Any]:
        """Key and newest link: whoever keeps these messages can prove later that no link after it was removed."""
        head = self._recorder.outbox.head
        link = {"chain": head.chain, "number": head.number, "sha256": head.sha256} if head else {}
        return {"public_key": self.public_key, **link} if self.public_key else {}

    def command(self, payload: bytes) -> str:
        """The handler of ``evidence``. Raises ValueError with what is gone and why, or what is wrong."""
        wanted = msgspec.json.decode(payload, type=EvidenceCommand)
        try:
            return self._recorder.send_again(wanted.violation, wanted.roles)
        except OutboxError as error:
            raise ValueError(f"not queued: {error}") from error


def models(config: Config) -> list[Model]:
    """The models that judge on this device, as their cards name them. Raises ModelError."""
    from edge_agent.vision.card import read_card

    wanted = {(section.detector, "detect") for section in config.gate}
    wanted |= {(section.detector, "detect") for section in config.pole}
    wanted |= {(section.classifier, "bay-state") for section in config.pole}
    wanted |= {(section.state, "truck-state") for section in config.gate}
    cards = [read_card(name, task)[0] for name, task in sorted(wanted)]
    named = [Model(name=card.name, version=card.version, sha256=card.sha256) for card in cards]
    return [*named, *(each for gate in config.gate for each in _correction(gate, Path(config.device.data_dir)))]


def _correction(gate: Gate, data_dir: Path) -> list[Model]:
    """The correction that the gate's classifier judges by; one that does not fit is not in use."""
    from edge_agent.vision import adaptation
    from edge_agent.vision.card import read_card

    card, _ = read_card(gate.state, "truck-state")
    try:
        found = adaptation.read(data_dir, gate.camera.name, card.sha256)
    except ModelError:
        found = None
    if found is None:
        return []
    content = adaptation.path(data_dir, gate.camera.name).read_bytes()
    name = f"{card.name} corrected for {gate.camera.name}"
    return [Model(name=name, version=found.made, sha256=hashlib.sha256(content).hexdigest())]

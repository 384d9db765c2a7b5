"""The city's side of the demo: subscribes, keeps a ledger, checks evidence, leaves pictures, clips and packs."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import msgspec

from edge_agent.config import Mqtt
from edge_agent.errors import UplinkError
from edge_agent.evidence.assemble import PackWriter
from edge_agent.evidence.manifest import MANIFEST_ROLE
from edge_agent.messages import BayData, EvidenceData, Message, StayData, ViolationData
from edge_agent.uplink.ledger import Ledger, UnreadableError, unpack
from edge_agent.uplink.mqtt_connection import Connection, connect

_AGAIN_AFTER_S = 1.0
_END_WITHIN_S = 10.0
_SUFFIXES = {"image/jpeg": ".jpg", "video/mp4": ".mp4", "video/x-msvideo": ".avi"}


class Consumer:
    """Use as a context manager; ``changed`` is notified whenever something came.

    Entering raises UplinkError where the broker does not take it; a connection that breaks later is made anew.
    """

    def __init__(self, broker: Mqtt, topic: str, out: Path) -> None:
        self.ledger = Ledger(since=1)
        self.kinds: Counter[str] = Counter()
        self._manifests = 0
        self.pictures: list[Path] = []
        self.unwritten = ""
        self.changed = threading.Condition()
        self._settings = broker
        self._topic = topic
        self._out = out
        self._packs = PackWriter(out / "packs")
        self.bays: BayData | None = None
        self._violations: dict[str, tuple[Message, ViolationData]] = {}
        self._stays: dict[str, StayData] = {}
        self._early: dict[str, list[tuple[EvidenceData, bytes]]] = {}
        self._parts: dict[tuple[str, int], dict[int, bytes]] = {}
        self._stop = threading.Event()
        self._client_id = f"edge-demo-{uuid.uuid4().hex[:8]}"
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)

    def __enter__(self) -> Consumer:
        self._connection = self._connected()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_END_WITHIN_S)

    def wait_for(self, sequence: int, timeout_s: float) -> bool:
        """Whether everything up to ``sequence`` came within the time."""
        with self.changed:
            return self.changed.wait_for(lambda: self._has(sequence), timeout_s)

    def evidence(self) -> int:
        """Pictures and clips that arrived whole, their SHA-256 as announced; manifests are not counted."""
        return sum(account.evidence for account in self.ledger.accounts()) - self._manifests

    def _has(self, sequence: int) -> bool:
        accounts = self.ledger.accounts()
        return bool(accounts) and accounts[0].last >= sequence and not accounts[0].missing_count

    def _connected(self) -> Connection:
        connection = connect(self._settings.addresses[0], self._settings, self._client_id, None)
        connection.subscribe(self._topic)
        return connection

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except UplinkError:
                self._stop.wait(_AGAIN_AFTER_S)
                with contextlib.suppress(UplinkError):
                    self._connection = self._connected()
        self._connection.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for _, payload in self._connection.step(0.2).received:
                try:
                    repeats = [each.notes for each in self.ledger.update(payload, time.time())]
                except UnreadableError:
                    continue
                for message, notes in zip(unpack(payload), repeats, strict=True):
                    if "repeat" not in notes:
                        self._take(message)
            with self.changed:
                self.changed.notify_all()

    def _take(self, message: Message) -> None:
        if message.type == "edge.passage.v1":
            self.kinds["passage"] += 1
        elif message.type == "edge.bay.v1":
            self.bays = msgspec.convert(message.data, BayData)
        elif message.type == "edge.stay.v1":
            stay = msgspec.convert(message.data, StayData)
            self.kinds[f"stay {stay.phase}"] += 1
            self._stays[message.id] = stay
            for piece, content in self._early.pop(message.id, []):
                self._keep(stay, piece, content)
        elif message.type == "edge.violation.v1":
            violation = msgspec.convert(message.data, ViolationData)
            self.kinds["violation"] += 1
            self.kinds[violation.kind] += 1
            self._violations[message.id] = (message, violation)
        elif message.type == "edge.evidence.v1":
            with contextlib.suppress(ValueError, OSError):
                self._packs.update(message)
            self._piece(msgspec.convert(message.data, EvidenceData))

    def _piece(self, piece: EvidenceData) -> None:
        parts = self._parts.setdefault((piece.violation, piece.n), {})
        parts[piece.part] = piece.data
        if len(parts) < piece.parts:
            return
        content = b"".join(parts[n] for n in sorted(self._parts.pop((piece.violation, piece.n))))
        known = self._violations.get(piece.violation)
        if known and hashlib.sha256(content).hexdigest() == piece.sha256:
            if piece.role == MANIFEST_ROLE:
                self._manifests += 1
            else:
                self._show(*known, piece, content)
        elif piece.violation in self._stays:
            self._keep(self._stays[piece.violation], piece, content)
        elif not known:
            self._early.setdefault(piece.violation, []).append((piece, content))

    def _keep(self, stay: StayData, piece: EvidenceData, content: bytes) -> None:
        """The pictures of a stay; they are evidence, and so come before its message."""
        if piece.role == MANIFEST_ROLE:
            self._manifests += 1
        elif piece.media_type == "image/jpeg":
            path = self._out / f"{piece.time[:19].replace(':', '')}-stay-{stay.bay}-{piece.role}.jpg"
            self._write(path, content)

    def _show(self, message: Message, violation: ViolationData, piece: EvidenceData, content: bytes) -> None:
        suffix = _SUFFIXES.get(piece.media_type, ".bin")
        name = f"{message.time[:19].replace(':', '')}-{violation.kind}-{piece.n}-{piece.role}{suffix}"
        self._write(self._out / name, content)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.write_bytes(content)
        except OSError as error:
            self.unwritten = f"{path}: {error.strerror}"
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            self.pictures.append(path)

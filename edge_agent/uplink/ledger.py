"""A receiver's books: per device, what came, came twice, came late, came from the backlog, and what is missing.

Sequences of a device run without a gap. One is missing when a higher one came, it did not, and no ``loss`` message says
that it will not come. Pure: ``update`` takes a message and the time of its arrival and returns what it noticed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from edge_agent.messages.envelope import Message
from edge_agent.messages.gate import EvidenceData
from edge_agent.messages.system import LossData
from edge_agent.outbox.eviction import join

LATE_AFTER_S = 60.0
_MOST_UNPACKED = 16 << 20
_MOST_AHEAD = 10_000_000
# Of pieces that wait for their other parts, by device; the oldest is given up, and stays missing.
_MOST_PART_BYTES = 64 << 20


class UnreadableError(ValueError):
    """A payload that is no message of ours."""


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """One message and what is to be said of it: ``repeat``, ``late``, ``historical``, ``part``, ``damaged``."""

    device: str
    message: Message
    notes: list[str]


class Account(msgspec.Struct, kw_only=True):
    """The sums of one device; ``missing`` and ``lost`` as ranges, both ends included."""

    device: str
    received: int
    repeats: int
    late: int
    historical: int
    first: int
    last: int
    missing: list[tuple[int, int]]
    missing_count: int
    lost: list[tuple[int, int]]
    lost_count: int
    evidence: int
    damaged_evidence: int
    status: str


@dataclass(slots=True)
class _Device:
    base: int | None
    low: int = 0
    above: set[int] = field(default_factory=set)
    below: set[int] = field(default_factory=set)
    top: int = 0
    received: int = 0
    repeats: int = 0
    late: int = 0
    historical: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    parts: dict[tuple[int, int], dict[int, bytes]] = field(default_factory=dict)
    part_bytes: int = 0
    evidence: int = 0
    damaged: int = 0
    status: str = ""

    def drop_parts(self, cut: tuple[int, int]) -> None:
        """Forgets the parts of one piece, cut so."""
        self.part_bytes -= sum(map(len, self.parts.pop(cut).values()))

    def has(self, n: int) -> bool:
        """Whether this sequence came."""
        return (self.base is not None and self.base <= n <= self.low) or n in self.above or n in self.below


class Ledger:
    """Books of any number of devices.

    ``since`` is the first sequence expected of each device; without it, the first that comes is.
    """

    def __init__(self, since: int | None = None) -> None:
        self._since = since
        self._devices: dict[str, _Device] = {}
        self.unreadable = 0

    def update(self, payload: bytes, arrived: float) -> list[Noticed]:
        """The messages in one MQTT payload (a batch holds many) and what is noticed. ``arrived`` is Unix seconds.

        Raises UnreadableError, and counts it.
        """
        try:
            return [self._take(message, arrived) for message in unpack(payload)]
        except UnreadableError:
            self.unreadable += 1
            raise

    def accounts(self) -> list[Account]:
        """Where every device stands now."""
        return [self._account(name, device) for name, device in sorted(self._devices.items())]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, and no evidence came damaged."""
        return not any(a.missing_count or a.damaged_evidence for a in self.accounts())

    def _take(self, message: Message, arrived: float) -> Noticed:
        device = self._devices.setdefault(message.source, self._new())
        notes: list[str] = []
        data = _decoded(message.data)
        if message.sequence == 0:
            device.status = str(data.get("state", "")) if isinstance(data, dict) else ""
            return Noticed(device=message.source, message=message, notes=notes)
        if message.type != "edge.evidence.v1" or self._part(device, message, notes):
            self._count(device, message, notes, arrived)
        if message.type == "edge.loss.v1":
            device.lost = join([*device.lost, *msgspec.convert(data, LossData).ranges])
        return Noticed(device=message.source, message=message, notes=notes)

    def _new(self) -> _Device:
        return _Device(base=self._since, low=(self._since or 1) - 1)

    def _count(self, device: _Device, message: Message, notes: list[str], arrived: float) -> None:
        n = message.sequence
        if device.base is None:
            device.base, device.low = n, n - 1
        if device.has(n):
            device.repeats += 1
            notes.append("repeat")
            return
        if n - device.low > _MOST_AHEAD:
            raise UnreadableError(f"sequence {n} is more than {_MOST_AHEAD} ahead of {device.low}")
        device.received += 1
        if n < device.base:
            device.below.add(n)
        else:
            device.above.add(n)
            device.top = max(device.top, n)
            while device.low + 1 in device.above:
                device.low += 1
                device.above.discard(device.low)
        if message.historical:
            device.historical += 1
            notes.append("historical")
        elif arrived - datetime.fromisoformat(message.time).timestamp() > LATE_AFTER_S:
            device.late += 1
            notes.append("late")

    def _part(self, device: _Device, message: Message, notes: list[str]) -> bool:
        """Whether a piece of evidence is whole with this part."""
        data = msgspec.convert(_decoded(message.data), EvidenceData)
        if device.has(message.sequence):
            return True
        key = (message.sequence, data.parts)
        parts = device.parts.setdefault(key, {})
        device.part_bytes += len(data.data) - len(parts.get(data.part, b""))
        parts[data.part] = data.data
        if len(parts) < data.parts:
            notes.append(f"part {data.part} of {data.parts}")
            if device.part_bytes > _MOST_PART_BYTES:
                device.drop_parts(next(iter(device.parts)))
            return False
        content = b"".join(parts[n] for n in sorted(parts))
        for cut in [cut for cut in device.parts if cut[0] == message.sequence]:
            device.drop_parts(cut)
        if hashlib.sha256(content).hexdigest() == data.sha256:
            device.evidence += 1
        else:
            device.damaged += 1
            notes.append("damaged")
        return True

    def _account(self, name: str, device: _Device) -> Account:
        missing = list(_without(_holes(device), device.lost))
        return Account(
            device=name,
            received=device.received,
            repeats=device.repeats,
            late=device.late,
            historical=device.historical,
            first=device.base or 0,
            last=device.top,
            missing=missing,
            missing_count=sum(b - a + 1 for a, b in missing),
            lost=device.lost,
            lost_count=sum(b - a + 1 for a, b in _without(device.lost, _held(device))),
            evidence=device.evidence,
            damaged_evidence=device.damaged,
            status=device.status,
        )


def unpack(payload: bytes) -> Iterator[Message]:
    """The messages of one MQTT payload: an envelope, or a deflated JSON array of envelopes (CloudEvents batch)."""
    if payload[:1] == b"\x78":
        inflate = zlib.decompressobj()
        try:
            payload = inflate.decompress(payload, _MOST_UNPACKED)
        except zlib.error as error:
            raise UnreadableError(f"a batch that cannot be inflated: {error}") from error
        if inflate.unconsumed_tail:
            raise UnreadableError(f"a batch of more than {_MOST_UNPACKED} bytes")
    try:
        many = msgspec.json.decode(payload, type=list[Message] | Message)
        for message in many if isinstance(many, list) else [many]:
            _check(message)
            yield message
    except (ValueError, OverflowError, RecursionError) as error:
        raise UnreadableError(f"no message of an edge agent: {error}") from error


def _check(message: Message) -> None:
    """Raises ValueError for what no device sends."""
    if datetime.fromisoformat(message.time).tzinfo is None:
        raise ValueError(f"time {message.time!r} has no zone")
    if message.sequence < 0:
        raise ValueError(f"sequence {message.sequence} is negative")
    if message.type == "edge.evidence.v1":
        piece = msgspec.convert(_decoded(message.data), EvidenceData)
        if not 1 <= piece.part <= piece.parts:
            raise ValueError(f"part {piece.part} of {piece.parts}")
    elif message.type == "edge.loss.v1":
        for first, last in msgspec.convert(_decoded(message.data), LossData).ranges:
            if not 1 <= first <= last:
                raise ValueError(f"range {first}-{last}")


def _decoded(data: Any) -> Any:
    return msgspec.json.decode(data) if isinstance(data, msgspec.Raw) else data


def _held(device: _Device) -> list[tuple[int, int]]:
    held = [(n, n) for n in (*device.above, *device.below)]
    if device.base is not None and device.low >= device.base:
        held.append((device.base, device.low))
    return join(held)


def _holes(device: _Device) -> list[tuple[int, int]]:
    if device.base is None:
        return []
    return list(_without([(device.base, device.top)] if device.top else [], _held(device)))


def _without(ranges: list[tuple[int, int]], taken: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of ``ranges`` is not in ``taken``; both sorted and disjoint."""
    for first, last in ranges:
        for a, b in taken:
            if b < first:
                continue
            if a > last:
                break
            if a > first:
                yield first, a - 1
            first = b + 1
        if first <= last:
            yield first, last

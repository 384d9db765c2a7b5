"""A message as the outbox keeps it, and as it is handed to an uplink."""

from __future__ import annotations

import zlib

import msgspec

from edge_agent.messages.channels import CHANNELS, Priority
from edge_agent.messages.envelope import Message, TimeTrust, message_id, rfc3339

# What a row costs on disk beside its data: columns, index, record headers (measured with 400-byte data: 118).
ROW_OVERHEAD = 120
_PRIORITIES = {name: channel.priority for name, channel in CHANNELS.items()}


class Row(msgspec.Struct, frozen=True, gc=False):
    """One committed or about to be committed message. ``data`` is JSON; ``piece`` is the evidence file it announces.

    ``time`` is the clock's at recording; ``trust`` and ``error_s`` say how good it is. ``intact`` is false where id or
    data are not what was committed.
    """

    sequence: int
    id: bytes
    channel: str
    subject: str
    time: float
    boot: str
    monotonic: float
    trust: TimeTrust
    error_s: float
    data: bytes
    piece: str = ""
    rejections: int = 0
    historical: bool = False
    intact: bool = True

    @property
    def priority(self) -> Priority:
        """Its class."""
        return priority_of(self.channel)

    @property
    def size(self) -> int:
        """Bytes counted against the bound, evidence files apart."""
        return len(self.data) + len(self.subject) + ROW_OVERHEAD

    def envelope(self, source: str, *, data: object = None, part_id: str = "") -> Message:
        """The message to send; ``data`` and ``part_id`` are given for parts of evidence."""
        return Message(
            id=part_id or _uuid_text(self.id),
            source=source,
            type=event_type(self.channel),
            time=rfc3339(self.time),
            subject=self.subject,
            sequence=self.sequence,
            boot=self.boot,
            monotonicms=round(self.monotonic * 1000),
            historical=self.historical,
            timetrust=self.trust,
            timeerrorms=round(self.error_s * 1000) if 0 <= self.error_s < 1e9 else -1,
            data=msgspec.Raw(self.data) if data is None else data,
        )


def priority_of(channel: str) -> Priority:
    """The class of a channel, the lowest for one that only a newer version knows."""
    return _PRIORITIES.get(channel, Priority.HEALTH)


def event_type(channel: str) -> str:
    """The CloudEvents type of a channel; one that only a newer version knows is named after the same pattern."""
    known = CHANNELS.get(channel)
    return known.event_type if known else f"edge.{channel}.v1"


def checksum(key: bytes, data: bytes) -> int:
    """CRC-32 of id and data: a database does not notice when a card changes what lies inside a row."""
    return zlib.crc32(data, zlib.crc32(key))


def id_bytes(time: float, device: str, boot: str, sequence: int) -> bytes:
    """``messages.envelope.message_id`` in its 16 bytes."""
    return bytes.fromhex(message_id(time, device, boot, sequence).replace("-", ""))


def _uuid_text(key: bytes) -> str:
    text = key.hex("-", 2)
    return f"{text[:4]}{text[5:29]}{text[30:34]}{text[35:]}"

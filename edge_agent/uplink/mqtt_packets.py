"""From rows of the outbox to MQTT packets: envelopes, evidence with its content, evidence in parts.

A piece of evidence too large for the broker is cut into parts of equal size. Its parts share ``sequence`` and differ in
``id``; joined in the order of ``part`` they hash to ``sha256``. A receiver that has all ``parts`` of one cut has the
piece; parts of another cut (after a reconnection to a broker with another limit) do not mix with them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

import msgspec

from edge_agent.evidence import EvidenceStore
from edge_agent.messages.channels import CHANNELS
from edge_agent.messages.envelope import CLOUDEVENTS, CLOUDEVENTS_BATCH, Message, message_id, source
from edge_agent.messages.gate import EvidenceData
from edge_agent.outbox.row import Row

# Fixed header, topic length, packet id and properties; the topic itself is counted apart.
_PACKET_OVERHEAD = 80
_DEFLATE_LEVEL = 1
_ENCODER = msgspec.json.Encoder()


class DamagedError(Exception):
    """The message can never be sent: its evidence is missing, changed, or it fits no packet."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One PUBLISH. ``last`` marks the last packet of its row."""

    sequence: int
    topic: str
    payload: bytes
    last: bool = True
    retain: bool = False
    content_type: str = CLOUDEVENTS


class Packets:
    """Makes packets for one device."""

    def __init__(self, site: str, device: str, evidence: EvidenceStore) -> None:
        self._device = device
        self._source = source(site, device)
        self._evidence = evidence
        self._newest: dict[str, int] = {}

    def whole(self, row: Row, limit: int) -> Packet:
        """The one packet of a row that announces no evidence, at most ``limit`` bytes. Raises DamagedError."""
        topic = f"{self._source}/{row.channel}"
        payload = _ENCODER.encode(self._envelope(row))
        if len(payload) + len(topic) + _PACKET_OVERHEAD > limit:
            raise DamagedError(f"{len(payload)} bytes are more than the broker takes in a packet ({limit})")
        return Packet(row.sequence, topic, payload, True, self._retain(row))

    def _envelope(self, row: Row) -> Message:
        if not row.intact:
            raise DamagedError("the memory card did not keep it: its checksum differs")
        try:
            return row.envelope(self._source)
        except (TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
            raise DamagedError(f"the memory card did not keep it: {error}") from error

    def _retain(self, row: Row) -> bool:
        """A retained state is never put back by an older one of the backlog."""
        channel = CHANNELS.get(row.channel)
        if channel is None or not channel.retained or row.sequence < self._newest.get(row.channel, 0):
            return False
        self._newest[row.channel] = row.sequence
        return True

    def batch(self, rows: list[Row]) -> Packet:
        """Many envelopes in one packet: a CloudEvents JSON batch, deflated (zlib, RFC 1950), on the topic ``batch``.

        Raises DamagedError when one of them is damaged.
        """
        text = _ENCODER.encode([self._envelope(row) for row in rows])
        packed = zlib.compress(text, _DEFLATE_LEVEL)
        return Packet(rows[0].sequence, f"{self._source}/batch", packed, content_type=CLOUDEVENTS_BATCH)

    def pieces(self, row: Row, limit: int) -> Iterator[Packet]:
        """The packets of a piece of evidence, none larger than ``limit`` bytes. Raises DamagedError."""
        self._envelope(row)
        try:
            data = msgspec.json.decode(row.data, type=EvidenceData)
        except msgspec.DecodeError as error:
            raise DamagedError(f"what announces evidence {row.piece} is damaged: {error}") from error
        try:
            content = self._evidence.read(row.piece)
        except (OSError, TypeError, ValueError) as error:
            raise DamagedError(f"evidence {row.piece!r} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != data.sha256:
            raise DamagedError(f"evidence {row.piece} is not what was recorded: its SHA-256 differs")
        topic = f"{self._source}/evidence/{data.violation}/{data.n}"
        empty = _ENCODER.encode(row.envelope(self._source, data=data))
        room = (limit - len(empty) - len(topic) - _PACKET_OVERHEAD) // 4 * 3
        if room < 1024:
            raise DamagedError(f"the broker's largest packet ({limit} bytes) leaves no room for evidence")
        parts = max(1, -(-len(content) // room))
        size = -(-len(content) // parts) if content else 0
        for part in range(1, parts + 1):
            piece = msgspec.structs.replace(data, part=part, parts=parts, data=content[(part - 1) * size : part * size])
            part_id = "" if parts == 1 else message_id(row.time, self._device, row.boot, row.sequence,
                                                       f"|{part}/{parts}")  # fmt: skip
            payload = _ENCODER.encode(row.envelope(self._source, data=piece, part_id=part_id))
            yield Packet(row.sequence, topic, payload, part == parts)

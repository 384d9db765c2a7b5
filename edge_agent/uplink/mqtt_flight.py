"""What is sent and not yet acknowledged on one connection: packets by packet id, rows by sequence."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.uplink.mqtt_packets import Packet

STATUS = -1


@dataclass(slots=True)
class _Row:
    unacknowledged: int = 0
    complete: bool = False


class Flight:
    """A row is delivered when its last packet was sent and all its packets are acknowledged."""

    def __init__(self) -> None:
        self.bytes = 0
        self._packets: dict[int, tuple[int, int, float]] = {}
        self._rows: dict[int, _Row] = {}

    def __len__(self) -> int:
        return len(self._packets)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._rows

    def sent(self, packet_id: int, packet: Packet, now: float) -> None:
        """One packet went out."""
        self._packets[packet_id] = (packet.sequence, len(packet.payload), now)
        self.bytes += len(packet.payload)
        row = self._rows.setdefault(packet.sequence, _Row())
        row.unacknowledged += 1
        row.complete = packet.last

    def answered(self, packet_id: int) -> tuple[int, bool] | None:
        """The sequence this packet belonged to and whether its row is delivered by it.

        None for a packet id never sent, or of a row that was forgotten.
        """
        sequence, size, _ = self._packets.pop(packet_id, (0, 0, 0.0))
        self.bytes -= size
        row = self._rows.get(sequence)
        if row is None:
            return None
        row.unacknowledged -= 1
        delivered = row.complete and row.unacknowledged == 0
        if delivered:
            del self._rows[sequence]
        return sequence, delivered

    def forget(self, sequence: int) -> None:
        """The row was refused: its other packets no longer matter."""
        self._rows.pop(sequence, None)

    @property
    def rows(self) -> bool:
        """Whether anything but a status is on the way."""
        return any(sequence != STATUS for sequence in self._rows)

    def alone(self) -> tuple[int, int]:
        """Sequence and bytes of the only row on the way; zeros when there are several, or a status."""
        if len(self._rows) != 1 or STATUS in self._rows:
            return 0, 0
        return next(iter(self._rows)), max(size for _, size, _ in self._packets.values())

    def oldest(self) -> float | None:
        """When the packet longest on the way was sent."""
        return next(iter(self._packets.values()))[2] if self._packets else None

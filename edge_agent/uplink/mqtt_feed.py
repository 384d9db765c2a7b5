"""Which packet goes next on one connection: live before backlog, whole before part, within the rate of the backlog.

The backlog always keeps one place in the window while it waits, so that live messages cannot starve it; beyond that it
gets what live messages leave, at most ``backfill_per_s``. With ``pack_backfill`` its telemetry goes many to a packet.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator

from edge_agent.clock import Clock
from edge_agent.config.uplink import Mqtt
from edge_agent.messages.channels import CHANNELS
from edge_agent.outbox import Lane, Queue, Row
from edge_agent.uplink.mqtt_packets import DamagedError, Packet, Packets

log = logging.getLogger(__name__)

_TELEMETRY = frozenset(channel.name for channel in CHANNELS.values() if channel.priority.telemetry)
_BATCH_ROWS = 500
_BATCH_ROW_BYTES = 256


class Feed:
    """Takes rows from the queue of a destination; ``limit`` is the largest packet, ``window`` the most in flight.

    ``packs``: telemetry of the backlog goes many rows to a packet.
    """

    def __init__(
        self, queue: Queue, packets: Packets, settings: Mqtt, clock: Clock, *, limit: int, window: int, packs: bool
    ) -> None:
        self.throttled = False
        self._queue = queue
        self._packets = packets
        self._settings = settings
        self._clock = clock
        self._limit = limit
        self._window = window
        self._packs = packs
        self._ready: deque[Row] = deque()
        self._parts: Iterator[Packet] | None = None
        self._sending = 0
        self._backlog: set[int] = set()
        self._batches: dict[int, list[int]] = {}
        self._tokens = 0.0
        self._refilled = clock.monotonic()

    def next(self, room: int) -> Packet | None:
        """The next packet, None when there is nothing to send now; ``room`` is how many more may be in flight."""
        while True:
            try:
                if self._parts is None:
                    row = self._next_row(room)
                    if row is None:
                        return None
                    self._sending = row.sequence
                    if self._packs and row.historical and _packs(row):
                        return self._batch(row)
                    if not row.piece:
                        return self._packets.whole(row, self._limit)
                    self._parts = self._packets.pieces(row, self._limit)
                packet = next(self._parts)
            except DamagedError as error:
                self._parts = None
                self._backlog.discard(self._sending)
                log.error("message %d is given up: %s", self._sending, error)
                self._queue.give_up(self._sending, str(error))
                continue
            if packet.last:
                self._parts = None
            return packet

    def is_batch(self, sequence: int) -> bool:
        """Whether ``sequence`` stands for many rows in one packet."""
        return len(self._batches.get(sequence, ())) > 1

    def done(self, sequence: int) -> list[int]:
        """``sequence`` was acknowledged or refused: it, or all of the batch that went under it."""
        self._backlog.discard(sequence)
        if self._sending == sequence:
            self._parts = None
        return self._batches.pop(sequence, [sequence])

    def _next_row(self, room: int) -> Row | None:
        if not self._ready:
            allowed = self._allowance()
            keep = 1 if allowed and not self._backlog and room > 1 and self._queue.backlog_waits else 0
            self._ready.extend(self._queue.take(room - keep, Lane.LIVE))
            left = min(room - len(self._ready), allowed)
            if left > 0:
                rows = self._queue.take(left, Lane.BACKLOG)
                self._ready.extend(rows)
                self._backlog.update(row.sequence for row in rows)
                self._tokens -= len(rows)
            self.throttled = not self._ready and allowed == 0 and self._queue.backlog_waits
        return self._ready.popleft() if self._ready else None

    def _allowance(self) -> int:
        rate = self._settings.backfill_per_s
        if rate == 0:
            return self._window
        now = self._clock.monotonic()
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        return int(self._tokens)

    def _batch(self, first: Row) -> Packet:
        most = max(1, min(_BATCH_ROWS, self._limit // _BATCH_ROW_BYTES))
        rows = [first]
        while len(rows) < most and self._ready and self._ready[0].historical:
            rows.append(self._ready.popleft())
        if not self._ready:
            rows += self._queue.take(most - len(rows), Lane.BACKLOG)
        others = [row for row in rows if not _packs(row)]
        if others:
            rows = [row for row in rows if _packs(row)]
        packet = self._packed(rows)
        if packet is None:
            self._ready.extendleft(reversed([*others, *rows[1:]]))
            return self._packets.whole(first, self._limit)
        self._batches[first.sequence] = [row.sequence for row in rows]
        self._backlog.add(first.sequence)
        self._ready.extendleft(reversed(others))
        return packet

    def _packed(self, rows: list[Row]) -> Packet | None:
        """None when they are too large together, or one of them is damaged: then the first goes alone."""
        try:
            packet = self._packets.batch(rows)
        except DamagedError:
            return None
        return packet if len(packet.payload) + _BATCH_ROW_BYTES <= self._limit else None


def _packs(row: Row) -> bool:
    return row.channel in _TELEMETRY and row.intact

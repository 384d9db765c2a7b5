"""One destination's position in the outbox.

What was recorded since shortly before the destination was reached (30 s) is *live*, what is older or was queued again
is *backlog*. Within each, a lower class number goes first and a class keeps the order of its sequences. Rows taken and
not acknowledged are given again after ``rewind``, in the same order. A queue belongs to one thread, its uplink's.
"""

from __future__ import annotations

import heapq
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from edge_agent.messages.channels import Priority
from edge_agent.outbox.row import Row
from edge_agent.outbox.sweeper import CHUNK

if TYPE_CHECKING:
    from edge_agent.outbox.outbox import Outbox

LIVE_WINDOW_S = 30.0
_PREFETCH = 500
_MOST_WAITING = 100
_REJECTION_WAIT_S = 5.0
_REJECTION_WAIT_MAX_S = 300.0


class Lane(Enum):
    """Which part of the queue to take from."""

    LIVE = "live"
    BACKLOG = "backlog"


class Queue:
    """Made by ``Outbox.queue``."""

    def __init__(self, outbox: Outbox, name: str) -> None:
        self.name = name
        self._outbox = outbox
        self._taken: dict[int, Row] = {}
        self._done: list[Row] = []
        self._again: list[tuple[float, int]] = []
        self._postponed: dict[int, float] = {}
        self._boundary = 0
        self._cursor: dict[tuple[Lane, Priority], int] = {}
        self._fetched: dict[tuple[Lane, Priority], deque[Row]] = {}
        self.rewind()

    def rewind(self) -> None:
        """Begins anew after a lost connection: what was taken and not acknowledged is given again."""
        self.settle()
        self._taken.clear()
        self._again.clear()
        self._boundary = self._outbox.boundary(LIVE_WINDOW_S)
        for priority in Priority:
            self._cursor[Lane.LIVE, priority] = self._boundary
            self._cursor[Lane.BACKLOG, priority] = 0
            for lane in Lane:
                self._fetched[lane, priority] = deque()

    def take(self, limit: int, lane: Lane | None = None) -> list[Row]:
        """Up to ``limit`` rows not yet taken, live before backlog when no lane is named."""
        out: list[Row] = []
        now = self._outbox.clock.monotonic()
        while len(out) < limit and self._again and self._again[0][0] <= now:
            row = self._taken.get(heapq.heappop(self._again)[1])
            if row is not None:
                self._postponed.pop(row.sequence, None)
                out.append(row)
        if len(self._again) >= _MOST_WAITING:
            return out
        for each in (lane,) if lane else (Lane.LIVE, Lane.BACKLOG):
            for priority in Priority:
                while len(out) < limit and (rows := self._ready(each, priority)):
                    for _ in range(min(len(rows), limit - len(out))):
                        row = rows.popleft()
                        self._taken[row.sequence] = row
                        if self._postponed and row.sequence in self._postponed:
                            heapq.heappush(self._again, (self._postponed[row.sequence], row.sequence))
                        else:
                            out.append(row)
        return out

    def acknowledge(self, sequences: list[int]) -> None:
        """The destination has them for good; they are deleted soon.

        That begins after rows were read, so that reading and deleting do not wait for each other, and at 1000 in any
        case.
        """
        for sequence in sequences:
            row = self._taken.pop(sequence, None)
            if row is not None:
                self._done.append(row)
        if len(self._done) >= 2 * CHUNK:
            self.hand_over()

    def hand_over(self) -> None:
        """Has deleted what was acknowledged, and does not wait for it."""
        if self._done:
            self._outbox.sweeper.bring(self._outbox.bit(self.name), self._done)
            self._done = []

    def settle(self) -> None:
        """Returns when what was acknowledged is deleted. A crash before it only means that some are sent twice."""
        self.hand_over()
        self._outbox.sweeper.finish()

    def reject(self, sequence: int, reason: str, after: int) -> bool:
        """The destination refused this message itself. It is offered again later, with growing waits.

        After ``after`` refusals it is set aside as a dead letter and reported as a loss; True says so. Losing the
        connection is no refusal.
        """
        row = self._taken.get(sequence)
        if row is None:
            return False
        times = self._outbox.refused(sequence)
        if times >= after:
            self._taken.pop(sequence)
            self._outbox.bury(self._outbox.bit(self.name), self.name, row, reason)
            return True
        wait = min(_REJECTION_WAIT_MAX_S, _REJECTION_WAIT_S * 2 ** (times - 1))
        heapq.heappush(self._again, (self._outbox.clock.monotonic() + wait, sequence))
        return False

    def put_back(self, sequence: int, wait_s: float) -> None:
        """Offers a taken message again after ``wait_s``, without counting it as refused (the destination is busy)."""
        if sequence in self._taken:
            heapq.heappush(self._again, (self._outbox.clock.monotonic() + wait_s, sequence))

    def postpone(self, sequence: int, wait_s: float) -> None:
        """Lets others go before this message for ``wait_s``, after ``rewind`` as well."""
        if len(self._postponed) < _MOST_WAITING:
            self._postponed[sequence] = self._outbox.clock.monotonic() + wait_s

    def give_up(self, sequence: int, detail: str) -> None:
        """The message itself is damaged here and can never be sent: it is reported as a loss."""
        row = self._taken.pop(sequence, None)
        if row is not None:
            self._outbox.damaged(row, detail)

    @property
    def taken(self) -> int:
        """How many are on the way or wait to be offered again."""
        return len(self._taken)

    @property
    def backlog_waits(self) -> bool:
        """Whether there may be backlog not yet taken."""
        return any(
            self._fetched[Lane.BACKLOG, p] or self._cursor[Lane.BACKLOG, p] < self._newest(Lane.BACKLOG, p)
            for p in Priority
        )

    def _ready(self, lane: Lane, priority: Priority) -> deque[Row]:
        """The next rows of this part, read ahead; empty when there are none."""
        key = (lane, priority)
        rows = self._fetched[key]
        backlog = lane is Lane.BACKLOG
        upto = self._newest(lane, priority)
        while not rows and self._cursor[key] < upto:
            bit = self._outbox.bit(self.name)
            live_after = self._boundary if backlog else None
            found = self._outbox.fetch(bit, priority, self._cursor[key], upto, _PREFETCH, live_after=live_after)
            self._cursor[key] = found[-1].sequence if len(found) == _PREFETCH else upto
            rows.extend(row for row in found if backlog or not row.historical)
            self.hand_over()
        return rows

    def _newest(self, lane: Lane, priority: Priority) -> int:
        """Up to where this part may have rows; only evidence is queued again."""
        newest = self._outbox.newest(priority)
        everywhere = lane is Lane.LIVE or priority is Priority.EVIDENCE
        return newest if everywhere else min(newest, self._boundary)

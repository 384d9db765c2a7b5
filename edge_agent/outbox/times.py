"""The time of what was recorded before the clock could be trusted.

Every row has its boot and the monotonic clock in it. Of a boot whose clock became trusted the wall time of its start
(``offset``) is known, and with it the time of every row of that boot, to the error the kernel states: *corrected*.

Of a boot that never was, two bounds are known: it began after the last trusted moment of an earlier boot and its last
row was made before the next boot began. The row is set as late as these allow (a box that lost power is usually back
within minutes), and the room between the bounds is stated as the error: *estimated*. Without any bound the row keeps
its own time: *untrusted*. Times inside the data are moved by the same amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from edge_agent.messages.envelope import TimeTrust, rfc3339
from edge_agent.outbox.row import Row

_TIME_IN_DATA = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"')


@dataclass(slots=True)
class Boot:
    """``offset`` is the wall time at monotonic zero; ``last_monotonic`` of its newest row."""

    number: int
    id: str
    offset: float | None
    error_s: float
    last_monotonic: float


class Times:
    """Boots in the order they were seen."""

    def __init__(self, boots: Iterable[Boot]) -> None:
        self._boots = {boot.id: boot for boot in sorted(boots, key=lambda b: b.number)}

    def all(self) -> Iterable[Boot]:
        """In order."""
        return self._boots.values()

    def boot(self, boot_id: str) -> Boot:
        """Raises KeyError for one never seen."""
        return self._boots[boot_id]

    def settled(self, row: Row) -> Row:
        """``row`` with the best time known now."""
        if row.trust is not TimeTrust.UNTRUSTED or row.boot not in self._boots:
            return row
        boot = self._boots[row.boot]
        if boot.offset is not None:
            return _moved(row, boot.offset + row.monotonic, TimeTrust.CORRECTED, boot.error_s)
        later = [b for b in self._boots.values() if b.number > boot.number and b.offset is not None]
        if not later or later[0].offset is None:
            return row
        earlier = [b for b in self._boots.values() if b.number < boot.number and b.offset is not None]
        time = later[0].offset - (boot.last_monotonic - row.monotonic)
        error = float("inf")
        if earlier and earlier[-1].offset is not None:
            error = max(0.0, time - (earlier[-1].offset + earlier[-1].last_monotonic + row.monotonic))
        return _moved(row, time, TimeTrust.ESTIMATED, error)


def _moved(row: Row, time: float, trust: TimeTrust, error_s: float) -> Row:
    shift = time - row.time

    def shifted(match: re.Match[bytes]) -> bytes:
        moved = datetime.fromisoformat(match[1].decode()).timestamp() + shift
        return f'"{rfc3339(moved)}"'.encode()

    data = row.data if abs(shift) < 0.0005 else _TIME_IN_DATA.sub(shifted, row.data)
    return msgspec.structs.replace(row, time=time, trust=trust, error_s=error_s, data=data)

"""What leaves first when there is no room, and the reports of it.

Order: evidence that was delivered (kept for a request and a look at the box), dead letters, rows for destinations no
longer in the configuration, then by class from health to violation, the oldest first. Manifests stay. What goes of the
last two kinds is reported in a ``loss`` message that is committed in the same transaction. A ``loss`` message evicted
in its turn hands its ranges to the new one, so no report is lost with it.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

from edge_agent.evidence.manifest import MANIFEST
from edge_agent.messages.channels import Priority
from edge_agent.messages.system import LossData
from edge_agent.outbox.row import Row

Reason = Literal["outbox-full", "disk-full", "rejected", "damaged"]

MAX_RANGES = 500
_BATCH = 500


@dataclass(slots=True)
class Eviction:
    """What is to go. ``lost`` holds the sequences to report, by class; ``inherited`` older reports that go along."""

    rows: list[tuple[int, int, int]] = field(default_factory=list)
    pieces: list[tuple[str, int]] = field(default_factory=list)
    lost: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    inherited: list[LossData] = field(default_factory=list)
    freed: int = 0


def plan(
    connection: sqlite3.Connection, need: int, spare: int, up_to: Priority, newest: int, configured: int
) -> Eviction:
    """Enough to free ``need`` bytes, of classes not above ``up_to``; less when there is no more.

    ``spare`` more are freed as long as only what is less than evidence goes.

    ``newest`` is the newest row, which stays as the memory of the last sequence; ``configured`` masks the destinations
    that are served.
    """
    out = Eviction()
    delivered = (
        "SELECT p.path, p.size FROM piece p LEFT JOIN message m ON m.sequence = p.sequence"
        " AND (m.pending <> 0 OR m.dead <> 0) WHERE m.sequence IS NULL AND p.path NOT LIKE ? ORDER BY p.sequence"
    )
    for path, size in connection.execute(delivered, (f"%/{MANIFEST}",)):
        if out.freed >= need + spare:
            return out
        out.pieces.append((path, size))
        out.freed += size
    taken: set[int] = set()
    _take(connection, out, need + spare, taken, "pending = 0 AND dead <> 0 AND sequence < ?", (newest,), report=False)
    _take(
        connection, out, need + spare, taken, f"pending <> 0 AND pending & {configured} = 0 AND sequence < ?", (newest,)
    )
    for priority in sorted(Priority, reverse=True):
        if priority < up_to:
            break
        enough = need + spare if priority > Priority.EVIDENCE else need
        _take(connection, out, enough, taken, "priority = ? AND sequence < ?", (int(priority), newest))
    return out


def _take(
    connection: sqlite3.Connection,
    out: Eviction,
    need: int,
    taken: set[int],
    where: str,
    values: tuple[int, ...],
    *,
    report: bool = True,
) -> None:
    after = -1
    while out.freed < need:
        rows = connection.execute(
            "SELECT sequence, priority, size, channel, piece, CASE channel WHEN 'loss' THEN data END FROM message"  # noqa: S608
            f" WHERE {where} AND sequence > ? ORDER BY sequence LIMIT {_BATCH}",
            (*values, after),
        ).fetchall()
        if not rows:
            return
        for sequence, priority, size, channel, piece, data in rows:
            if out.freed >= need:
                return
            after = sequence
            if sequence in taken:
                continue
            taken.add(sequence)
            out.rows.append((sequence, priority, size))
            out.freed += size
            if channel == "loss":
                out.inherited.append(msgspec.json.decode(data, type=LossData))
                out.lost["loss"].append(sequence)
            elif report:
                out.lost[Priority(priority).name.lower()].append(sequence)
            if piece:
                out.freed += _piece_size(connection, sequence, piece, out)


def _piece_size(connection: sqlite3.Connection, sequence: int, path: str, out: Eviction) -> int:
    """0 for a manifest, which stays, and for a file that a later message, sent again on request, still needs."""
    found = connection.execute("SELECT size FROM piece WHERE path = ? AND sequence = ?", (path, sequence)).fetchone()
    if found is None or path.endswith(f"/{MANIFEST}"):
        return 0
    out.pieces.append((path, found[0]))
    return int(found[0])


def reports(eviction: Eviction, reason: Reason) -> list[LossData]:
    """The loss messages an eviction calls for, each of at most 500 ranges."""
    ranges: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for name, sequences in eviction.lost.items():
        ranges[reason, name, "", ""] += [(n, n) for n in sequences]
    for old in eviction.inherited:
        ranges[old.reason, old.message_class, old.destination, old.detail] += [(a, b) for a, b in old.ranges]
    out = []
    for (why, name, destination, detail), found in ranges.items():
        joined = join(found)
        for start in range(0, len(joined), MAX_RANGES):
            part = joined[start : start + MAX_RANGES]
            out.append(
                LossData(
                    reason=cast(Reason, why),
                    message_class=name,
                    count=sum(b - a + 1 for a, b in part),
                    ranges=part,
                    destination=destination,
                    detail=detail,
                )
            )
    return out


def of_row(reason: Reason, row: Row, destination: str, detail: str) -> LossData:
    """The report of one message's loss."""
    return LossData(
        reason=reason,
        message_class=row.priority.name.lower(),
        count=1,
        ranges=[(row.sequence, row.sequence)],
        destination=destination,
        detail=detail,
    )


def join(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted, with neighbours and overlaps made one."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out

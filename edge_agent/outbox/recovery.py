"""What is found and put right when the outbox opens: a broken database, evidence and rows that do not match."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.evidence import EvidenceStore
from edge_agent.messages.channels import CHANNELS, Priority
from edge_agent.messages.system import LossData
from edge_agent.outbox.database import salvage, transaction
from edge_agent.outbox.eviction import MAX_RANGES, join
from edge_agent.outbox.row import checksum

_CHUNK = 1000
# What a database of an older schema does not have.
_NEWER_COLUMNS: dict[str, dict[str, Any]] = {"piece": {"delivered": 0.0}, "message": {"historical": 0, "checksum": -1}}


@dataclass(slots=True)
class Recovery:
    """Sentences for a person, and losses to report."""

    problems: list[str] = field(default_factory=list)
    losses: list[LossData] = field(default_factory=list)


def carry_over(broken: Path, db: sqlite3.Connection) -> Recovery:
    """Copies what can be read of a broken database into a new one."""
    count = 0
    for table in ("boot", "destination", "message", "piece", "chain", "lost"):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        chunk: list[dict[str, Any]] = []
        for found in salvage(broken, table):
            row = {**_NEWER_COLUMNS.get(table, {}), **found}
            if set(columns) <= set(row) and _plausible(table, row):
                chunk.append(row)
                count += table == "message"
            if len(chunk) == _CHUNK:
                _copy(db, table, columns, chunk)
                chunk = []
        _copy(db, table, columns, chunk)
    return Recovery(
        problems=[
            f"the outbox's database was damaged and set aside as {broken.name}; {count} messages were carried over; "
            "the memory card may be failing"
        ]
    )


def _plausible(table: str, row: dict[str, Any]) -> bool:
    if table != "message":
        return True
    return (
        isinstance(row["data"], bytes)
        and isinstance(row["id"], bytes)
        and len(row["id"]) == 16
        and row["checksum"] in (-1, checksum(row["id"], row["data"]))
        and isinstance(row["subject"], str)
        and isinstance(row["size"], int)
        and row["channel"] in CHANNELS
        and row["priority"] == CHANNELS[row["channel"]].priority
        and isinstance(row["pending"], int)
        and isinstance(row["sequence"], int)
    )


def _copy(db: sqlite3.Connection, table: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
    marks = ", ".join("?" * len(columns))
    with transaction(db):
        db.executemany(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
            [tuple(row[c] for c in columns) for row in rows],
        )


def check_evidence(db: sqlite3.Connection, evidence: EvidenceStore, recovery: Recovery) -> None:
    """Finds evidence without a row and rows without evidence.

    The first is what a cut left between syncing pictures and committing their violation: the violation was never
    raised; the files are counted and are the first to be evicted. The second is reported as a loss.
    """
    evidence.sweep()
    on_disk = {piece.path: piece.size for piece in evidence.scan()}
    known: dict[str, int] = dict(db.execute("SELECT path, size FROM piece"))
    strangers = [(path, size, 0) for path, size in on_disk.items() if path not in known]
    missing = [path for path, size in known.items() if on_disk.get(path) != size]
    awaited = [
        (sequence, path)
        for path in missing
        for (sequence,) in db.execute(
            "SELECT m.sequence FROM piece p JOIN message m USING (sequence) WHERE p.path = ? AND m.piece = p.path"
            " AND m.pending <> 0",
            (path,),
        )
    ]
    if not strangers and not missing:
        return
    with transaction(db):
        db.executemany("INSERT INTO piece (path, size, sequence) VALUES (?, ?, ?)", strangers)
        db.executemany("DELETE FROM piece WHERE path = ?", [(path,) for path in missing])
        db.executemany("UPDATE message SET pending = 0, dead = 0 WHERE sequence = ?", [(n,) for n, _ in awaited])
        if awaited:
            db.execute(
                "INSERT INTO lost VALUES ('damaged', 'evidence', ?)"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (len(awaited),),
            )
    if strangers:
        recovery.problems.append(
            f"{len(strangers)} evidence files belong to no violation (power was cut while one was recorded); "
            "they are kept until room is needed"
        )
    if awaited:
        recovery.problems.append(f"{len(awaited)} evidence files that were to be sent are missing or cut short")
        recovery.losses += _losses(sequence for sequence, _ in awaited)


def _losses(sequences: Iterable[int]) -> list[LossData]:
    ranges = join((n, n) for n in sequences)
    return [
        LossData(
            reason="damaged",
            message_class=Priority.EVIDENCE.name.lower(),
            count=sum(b - a + 1 for a, b in ranges[start : start + MAX_RANGES]),
            ranges=ranges[start : start + MAX_RANGES],
            detail="the file was missing or cut short when the agent started",
        )
        for start in range(0, len(ranges), MAX_RANGES)
    ]

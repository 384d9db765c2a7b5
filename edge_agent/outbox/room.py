"""How much the outbox holds, how much it may, and the small reserve that lets it act on a full disk.

Even deleting needs space for the journal, and the journal (2 MB at most) can only be emptied by letting the database
grow. A file of 4 MB, ``outbox.reserve``, is written ahead; when a commit fails because the disk is full it is removed,
the outbox evicts and commits, gives its free pages back to the disk, and writes the reserve again.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import msgspec

from edge_agent.config.outbox import Outbox as Bounds
from edge_agent.messages.channels import Priority

RESERVE_BYTES = 4 << 20
_MARGIN = 256 << 10
# Evicting takes a little more than is needed, so that a full outbox does not evict and report at every commit.
_EVICT_SHARE = 0.02
_EVICT_MIN = 64 << 10
_PAGES_KEPT_FREE = 1024
_PAGES_GIVEN_BACK = 256


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits: messages and bytes by class, evidence files on disk, what was evicted or set aside since ever."""

    messages: int
    bytes: int
    by_class: dict[str, int]
    evidence_bytes: int
    lost: dict[str, dict[str, int]]
    problems: list[str]


class Room:
    """Counts what is in the database when it is made, then rows and bytes by class. Under the outbox's lock."""

    def __init__(self, db: sqlite3.Connection, folder: Path, bounds: Bounds) -> None:
        self.evidence_bytes = 0
        self.disk_is_short = False
        self._db = db
        self._folder = folder
        self._reserve = folder / "outbox.reserve"
        self._max = bounds.max_mb << 20
        self._floor = bounds.free_disk_floor_mb << 20
        self.recount()
        self.close_reserve()

    def recount(self) -> None:
        """Counts what is in the database."""
        self._count = dict.fromkeys(Priority, 0)
        self._bytes = dict.fromkeys(Priority, 0)
        rows = self._db.execute(
            "SELECT priority, count(*), sum(size) FROM message WHERE pending <> 0 OR dead <> 0 GROUP BY priority"
        )
        for priority, count, size in rows:
            self._count[Priority(priority)], self._bytes[Priority(priority)] = count, size
        self.evidence_bytes = int(self._db.execute("SELECT coalesce(sum(size), 0) FROM piece").fetchone()[0])

    def add(self, priority: Priority, size: int) -> None:
        """One row came."""
        self._count[priority] += 1
        self._bytes[priority] += size

    def remove(self, priority: Priority, size: int, count: int = 1) -> None:
        """Rows went."""
        self._count[priority] -= count
        self._bytes[priority] -= size

    def totals(self) -> tuple[int, int]:
        """Messages, and their bytes without evidence files."""
        return sum(self._count.values()), sum(self._bytes.values())

    def by_class(self) -> dict[str, int]:
        """Messages by class, where there are any."""
        return {priority.name.lower(): count for priority, count in self._count.items() if count}

    def shortage(self, need: int, *, emergency: bool) -> tuple[int, int]:
        """How many bytes must leave before ``need`` more are written, and how many more had better; 0 and 0 for none.

        ``emergency``: the disk has just refused a write, whatever was counted.
        """
        used = self.totals()[1] + self.evidence_bytes
        over = used + need - self._max
        free = self._free()
        self.disk_is_short = emergency or free - need < self._floor
        if self.disk_is_short:
            over = max(over, need if emergency or free < self._floor else need + self._floor - free)
        if over <= 0:
            return 0, 0
        return over, max(_EVICT_MIN, int(used * _EVICT_SHARE)) + (RESERVE_BYTES if emergency else 0)

    def open_reserve(self) -> None:
        """Gives the reserve free for an eviction."""
        self._reserve.unlink(missing_ok=True)

    def close_reserve(self) -> None:
        """Writes the reserve again where it is missing and there is space."""
        if self._reserve.exists() or self._free() < RESERVE_BYTES + _MARGIN:
            return
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError:
            self._reserve.unlink(missing_ok=True)

    def give_back_everything(self) -> None:
        """Returns all free pages to the disk, while the reserve is open. Raises sqlite3.Error."""
        for step in ("wal_checkpoint(RESTART)", "incremental_vacuum", "wal_checkpoint(RESTART)"):
            self._db.execute(f"PRAGMA {step}").fetchall()

    def give_back_pages(self) -> None:
        """Returns some of the free pages of the file to the disk when there are many."""
        free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        if free > _PAGES_KEPT_FREE:
            self._db.execute(f"PRAGMA incremental_vacuum({_PAGES_GIVEN_BACK})").fetchall()

    def _free(self) -> int:
        state = os.statvfs(self._folder)
        return state.f_bavail * state.f_frsize

"""All SQL of the outbox's rows: destinations, boots, messages, pieces of evidence. Not locked; see ``Outbox``.

A destination is one bit of a row's ``pending`` mask (bit 0: the one not yet configured) and of ``dead``, its dead
letters. A row without any bit is deleted, but for the newest, which remembers the last sequence.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.errors import OutboxError
from edge_agent.evidence import Piece
from edge_agent.evidence.manifest import Head
from edge_agent.messages.channels import Priority
from edge_agent.messages.envelope import TimeTrust
from edge_agent.outbox.chain import write_head
from edge_agent.outbox.database import transaction
from edge_agent.outbox.eviction import Eviction, join
from edge_agent.outbox.retention import Retention
from edge_agent.outbox.row import ROW_OVERHEAD, Row, checksum, priority_of
from edge_agent.outbox.times import Boot, Times

_UNCLAIMED = 1
_MOST_DESTINATIONS = 61
# A damaged card may have left any type in a column; these are computed with.
_COLUMNS = (
    "sequence, id, channel, CAST(subject AS TEXT), CAST(time AS REAL), boot, CAST(monotonic AS REAL), trusted, error_s,"
    " data, piece, rejections, historical, checksum"
)
_COLUMNS_AS_BYTES = _COLUMNS.replace(" id,", " CAST(id AS BLOB),").replace(" data,", " CAST(data AS BLOB),")
_SIGNIFICANT_STEP_S = 0.05
_BOOT_REFRESH_S = 60.0


class Store:
    """``served`` masks the destinations in the configuration; ``orphaned`` has sentences about others that wait."""

    def __init__(
        self, db: sqlite3.Connection, path: Path, destinations: Mapping[str, Collection[str] | None], clock: Clock
    ) -> None:
        self._db = db
        self._clock = clock
        self._takes = {name: None if takes is None else frozenset(takes) for name, takes in destinations.items()}
        with transaction(db):
            db.execute(
                "DELETE FROM message WHERE pending = 0 AND dead = 0 AND sequence < (SELECT max(sequence) FROM message)"
            )
            _mend(db)
            known = self._destinations(destinations, path)
            self._all_bits = sum(1 << bit for bit in known.values())
            self.bits = {name: 1 << known[name] for name in destinations}
            self.served = sum(self.bits.values()) or _UNCLAIMED
            if self.bits:
                first = next(iter(self.bits.values()))
                db.execute("UPDATE message SET pending = (pending & ~1) | ? WHERE pending & 1", (first,))
            db.execute(
                "UPDATE message SET pending = pending | (dead & ?1), dead = dead & ~?1, rejections = 0 WHERE dead & ?1",
                (self.served,),
            )
            db.execute("INSERT OR IGNORE INTO boot (id) VALUES (?)", (clock.boot,))
        self._read_boots()
        emptied = db.execute("SELECT max(sequence) FROM message WHERE pending = 0 AND dead = 0").fetchone()[0]
        self._tombstone: int = emptied or 0
        self.newest = dict.fromkeys(Priority, 0)
        for priority, newest in db.execute("SELECT priority, max(sequence) FROM message GROUP BY priority"):
            self.newest[Priority(priority)] = newest
        waiting = {name: self._waiting(1 << bit) for name, bit in known.items() if name not in destinations}
        self.orphaned = [
            f"{count} messages wait for {name!r}, which is no longer in the configuration"
            for name, count in waiting.items()
            if count
        ]

    def last_sequence(self) -> int:
        """The last sequence committed, 0 for none."""
        return int(self._db.execute("SELECT coalesce(max(sequence), 0) FROM message").fetchone()[0])

    def write(
        self, rows: list[Row], pieces: Iterable[Piece], leaving: Eviction, reason: str, head: Head | None, owner: int
    ) -> None:
        """In one transaction: what leaves, then what comes, and the new head of the chain.

        A piece belongs to the row that announces it, or to ``owner``.
        """
        try:
            self._write(rows, pieces, leaving, reason, head, owner)
        except BaseException:
            self._read_boots()
            raise
        self._tombstone = 0
        for row in rows:
            self.newest[row.priority] = row.sequence

    def _write(
        self, rows: list[Row], pieces: Iterable[Piece], leaving: Eviction, reason: str, head: Head | None, owner: int
    ) -> None:
        of_piece = {row.piece: row.sequence for row in rows if row.piece}
        with transaction(self._db):
            self._db.executemany("DELETE FROM message WHERE sequence = ?", [(row[0],) for row in leaving.rows])
            self._db.executemany("DELETE FROM piece WHERE path = ?", [(path,) for path, _ in leaving.pieces])
            for name, sequences in leaving.lost.items():
                self._count_lost(reason, name, len(sequences))
            self._insert(rows)
            self._db.executemany(
                "INSERT OR REPLACE INTO piece (path, size, sequence) VALUES (?, ?, ?)",
                [(piece.path, piece.size, owner) for piece in pieces],
            )
            self._db.executemany(
                "UPDATE piece SET sequence = ?, delivered = 0 WHERE path = ?",
                [(sequence, path) for path, sequence in of_piece.items()],
            )
            if head:
                write_head(self._db, head)
            if self._tombstone:
                self._db.execute("DELETE FROM message WHERE sequence = ? AND pending = 0 AND dead = 0",
                                 (self._tombstone,))  # fmt: skip

    def boundary(self, window_s: float) -> int:
        """The last sequence recorded more than ``window_s`` ago or in an earlier boot, 0 for none."""
        since = self._clock.monotonic() - window_s
        present = self._times.boot(self._clock.boot).number
        for sequence, boot, monotonic in self._db.execute(
            "SELECT sequence, boot, CAST(monotonic AS REAL) FROM message ORDER BY sequence DESC"
        ):
            if boot != present or monotonic < since:
                return int(sequence)
        return 0

    def fetch(
        self, bit: int, priority: Priority, after: int, upto: int, limit: int, *, live_after: int | None = None
    ) -> list[Row]:
        """Rows of one class that ``bit`` waits for, in order, with the best time known now.

        With ``live_after`` only the backlog: what has a lower sequence, or was queued again.
        """
        self._learn_time()
        backlog = "" if live_after is None else f" AND (sequence <= {live_after:d} OR historical)"
        where = f"priority = ? AND sequence > ? AND sequence <= ? AND pending & ?{backlog} ORDER BY sequence LIMIT ?"
        values = (int(priority), after, upto, bit, limit)
        try:
            found = self._rows(_COLUMNS, where, values, live_after is not None)
        except TypeError:
            found = self._rows(_COLUMNS_AS_BYTES, where, values, live_after is not None)
        return [self._settled(row) if row.intact and row.trust is not TimeTrust.TRUSTED else row for row in found]

    def _rows(self, columns: str, where: str, values: tuple[int, ...], backlog: bool) -> list[Row]:
        rows = self._db.execute(f"SELECT {columns} FROM message WHERE {where}", values)  # noqa: S608
        return [self._row(row, backlog) for row in rows]

    def _settled(self, row: Row) -> Row:
        """As it is, where a damaged card left no time to compute with; an uplink finds that out."""
        try:
            return self._times.settled(row)
        except (TypeError, ValueError, OverflowError, OSError):
            return row

    def delivered(self, bit: int, rows: list[Row]) -> dict[Priority, tuple[int, int]] | None:
        """``bit`` waits for these no longer; returns count and bytes, by class, of those nobody waits for now.

        None when that is not known and must be counted anew.
        """
        newest = self.last_sequence()
        sequences = sorted(row.sequence for row in rows)
        with transaction(self._db):
            if bit == self._all_bits and sequences[-1] < newest:
                whole = sequences[-1] - sequences[0] == len(sequences) - 1
                ranges = [(sequences[0], sequences[-1])] if whole else join((n, n) for n in sequences)
                statement = "DELETE FROM message WHERE sequence BETWEEN ? AND ? AND dead = 0"
                gone = sum(self._db.execute(statement, each).rowcount for each in ranges)
                return _sums(rows) if gone == len(rows) else None
            wanted = json.dumps(sequences)
            left = self._db.execute(
                "UPDATE message SET pending = pending & ~?1 WHERE sequence IN (SELECT value FROM json_each(?2))"
                " AND pending & ?1 RETURNING sequence, pending, dead",
                (bit, wanted),
            ).fetchall()
            free = {n for n, pending, dead in left if not pending and not dead}
            self._db.executemany("DELETE FROM message WHERE sequence = ?", [(n,) for n in free if n != newest])
        if newest in free:
            self._tombstone = newest
        return _sums(row for row in rows if row.sequence in free)

    def refuse(self, sequence: int) -> int:
        """Counts one more refusal; how many there were."""
        row = self._db.execute(
            "UPDATE message SET rejections = rejections + 1 WHERE sequence = ? RETURNING rejections", (sequence,)
        ).fetchone()
        return int(row[0]) if row else 0

    def bury(self, bit: int, row: Row) -> None:
        """Makes a message a dead letter of ``bit``."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE message SET pending = pending & ~?1, dead = dead | ?1 WHERE sequence = ?2", (bit, row.sequence)
            )
            self._count_lost("rejected", row.priority.name.lower(), 1)

    def remove_damaged(self, row: Row) -> bool:
        """Removes a message for everybody; False when it was gone already."""
        newest = self.last_sequence()
        with transaction(self._db):
            gone = self._db.execute(
                "UPDATE message SET pending = 0, dead = 0 WHERE sequence = ? AND (pending <> 0 OR dead <> 0)"
                " RETURNING size",
                (row.sequence,),
            ).fetchall()
            self._db.execute("DELETE FROM message WHERE sequence = ? AND sequence <> ?", (row.sequence, newest))
            if gone:
                self._count_lost("damaged", row.priority.name.lower(), 1)
        if row.sequence == newest:
            self._tombstone = newest
        return bool(gone)

    def waiting(self, folder: str) -> set[str]:
        """Pieces of a pack that somebody has not acknowledged."""
        rows = self._db.execute(
            "SELECT p.path FROM piece p JOIN message m ON m.sequence = p.sequence AND m.piece = p.path"
            " AND m.pending <> 0 WHERE p.path GLOB ?",
            (f"{folder}/*",),
        )
        return {path for (path,) in rows}

    def retain(self, plan: Retention, now: float) -> None:
        """Forgets what goes by ``plan`` and remembers what it found delivered."""
        with transaction(self._db):
            self._db.executemany("UPDATE piece SET delivered = ? WHERE path = ?", [(now, p) for p in plan.delivered])
            self._db.executemany("DELETE FROM piece WHERE path = ?", [(piece.path,) for piece in plan.leaving])

    def lost(self) -> dict[str, dict[str, int]]:
        """How many messages were lost since ever, by reason and class."""
        out: dict[str, dict[str, int]] = {}
        for reason, name, count in self._db.execute("SELECT reason, class, count FROM lost"):
            out.setdefault(reason, {})[name] = count
        return out

    def _destinations(self, wanted: Iterable[str], path: Path) -> dict[str, int]:
        known: dict[str, int] = {name: bit for bit, name in self._db.execute("SELECT bit, name FROM destination")}
        for name in wanted:
            if name not in known:
                free = next((n for n in range(1, _MOST_DESTINATIONS + 1) if n not in known.values()), None)
                if free is None:
                    raise OutboxError(f"{path} has known {_MOST_DESTINATIONS} destinations; move the file away")
                known[name] = free
                self._db.execute("INSERT INTO destination VALUES (?, ?)", (free, name))
        return known

    def _read_boots(self) -> None:
        boots = self._db.execute("SELECT number, id, wall_offset, error_s, last_monotonic FROM boot ORDER BY number")
        self._times = Times(Boot(*row) for row in boots)
        self._boots = {boot.number: boot.id for boot in self._times.all()}

    def _waiting(self, bit: int) -> int:
        return int(self._db.execute("SELECT count(*) FROM message WHERE pending & ?", (bit,)).fetchone()[0])

    def _count_lost(self, reason: str, name: str, count: int) -> None:
        self._db.execute(
            "INSERT INTO lost VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (reason, name, count),
        )

    def _insert(self, rows: list[Row]) -> None:
        boot = self._boot_number()
        self._db.executemany(
            "INSERT INTO message (sequence, id, channel, priority, subject, time, boot, monotonic, trusted, error_s,"
            " data, piece, size, pending, historical, checksum)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (row.sequence, row.id, row.channel, int(row.priority), row.subject, row.time, boot, row.monotonic,
                 row.trust is TimeTrust.TRUSTED, row.error_s, row.data, row.piece, row.size, self._mask(row.channel),
                 row.historical, checksum(row.id, row.data))
                for row in rows
            ],
        )  # fmt: skip

    def _mask(self, channel: str) -> int:
        if not self.bits:
            return _UNCLAIMED
        return sum(bit for name, bit in self.bits.items() if (takes := self._takes[name]) is None or channel in takes)

    def _row(
        self, row: tuple[int, bytes, str, str, float, int, float, int, float, bytes, str, int, int, int], backlog: bool
    ) -> Row:
        sequence, key, channel, subject, time, boot, monotonic, trusted, error, data, piece, rejections, late, crc = row
        return Row(
            sequence, key, channel, subject, time, self._boots.get(boot, ""), monotonic,
            TimeTrust.TRUSTED if trusted else TimeTrust.UNTRUSTED, error, data, piece, rejections,
            backlog or bool(late), crc in (-1, checksum(key, data)),
        )  # fmt: skip

    def _boot_number(self) -> int:
        boot = self._times.boot(self._clock.boot)
        self._set_offset(boot)
        now = self._clock.monotonic()
        if boot.offset is None or boot.last_monotonic == 0 or now - boot.last_monotonic > _BOOT_REFRESH_S:
            boot.last_monotonic = now
            self._db.execute("UPDATE boot SET last_monotonic = ? WHERE number = ?", (now, boot.number))
        return boot.number

    def _learn_time(self) -> None:
        boot = self._times.boot(self._clock.boot)
        if boot.offset is None and self._clock.trust().trusted:
            with transaction(self._db):
                self._set_offset(boot)

    def _set_offset(self, boot: Boot) -> None:
        trust = self._clock.trust()
        if not trust.trusted:
            return
        offset = self._clock.time() - self._clock.monotonic()
        if boot.offset is None or abs(offset - boot.offset) > _SIGNIFICANT_STEP_S:
            boot.offset, boot.error_s = offset, trust.error_s
            self._db.execute(
                "UPDATE boot SET wall_offset = ?, error_s = ? WHERE number = ?", (offset, trust.error_s, boot.number)
            )


def _mend(db: sqlite3.Connection) -> None:
    """What a damaged card did to the columns that others depend on: one wrong size would evict everything else."""
    known = ", ".join(str(int(p)) for p in Priority)
    db.execute(f"UPDATE message SET priority = {Priority.HEALTH:d} WHERE priority NOT IN ({known})")  # noqa: S608
    size = f"length(CAST(data AS BLOB)) + length(CAST(subject AS TEXT)) + {ROW_OVERHEAD}"
    db.execute(f"UPDATE message SET size = {size} WHERE size <> {size}")  # noqa: S608
    db.execute("UPDATE message SET dead = 0 WHERE typeof(dead) <> 'integer'")


def _sums(rows: Iterable[Row]) -> dict[Priority, tuple[int, int]]:
    """Count and bytes by class."""
    counts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for row in rows:
        counts[row.channel] = counts.get(row.channel, 0) + 1
        sizes[row.channel] = sizes.get(row.channel, 0) + row.size
    out: dict[Priority, tuple[int, int]] = {}
    for channel, count in counts.items():
        before, size = out.get(priority_of(channel), (0, 0))
        out[priority_of(channel)] = (before + count, size + sizes[channel])
    return out

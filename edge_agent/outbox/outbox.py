"""The durable queue of messages that not every destination has acknowledged.

Invariants: a row is committed (synced) before anybody may send it; a row goes only when every destination that was to
have it acknowledged it, or by an eviction reported in the same transaction; sequences are issued without a gap over
crashes and boots. Each destination is one bit in a row's ``pending`` mask, so that a message for several is stored
once; bit 0 stands for the destination not yet configured, and what was recorded for it goes to the first one that is.
The newest row is kept, emptied of destinations, until a newer one exists: it remembers the last sequence.

Safe for threads: one lock, one connection.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from edge_agent.clock import Clock
from edge_agent.config.outbox import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore, Piece
from edge_agent.messages.channels import CHANNELS, Priority
from edge_agent.messages.envelope import TimeTrust, message_id
from edge_agent.messages.system import LossData
from edge_agent.outbox import eviction
from edge_agent.outbox.database import Ceiling, Lock, open_database, transaction
from edge_agent.outbox.queue import Queue
from edge_agent.outbox.recovery import Recovery, carry_over, check_evidence
from edge_agent.outbox.room import Room
from edge_agent.outbox.row import Row
from edge_agent.outbox.times import Boot, Times

log = logging.getLogger(__name__)

_UNCLAIMED = 1
_COLUMNS = "sequence, id, channel, subject, time, boot, monotonic, trusted, error_s, data, piece, rejections"
_SIGNIFICANT_STEP_S = 0.05


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits: messages and bytes by class, evidence files on disk, what was evicted or set aside since ever."""

    messages: int
    bytes: int
    by_class: dict[str, int]
    evidence_bytes: int
    lost: dict[str, dict[str, int]]
    problems: list[str]


class Outbox:
    """Opened with ``Outbox.open``; ``close`` when done."""

    def __init__(
        self,
        path: Path,
        device: str,
        destinations: Mapping[str, Collection[str] | None],
        evidence: EvidenceStore,
        clock: Clock,
        bounds: Bounds,
    ) -> None:
        self.clock = clock
        self.device = device
        self.evidence = evidence
        self.lock = threading.RLock()
        self.commits = 0
        self._path = path
        self._bounds = bounds
        self._changed = threading.Condition(self.lock)
        self._listeners: list[Callable[[], None]] = []
        self._group: list[Row] = []
        self._closing = False
        self._tombstone = 0
        self._problem = ""
        self._process_lock = Lock(path.with_name(path.name + ".lock"))
        try:
            self._ceiling = Ceiling(path.with_name(path.name + ".ceiling"))
            self._db, broken = open_database(path)
            self.recovery = Recovery()
            if broken is not None:
                self.recovery = carry_over(broken, self._db)
            self._room = Room(self._db, path.parent, bounds)
            self._load(destinations)
            self._next = max(self._newest_sequence(), self._ceiling.value - 1 if broken is not None else 0) + 1
            check_evidence(self._db, evidence, self.recovery)
            self._room.recount()
            self._report_recovery(broken is not None)
        except BaseException:
            self._process_lock.release()
            raise
        self._committer = threading.Thread(target=self._commit_groups, name="outbox-commit", daemon=True)
        self._committer.start()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        device: str,
        destinations: Mapping[str, Collection[str] | None],
        evidence: EvidenceStore,
        clock: Clock | None = None,
        bounds: Bounds | None = None,
    ) -> Outbox:
        """The outbox in the file ``path``, whose folder exists.

        ``destinations``: all that are served, each with the channels it takes (None: all). Raises OutboxError when
        another process has it, or the folder cannot be written. A broken file is set aside, see ``recovery``.
        """
        return cls(path, device, destinations, evidence, clock or Clock(), bounds or Bounds())

    def close(self) -> None:
        """Commits what is grouped and closes the file."""
        with self.lock:
            if self._closing:
                return
            try:
                self.flush()
            finally:
                self._closing = True
                self._changed.notify_all()
        self._committer.join(timeout=10.0)
        with self.lock:
            self._db.close()
            self._process_lock.release()

    def queue(self, destination: str) -> Queue:
        """The position of one of the destinations given to ``open``."""
        return Queue(self, destination, 1 << self._bits[destination])

    def wait(self, timeout_s: float, seen: int) -> int:
        """Blocks until something was committed since ``seen`` (a value of ``commits``), at most ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self.commits != seen or self._closing, timeout_s)
            return self.commits

    def listen(self, callback: Callable[[], None]) -> None:
        """``callback`` is called after every commit, in the committing thread; it must return at once."""
        with self.lock:
            self._listeners = [*self._listeners, callback]

    def forget(self, callback: Callable[[], None]) -> None:
        """Takes back ``listen``."""
        with self.lock:
            self._listeners = [c for c in self._listeners if c != callback]

    def depth(self) -> Depth:
        """What waits now."""
        with self.lock:
            lost: dict[str, dict[str, int]] = {}
            for reason, name, count in self._db.execute("SELECT reason, class, count FROM lost"):
                lost.setdefault(reason, {})[name] = count
            count, size = self._room.totals()
            return Depth(
                messages=count + len(self._group),
                bytes=size,
                by_class=self._room.by_class(),
                evidence_bytes=self._room.evidence_bytes,
                lost=lost,
                problems=self.problems(),
            )

    def problems(self) -> list[str]:
        """Sentences for a person: what was found at start, and what is wrong now."""
        out = [*self.recovery.problems, *self._orphaned]
        return [*out, self._problem] if self._problem else out

    def issue(self) -> int:
        """The next sequence. Only under ``lock``, and given back by ``withdraw`` when its commit fails."""
        self._next += 1
        return self._next - 1

    def withdraw(self, sequence: int) -> None:
        """``sequence`` and those issued after it, still under the same ``lock``, were not committed."""
        self._next = min(self._next, sequence)

    def boot_time(self, time: float) -> tuple[str, float, TimeTrust, float]:
        """Boot, monotonic time, trust and error of a moment the machine's clock had as ``time``."""
        place = self.clock.place(time)
        trust = TimeTrust.TRUSTED if place.trusted else TimeTrust.UNTRUSTED
        return self.clock.boot, place.monotonic, trust, place.error_s

    def group(self, row: Row) -> None:
        """Commits telemetry within the configured bound of time and rows. Raises OutboxError."""
        with self.lock:
            bound = self._bounds.telemetry_commit_rows
            if len(self._group) >= 2 * bound:
                raise OutboxError(f"telemetry cannot be committed: {self._problem}")
            self._group.append(row)
            if len(self._group) >= bound or self._bounds.telemetry_commit_s == 0:
                self.flush()
            elif len(self._group) == 1:
                self._changed.notify_all()

    def flush(self) -> None:
        """Commits what is grouped. Raises OutboxError; the group is kept then."""
        self.commit([])

    def commit(self, rows: list[Row], pieces: Iterable[Piece] = ()) -> None:
        """Commits ``rows`` and whatever is grouped before them, in one transaction; returns when they are synced.

        ``pieces`` are evidence files of the last row's violation, already synced. Raises OutboxError: then nothing of
        ``rows`` was raised.
        """
        with self.lock:
            batch = [*self._group, *rows]
            if not batch:
                return
            found = list(pieces)
            need = sum(row.size for row in batch) + sum(piece.size for piece in found)
            up_to = min(row.priority for row in batch)
            resume = self._next
            for attempt in (0, 1):
                try:
                    self._write(batch, found, self._room.shortage(need, emergency=attempt == 1), up_to)
                    break
                except (sqlite3.Error, OSError) as error:
                    self._next = resume
                    if attempt == 0 and self._room.open_reserve():
                        continue
                    self._problem = f"{self._path} cannot be written ({error}); free some space on its disk"
                    raise OutboxError(self._problem) from error
                except OutboxError:
                    self._next = resume
                    raise
            self._problem = ""
            self._group.clear()
            self._room.close_reserve()
            self._announce()

    def make_room(self, need: int) -> bool:
        """Evicts for ``need`` bytes of evidence that the disk refused; whether anything was freed."""
        with self.lock:
            self._room.open_reserve()
            resume = self._next
            try:
                freed = self._write([], [], self._room.shortage(need, emergency=True), Priority.EVIDENCE)
            except (sqlite3.Error, OSError):
                self._next = resume
                return False
            self._announce()
            return freed > 0

    def _write(self, batch: list[Row], pieces: list[Piece], shortage: int, up_to: Priority) -> int:
        leaving = eviction.Eviction()
        if shortage:
            leaving = eviction.plan(self._db, shortage, up_to, self._newest_sequence(), self._served)
            if leaving.freed < shortage and up_to.telemetry:
                raise OutboxError("the outbox is full of more important messages; telemetry is not recorded")
        reason: eviction.Reason = "disk-full" if self._room.disk_is_short else "outbox-full"
        lost = [self._loss_row(data) for data in eviction.reports(leaving, reason)]
        self._ceiling.raise_above(self._next)
        with transaction(self._db):
            self._evict(leaving, reason)
            self._insert([*batch, *lost])
            self._db.executemany(
                "INSERT OR REPLACE INTO piece (path, size, sequence) VALUES (?, ?, ?)",
                [(p.path, p.size, next((r.sequence for r in batch if r.piece == p.path), 0)) for p in pieces],
            )
            tombstone, self._tombstone = self._tombstone, 0
            self._db.execute("DELETE FROM message WHERE sequence = ? AND pending = 0 AND dead = 0", (tombstone,))
        for row in (*batch, *lost):
            self._room.add(row.priority, row.size)
            self._newest[row.priority] = row.sequence
        self._room.evidence_bytes += sum(p.size for p in pieces) - sum(size for _, size in leaving.pieces)
        for _, priority, size in leaving.rows:
            self._room.remove(Priority(priority), size)
        for path, _ in leaving.pieces:
            self.evidence.drop(path)
        return leaving.freed

    def _insert(self, rows: list[Row]) -> None:
        boot = self._boot_number()
        self._db.executemany(
            "INSERT INTO message (sequence, id, channel, priority, subject, time, boot, monotonic, trusted, error_s,"
            " data, piece, size, pending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    row.sequence,
                    row.id,
                    row.channel,
                    int(row.priority),
                    row.subject,
                    row.time,
                    boot,
                    row.monotonic,
                    row.trust is TimeTrust.TRUSTED,
                    row.error_s,
                    row.data,
                    row.piece,
                    row.size,
                    self._mask(row.channel),
                )
                for row in rows
            ],
        )

    def _evict(self, leaving: eviction.Eviction, reason: str) -> None:
        self._db.executemany("DELETE FROM message WHERE sequence = ?", [(row[0],) for row in leaving.rows])
        self._db.executemany("DELETE FROM piece WHERE path = ?", [(path,) for path, _ in leaving.pieces])
        for name, sequences in leaving.lost.items():
            self._count_lost(reason, name, len(sequences))

    def _count_lost(self, reason: str, name: str, count: int) -> None:
        self._db.execute(
            "INSERT INTO lost VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (reason, name, count),
        )

    def _loss_row(self, data: LossData) -> Row:
        sequence = self.issue()
        time = self.clock.time()
        boot, monotonic, trust, error = self.boot_time(time)
        return Row(
            sequence=sequence,
            id=message_id_bytes(time, self.device, boot, sequence),
            channel="loss",
            subject=data.reason,
            time=time,
            boot=boot,
            monotonic=monotonic,
            trust=trust,
            error_s=error,
            data=msgspec.json.encode(data),
        )

    def report(self, data: LossData) -> None:
        """Records a loss that is no eviction. Raises OutboxError."""
        with self.lock:
            row = self._loss_row(data)
            try:
                self.commit([row])
            except OutboxError:
                self.withdraw(row.sequence)
                raise

    def boundary(self, window_s: float) -> int:
        """The last sequence recorded more than ``window_s`` ago or in an earlier boot; what is above is live."""
        with self.lock:
            since = self.clock.monotonic() - window_s
            query = "SELECT sequence, boot, monotonic FROM message ORDER BY sequence DESC"
            for sequence, boot, monotonic in self._db.execute(query):
                if boot != self._times.boot(self.clock.boot).number or monotonic < since:
                    return int(sequence)
            return 0

    def newest(self, priority: Priority) -> int:
        """The newest committed sequence of a class."""
        return self._newest[priority]

    def fetch(self, bit: int, priority: Priority, after: int, upto: int, limit: int) -> list[Row]:
        """Rows of one class that ``bit`` waits for, in order, with the best time known now."""
        with self.lock:
            self._learn_time()
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM message WHERE priority = ? AND sequence > ? AND sequence <= ?"  # noqa: S608
                " AND pending & ? ORDER BY sequence LIMIT ?",
                (int(priority), after, upto, bit, limit),
            )
            return [self._times.settled(self._row(row)) for row in rows]

    def delete(self, bit: int, sequences: list[int]) -> None:
        """``bit`` does not wait for these any longer. Not synced: a power cut may bring some back, to be sent twice."""
        with self.lock:
            wanted = json.dumps(sequences)
            newest = self._newest_sequence()
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                with transaction(self._db):
                    gone = self._db.execute(
                        "DELETE FROM message WHERE sequence IN (SELECT value FROM json_each(?)) AND pending = ?"
                        " AND dead = 0 AND sequence <> ? RETURNING priority, size",
                        (wanted, bit, newest),
                    ).fetchall()
                    if len(gone) < len(sequences):
                        self._clear_bit(bit, wanted, newest, gone)
            except sqlite3.Error as error:
                log.warning("%s: acknowledged messages could not be deleted (%s); they will be sent twice",
                            self._path, error)  # fmt: skip
                return
            finally:
                self._db.execute("PRAGMA synchronous=FULL")
            for priority, size in gone:
                self._room.remove(Priority(priority), size)
            self._room.give_back_pages()

    def _clear_bit(self, bit: int, wanted: str, newest: int, gone: list[tuple[int, int]]) -> None:
        left = self._db.execute(
            "UPDATE message SET pending = pending & ~? WHERE sequence IN (SELECT value FROM json_each(?))"
            " AND pending & ? RETURNING sequence, pending, dead, priority, size",
            (bit, wanted, bit),
        ).fetchall()
        for sequence, pending, dead, priority, size in left:
            if pending == 0 and dead == 0:
                gone.append((priority, size))
                if sequence == newest:
                    self._tombstone = sequence

    def refused(self, sequence: int) -> int:
        """Counts one more refusal of this message by a destination; how many there were."""
        with self.lock:
            row = self._db.execute(
                "UPDATE message SET rejections = rejections + 1 WHERE sequence = ? RETURNING rejections", (sequence,)
            ).fetchone()
            return int(row[0]) if row else 0

    def bury(self, bit: int, destination: str, row: Row, reason: str) -> None:
        """Sets a message aside as a dead letter of ``bit`` and reports it. It is tried again at the next start."""
        with self.lock:
            with transaction(self._db):
                self._db.execute(
                    "UPDATE message SET pending = pending & ~?1, dead = dead | ?1 WHERE sequence = ?2",
                    (bit, row.sequence),
                )
                self._count_lost("rejected", row.priority.name.lower(), 1)
            self.report(_loss("rejected", row, destination, reason))

    def damaged(self, row: Row, detail: str) -> None:
        """Removes a message that cannot be sent to anybody, and reports it."""
        with self.lock:
            with transaction(self._db):
                gone = self._db.execute("DELETE FROM message WHERE sequence = ? RETURNING size", (row.sequence,))
                if gone.fetchone() is None:
                    return
                self._count_lost("damaged", row.priority.name.lower(), 1)
            self._room.remove(row.priority, row.size)
            self.report(_loss("damaged", row, "", detail))

    def _load(self, destinations: Mapping[str, Collection[str] | None]) -> None:
        with transaction(self._db):
            self._db.execute(
                "DELETE FROM message WHERE pending = 0 AND dead = 0 AND sequence < (SELECT max(sequence) FROM message)"
            )
            known = {name: bit for bit, name in self._db.execute("SELECT bit, name FROM destination")}
            for name in destinations:
                if name not in known:
                    free = next((n for n in range(1, 62) if n not in known.values()), None)
                    if free is None:
                        raise OutboxError(f"{self._path}: more than 61 destinations were ever used; remove the file")
                    known[name] = free
                    self._db.execute("INSERT INTO destination VALUES (?, ?)", (free, name))
            self._bits = {name: known[name] for name in destinations}
            self._takes = {name: None if takes is None else frozenset(takes) for name, takes in destinations.items()}
            if destinations:
                first = 1 << next(iter(self._bits.values()))
                self._db.execute("UPDATE message SET pending = (pending & ~1) | ? WHERE pending & 1", (first,))
            self._served = sum(1 << bit for bit in self._bits.values()) or _UNCLAIMED
            self._db.execute("UPDATE message SET pending = pending | (dead & ?1), dead = dead & ~?1, rejections = 0"
                             " WHERE dead & ?1", (self._served,))  # fmt: skip
            self._db.execute("INSERT OR IGNORE INTO boot (id) VALUES (?)", (self.clock.boot,))
        self._times = Times(
            Boot(*row) for row in self._db.execute("SELECT number, id, wall_offset, error_s, last_monotonic FROM boot")
        )
        self._boots = {boot.number: boot.id for boot in self._times.all()}
        self._newest = dict.fromkeys(Priority, 0)
        for priority, newest in self._db.execute("SELECT priority, max(sequence) FROM message GROUP BY priority"):
            self._newest[Priority(priority)] = newest
        self._orphaned = [
            f"{self._waiting(1 << bit)} messages wait for {name!r}, which is no longer in the configuration"
            for name, bit in known.items()
            if name not in destinations and self._waiting(1 << bit)
        ]

    def _waiting(self, bit: int) -> int:
        return int(self._db.execute("SELECT count(*) FROM message WHERE pending & ?", (bit,)).fetchone()[0])

    def _report_recovery(self, was_broken: bool) -> None:
        losses = list(self.recovery.losses)
        if was_broken and self._ceiling.value:
            losses.append(
                LossData(
                    reason="damaged",
                    message_class="unknown",
                    count=0,
                    ranges=[(1, self._ceiling.value - 1)],
                    detail="the outbox's database was damaged; what could be read of it was carried over",
                )
            )
        for loss in losses:
            self.report(loss)

    def _newest_sequence(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(sequence), 0) FROM message").fetchone()[0])

    def _mask(self, channel: str) -> int:
        if not self._bits:
            return _UNCLAIMED
        return sum(1 << bit for name, bit in self._bits.items() if (t := self._takes[name]) is None or channel in t)

    def _row(self, row: tuple[int, bytes, str, str, float, int, float, int, float, bytes, str, int]) -> Row:
        sequence, key, channel, subject, time, boot, monotonic, trusted, error, data, piece, rejections = row
        trust = TimeTrust.TRUSTED if trusted else TimeTrust.UNTRUSTED
        return Row(sequence, key, channel, subject, time, self._boots.get(boot, ""), monotonic, trust, error, data,
                   piece, rejections)  # fmt: skip

    def _boot_number(self) -> int:
        boot = self._times.boot(self.clock.boot)
        self._set_offset(boot)
        now = self.clock.monotonic()
        if boot.offset is None or now - boot.last_monotonic > 60:
            boot.last_monotonic = now
            self._db.execute("UPDATE boot SET last_monotonic = ? WHERE number = ?", (now, boot.number))
        return boot.number

    def _learn_time(self) -> None:
        boot = self._times.boot(self.clock.boot)
        if boot.offset is None and self.clock.trust().trusted:
            with transaction(self._db):
                self._set_offset(boot)

    def _set_offset(self, boot: Boot) -> None:
        trust = self.clock.trust()
        if not trust.trusted:
            return
        offset = self.clock.time() - self.clock.monotonic()
        if boot.offset is None or abs(offset - boot.offset) > _SIGNIFICANT_STEP_S:
            boot.offset, boot.error_s = offset, trust.error_s
            self._db.execute(
                "UPDATE boot SET wall_offset = ?, error_s = ? WHERE number = ?", (offset, trust.error_s, boot.number)
            )

    def _announce(self) -> None:
        self.commits += 1
        self._changed.notify_all()
        for callback in self._listeners:
            callback()

    def _commit_groups(self) -> None:
        with self._changed:
            while not self._closing:
                if not self._group:
                    self._changed.wait()
                    continue
                self._changed.wait_for(lambda: self._closing or not self._group, self._bounds.telemetry_commit_s)
                if self._closing:
                    return
                try:
                    self.flush()
                except OutboxError as error:
                    log.error("%s", error)
                    self._changed.wait(1.0)


def message_id_bytes(time: float, device: str, boot: str, sequence: int) -> bytes:
    """``messages.envelope.message_id`` in its 16 bytes."""
    return bytes.fromhex(message_id(time, device, boot, sequence).replace("-", ""))


def _loss(reason: eviction.Reason, row: Row, destination: str, detail: str) -> LossData:
    return LossData(
        reason=reason,
        message_class=CHANNELS[row.channel].priority.name.lower(),
        count=1,
        ranges=[(row.sequence, row.sequence)],
        destination=destination,
        detail=detail,
    )

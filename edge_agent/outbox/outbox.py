"""The durable queue of messages that not every destination has acknowledged.

Invariants: a row is committed (synced) before anybody may send it; a row goes only when every destination that was to
have it acknowledged it, or by an eviction reported in the same transaction; sequences are issued without a gap over
crashes and boots. Commits: telemetry in groups, within the configured seconds and rows; everything else at once, taking
along what is grouped before it, see ``group``. Safe for threads: one lock, one connection.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_agent.clock import Clock
from edge_agent.config.evidence import Evidence
from edge_agent.config.outbox import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore, Piece
from edge_agent.evidence.manifest import Head
from edge_agent.messages.channels import Priority
from edge_agent.messages.envelope import TimeTrust
from edge_agent.messages.system import LossData
from edge_agent.outbox import eviction
from edge_agent.outbox.chain import read_head, settle_chain
from edge_agent.outbox.database import Ceiling, Lock, is_broken, is_full, open_database, quarantine, unsynced
from edge_agent.outbox.group import Group
from edge_agent.outbox.queue import Queue
from edge_agent.outbox.recovery import Recovery, carry_over, check_evidence
from edge_agent.outbox.retention import kept_long_enough
from edge_agent.outbox.room import Depth, Room
from edge_agent.outbox.row import Row, id_bytes
from edge_agent.outbox.store import Store
from edge_agent.outbox.sweeper import Sweeper

log = logging.getLogger(__name__)

_T = TypeVar("_T")


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
        self._destinations = destinations
        self._bounds = bounds
        self._changed = threading.Condition(self.lock)
        self._listeners: list[Callable[[], None]] = []
        self.redated: Callable[[Row], Row] = lambda row: row
        self._group = Group(self.lock, bounds, self.flush)
        self._closing = False
        self._problem = ""
        self._process_lock = Lock(path.with_name(path.name + ".lock"))
        try:
            self._ceiling = Ceiling(path.with_name(path.name + ".ceiling"))
            self._start(*open_database(path))
        except BaseException:
            self._process_lock.release()
            raise
        self._group.start()
        self.sweeper = Sweeper(self._delete)

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

    def _start(self, db: sqlite3.Connection, broken: Path | None) -> None:
        self._db = db
        self.recovery = carry_over(broken, db) if broken is not None else Recovery()
        last = int(db.execute("SELECT coalesce(max(sequence), 0) FROM message").fetchone()[0])
        damaged = broken is not None or self._ceiling.outruns(last)
        self.recovery.problems += settle_chain(db, self.evidence, damaged=damaged)
        check_evidence(db, self.evidence, self.recovery)
        self._store = Store(db, self._path, self._destinations, self.clock)
        self.head = read_head(db)
        self._room = Room(db, self._path.parent, self._bounds)
        self._next = (max(last, self._ceiling.value - 1) if damaged else last) + 1
        self._report_recovery(damaged)

    def _replace_broken(self, reason: Exception) -> None:
        """The database turned out to be broken while in use. Raises OutboxError when no new one can be made."""
        log.error("%s is broken (%s); it is set aside", self._path, reason)
        self._db.close()
        aside = quarantine(self._path)
        try:
            db, _ = open_database(self._path)
            self._start(db, aside)
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(f"{self._path} was broken and cannot be made anew: {error}") from error

    def close(self) -> None:
        """Deletes what was acknowledged, commits what is grouped, and closes the file."""
        with self.lock:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self.sweeper.close()
        self._group.close()
        with self.lock:
            try:
                self.flush()
            finally:
                self._db.close()
                self._process_lock.release()

    def queue(self, destination: str) -> Queue:
        """The position of one of the destinations given to ``open``."""
        return Queue(self, destination)

    def bit(self, destination: str) -> int:
        """What stands for a destination in a row."""
        return self._store.bits[destination]

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
            count, size = self._room.totals()
            return Depth(
                messages=count + len(self._group.rows),
                bytes=size,
                by_class=self._room.by_class(),
                evidence_bytes=self._room.evidence_bytes,
                lost=self._store.lost(),
                problems=self.problems(),
            )

    def problems(self) -> list[str]:
        """Sentences for a person: what was found at start, and what is wrong now."""
        out = [*self.recovery.problems, *self._store.orphaned]
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
            if self._group.overfull:
                raise OutboxError(f"telemetry cannot be committed: {self._problem}")
            self._group.add(row)

    def flush(self) -> None:
        """Commits what is grouped. Raises OutboxError; the group is kept then."""
        self.commit([])

    def commit(self, rows: list[Row], pieces: Sequence[Piece] = (), head: Head | None = None) -> None:
        """Commits ``rows`` and whatever is grouped before them, in one transaction; returns when they are synced.

        ``pieces`` are evidence files of the message in the first of ``rows``, already synced; ``head`` is the link
        their manifest adds to the chain. Raises OutboxError: then nothing of ``rows`` was raised.
        """
        with self.lock:
            resume = self._next
            emergency = False
            for attempt in (0, 1):
                batch = [*self._group.rows, *rows]
                if not batch:
                    return
                need = sum(row.size for row in batch) + sum(piece.size for piece in pieces)
                up_to = min(row.priority for row in batch)
                try:
                    short = self._room.shortage(need, emergency=emergency)
                    self._write(batch, list(pieces), short, up_to, head, rows[0].sequence if rows else 0)
                    break
                except (sqlite3.Error, OSError) as error:
                    self._next = resume
                    if attempt == 0 and is_full(error):
                        emergency = True
                        self._room.open_reserve()
                    elif attempt == 0 and is_broken(error):
                        self._replace_broken(error)
                    else:
                        self._problem = f"{self._path} cannot be written ({error}); check its disk and free some space"
                        raise OutboxError(self._problem) from error
                except OutboxError:
                    self._next = resume
                    raise
            if emergency:
                self._use_space()
            self._problem = ""
            self._group.rows.clear()
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
            self._use_space()
            self._announce()
            return freed > 0

    def _use_space(self) -> None:
        """After an eviction on a full disk: what was evicted becomes space that others, and the reserve, can use."""
        try:
            self._room.give_back_everything()
        except sqlite3.Error as error:
            log.warning("%s: free pages could not be given back: %s", self._path, error)
        self._room.close_reserve()

    def _write(
        self,
        batch: list[Row],
        pieces: list[Piece],
        short: tuple[int, int],
        up_to: Priority,
        head: Head | None = None,
        owner: int = 0,
    ) -> int:
        """Evicts and commits; how many bytes were freed."""
        leaving = eviction.Eviction()
        need, spare = short
        if need:
            leaving = eviction.plan(self._db, need, spare, up_to, self._store.last_sequence(), self._store.served)
            if leaving.freed < need and up_to.telemetry:
                raise OutboxError("the outbox is full of more important messages; telemetry is not recorded")
        reason: eviction.Reason = "disk-full" if self._room.disk_is_short else "outbox-full"
        lost = [self._loss_row(data) for data in eviction.reports(leaving, reason)]
        self._ceiling.raise_above(self._next)
        self._store.write([*batch, *lost], pieces, leaving, reason, head, owner)
        self.head = head or self.head
        for row in (*batch, *lost):
            self._room.add(row.priority, row.size)
        for _, priority, size in leaving.rows:
            self._room.remove(Priority(priority), size)
        self._room.evidence_bytes += sum(p.size for p in pieces) - sum(size for _, size in leaving.pieces)
        self.evidence.remove([path for path, _ in leaving.pieces], self.clock.time(), reason)
        return leaving.freed

    def retain(self, bounds: Evidence) -> None:
        """Removes acknowledged evidence that was kept long enough, see ``retention``. Raises OutboxError."""
        with self.lock:
            trusted = self.clock.trust().trusted
            now = self.clock.time()
            try:
                plan = kept_long_enough(self._db, bounds, self._bounds.max_mb << 20, now if trusted else None)
                if plan.delivered or plan.leaving:
                    self._store.retain(plan, now)
            except sqlite3.Error as error:
                raise OutboxError(f"{self._path}: evidence cannot be reviewed: {error}") from error
            self._room.evidence_bytes -= sum(piece.size for piece in plan.leaving)
            for reason, pieces in plan.pictures:
                self.evidence.remove([piece.path for piece in pieces], now, reason)
            for folder, _ in plan.packs:
                self.evidence.drop_pack(folder)

    def waiting(self, pack: str) -> set[str]:
        """Paths of the pieces of a pack that were not acknowledged by every destination."""
        with self.lock:
            return self._reading(lambda: self._store.waiting(pack), set())

    def _loss_row(self, data: LossData) -> Row:
        sequence = self.issue()
        time = self.clock.time()
        boot, monotonic, trust, error = self.boot_time(time)
        return Row(
            sequence=sequence,
            id=id_bytes(time, self.device, boot, sequence),
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
            return self._reading(lambda: self._store.boundary(window_s), 0)

    def newest(self, priority: Priority) -> int:
        """The newest committed sequence of a class."""
        return self._store.newest[priority]

    def fetch(
        self, bit: int, priority: Priority, after: int, upto: int, limit: int, *, live_after: int | None = None
    ) -> list[Row]:
        """See ``Store.fetch``; whoever raises messages may set ``redated``, which mends what hangs on their time.

        Raises OutboxError; a broken database was replaced then, and is to be read anew.
        """
        with self.lock:
            try:
                rows = self._store.fetch(bit, priority, after, upto, limit, live_after=live_after)
            except sqlite3.Error as error:
                if is_broken(error):
                    self._replace_broken(error)
                raise OutboxError(f"{self._path} cannot be read: {error}") from error
        return [self.redated(row) for row in rows]

    def _reading(self, action: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return action()
        except sqlite3.Error as error:
            if not is_broken(error):
                raise OutboxError(f"{self._path} cannot be read: {error}") from error
            self._replace_broken(error)
            return otherwise

    def _delete(self, bit: int, rows: list[Row]) -> None:
        """``bit`` does not wait for these any longer. Not synced: a power cut may bring some back, to be sent twice."""
        with self.lock:
            try:
                with unsynced(self._db):
                    gone = self._store.delivered(bit, rows)
                    if gone is None:
                        self._room.recount()
                    for priority, (count, size) in (gone or {}).items():
                        self._room.remove(priority, size, count)
                    self._room.give_back_pages()
            except sqlite3.Error as error:
                if is_broken(error):
                    self._replace_broken(error)
                log.warning("acknowledged messages could not be deleted (%s); they will be sent twice", error)

    def refused(self, sequence: int) -> int:
        """Counts one more refusal of this message by a destination; how many there were."""
        with self.lock:
            return self._store.refuse(sequence)

    def bury(self, bit: int, destination: str, row: Row, reason: str) -> None:
        """Sets a message aside as a dead letter of ``bit`` and reports it. It is tried again at the next start."""
        with self.lock:
            self._store.bury(bit, row)
            self.report(eviction.of_row("rejected", row, destination, reason))

    def damaged(self, row: Row, detail: str) -> None:
        """Removes a message that cannot be sent to anybody, and reports it."""
        with self.lock:
            if self._store.remove_damaged(row):
                self._room.remove(row.priority, row.size)
                self.report(eviction.of_row("damaged", row, "", detail))

    def _report_recovery(self, damaged: bool) -> None:
        losses = list(self.recovery.losses)
        if damaged and self._ceiling.value:
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

    def _announce(self) -> None:
        self.commits += 1
        self._changed.notify_all()
        for callback in self._listeners:
            callback()

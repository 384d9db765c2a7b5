"""The dust windows of the last days, kept for platforms that ask for history. One destination of the outbox.

SQLite beside the outbox, bounded by days of a trusted clock: a wrong one must not make old what is not. A row is
committed here before it is acknowledged there. What is lost with a power cut (the commits are not synced one by one)
was sent or waits in the outbox for its platforms all the same. Safe for threads.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from edge_agent.errors import UplinkError
from edge_agent.messages.dust import DustData
from edge_agent.outbox import Outbox, Row

log = logging.getLogger(__name__)

NAME = "history"
CHANNELS = frozenset(("dust",))
_DAY_S = 86400.0
_BATCH = 500
_WAIT_S = 1.0
_FORGET_S = 3600.0


class History:
    """``put`` windows, ``between`` gives them back, ``setting`` remembers what platforms have set."""

    def __init__(self, path: Path, days: float = 31.0) -> None:
        """Raises UplinkError when the file cannot be used; a broken one is replaced."""
        self.days = days
        self._lock = threading.Lock()
        try:
            self._db = self._open(path)
        except sqlite3.DatabaseError as error:
            log.error("%s is broken (%s); it was set aside and a new one is started", path, error)
            try:
                path.replace(path.with_name(path.name + ".broken"))
                self._db = self._open(path)
            except (OSError, sqlite3.Error) as again:
                raise UplinkError(f"{path} cannot be used: {again}") from again

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-500")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS window (start REAL, window_s REAL, sensor TEXT, sequence INTEGER, data BLOB,"
            " PRIMARY KEY (start, window_s, sensor, sequence)) WITHOUT ROWID"
        )
        connection.execute("CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
        return connection

    def put(self, windows: list[tuple[int, DustData]]) -> None:
        """Keeps windows by the sequence of their message; one that is there already is replaced.

        Raises UplinkError.
        """
        rows = [
            (starts(data), data.window_s, data.sensor, number, msgspec.json.encode(data)) for number, data in windows
        ]
        if not rows:
            return
        with self._lock:
            try:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR REPLACE INTO window VALUES (?, ?, ?, ?, ?)", rows)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise UplinkError(f"the history cannot be written: {error}") from error

    def forget(self, now: float) -> None:
        """Drops what starts more than ``days`` before ``now``. Raises UplinkError."""
        with self._lock:
            try:
                self._db.execute("DELETE FROM window WHERE start < ?", (now - self.days * _DAY_S,))
            except sqlite3.Error as error:
                raise UplinkError(f"the history cannot be written: {error}") from error

    def between(self, begin: float, end: float, sensor: str = "") -> list[tuple[int, DustData]]:
        """Windows, by message sequence, that start in ``[begin, end)`` (Unix seconds), in order of their start.

        Of one sensor where given. A history that cannot be read gives none: sending goes on without it.
        """
        try:
            with self._lock:
                found = self._db.execute(
                    "SELECT sequence, data FROM window WHERE start >= ? AND start < ? AND (? = '' OR sensor = ?)"
                    " ORDER BY start, window_s, sensor, sequence",
                    (begin, end, sensor, sensor),
                ).fetchall()
        except sqlite3.Error as error:
            log.error("the history cannot be read: %s", error)
            return []
        return [(number, msgspec.json.decode(data, type=DustData)) for number, data in found]

    def oldest(self) -> float:
        """Start of the oldest window, infinite without any."""
        with self._lock:
            found = self._db.execute("SELECT min(start) FROM window").fetchone()[0]
        return float("inf") if found is None else float(found)

    def setting(self, key: str) -> str:
        """What was remembered, or empty."""
        with self._lock:
            found = self._db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def remember(self, key: str, value: str) -> None:
        """Until it is set anew."""
        with self._lock:
            try:
                self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))
            except sqlite3.Error as error:
                log.error("%s cannot be remembered: %s", key, error)

    def close(self) -> None:
        """Once, when no uplink uses it."""
        with self._lock:
            self._db.close()


class HistoryKeeper:
    """Takes dust windows out of the outbox into the history; ``run`` is the body of a thread."""

    def __init__(self, history: History, outbox: Outbox) -> None:
        self.name = NAME
        self._history = history
        self._outbox = outbox
        self._queue = outbox.queue(NAME)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._kept = 0
        self._forgot = float("-inf")

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Until ``stop`` is set; what waits then is still kept."""
        self._outbox.listen(self.wake)
        try:
            while True:
                ending = stop.is_set()
                beat()
                while self._keep():
                    pass
                if ending:
                    return
                select.select([self._wake], [], [], _WAIT_S)
                drain(self._wake)
        finally:
            self._outbox.forget(self.wake)

    def wake(self) -> None:
        """Makes ``run`` look at once."""
        os.eventfd_write(self._wake, 1)

    def state(self) -> dict[str, int]:
        """For health."""
        return {"kept": self._kept}

    def _keep(self) -> int:
        rows = self._queue.take(_BATCH)
        windows = [(row.sequence, data) for row in rows if (data := window_of(row)) is not None]
        self._history.put(windows)
        self._forget()
        self._queue.acknowledge([row.sequence for row in rows])
        self._queue.settle()
        self._kept += len(windows)
        return len(rows)

    def _forget(self) -> None:
        clock = self._outbox.clock
        if clock.monotonic() - self._forgot >= _FORGET_S and clock.trust().trusted:
            self._forgot = clock.monotonic()
            self._history.forget(clock.time())


def window_of(row: Row) -> DustData | None:
    """The window in a row of the dust channel; None for another channel or damaged data."""
    if row.channel != "dust":
        return None
    try:
        if not row.intact:
            raise ValueError("its checksum differs")
        return msgspec.json.decode(row.data, type=DustData)
    except ValueError as error:
        log.warning("message %d holds no dust window: %s", row.sequence, error)
        return None


def starts(data: DustData) -> float:
    """Unix seconds of a window's start."""
    return datetime.fromisoformat(data.start).timestamp()


def drain(wake: int) -> None:
    """Forgets the wake-ups so far."""
    with contextlib.suppress(BlockingIOError):
        os.eventfd_read(wake)

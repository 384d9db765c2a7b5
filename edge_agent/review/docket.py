"""Remembers what this device raised, well enough to answer a review after a restart: one SQLite file.

The newest ``remember`` violations and stays are kept, and as many answered commands. A commit that returned survives a
power cut. A file that cannot be read is set aside, and a new one begins. Safe for threads.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.outbox.database import is_broken, quarantine, transaction
from edge_agent.review.decide import standing_of

log = logging.getLogger(__name__)

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS raised (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL,"
    " time REAL NOT NULL, data BLOB NOT NULL, standing BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answered (number INTEGER PRIMARY KEY, command TEXT NOT NULL UNIQUE,"
    " said BLOB NOT NULL, answer TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS serial (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Raised:
    """A message that can be reviewed. ``data`` is its JSON as sent; ``standing`` is what holds of it now."""

    id: str
    channel: str
    time: float
    data: bytes
    standing: dict[str, str]


class Docket:
    """Raises sqlite3.Error from every method where the file cannot be read or written."""

    def __init__(self, path: Path, remember: int) -> None:
        self._remember = remember
        self._lock = threading.Lock()
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            log.error("%s is broken (%s); it is set aside as %s", path, error, quarantine(path))
            self._db = _opened(path)

    def close(self) -> None:
        """Once."""
        with self._lock:
            self._db.close()

    def serial(self, first: int, last: int) -> int:
        """The next serial of the range, never given before; after the last the first again."""
        with self._lock, transaction(self._db):
            row = self._db.execute("SELECT last FROM serial").fetchone()
            given = row[0] + 1 if row and first <= row[0] < last else first
            self._db.execute("INSERT OR REPLACE INTO serial (one, last) VALUES (1, ?)", (given,))
        return int(given)

    def remember(self, key: str, channel: str, time: float, data: bytes) -> None:
        """Takes in a message that was committed; one already known stays as it is."""
        standing = msgspec.json.encode(standing_of(channel, msgspec.json.decode(data)))
        with self._lock, transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO raised (id, channel, time, data, standing) VALUES (?, ?, ?, ?, ?)",
                (key, channel, time, data, standing),
            )
            self._db.execute(
                "DELETE FROM raised WHERE number <= (SELECT max(number) FROM raised) - ?", (self._remember,)
            )

    def find(self, key: str, channel: str) -> Raised | None:
        """The message with that id, if it is remembered."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, channel, time, data, standing FROM raised WHERE id = ? AND channel = ?", (key, channel)
            ).fetchone()
        if row is None:
            return None
        found, of, time, data, standing = row
        return Raised(found, of, time, data, msgspec.json.decode(standing, type=dict[str, str]))

    def newest(self, channel: str) -> str:
        """The id of the newest message of a channel, empty where there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT id FROM raised WHERE channel = ? ORDER BY number DESC LIMIT 1", (channel,)
            ).fetchone()
        return row[0] if row else ""

    def answered(self, command: str) -> tuple[bytes, str] | None:
        """What an accepted command said, and its answer."""
        with self._lock:
            row = self._db.execute("SELECT said, answer FROM answered WHERE command = ?", (command,)).fetchone()
        return (row[0], row[1]) if row else None

    def settle(self, key: str, standing: Mapping[str, str], command: str, said: bytes, answer: str) -> None:
        """A command was accepted for the message ``key``."""
        with self._lock, transaction(self._db):
            self._db.execute("UPDATE raised SET standing = ? WHERE id = ?", (msgspec.json.encode(standing), key))
            self._db.execute(
                "INSERT OR IGNORE INTO answered (command, said, answer) VALUES (?, ?, ?)", (command, said, answer)
            )
            self._db.execute(
                "DELETE FROM answered WHERE number <= (SELECT max(number) FROM answered) - ?", (self._remember,)
            )


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA cache_size=-256")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        for statement in _SCHEMA:
            db.execute(statement)
    except BaseException:
        db.close()
        raise
    return db

"""The outbox's file: opened, migrated forward, and set aside when it is broken.

SQLite in WAL mode with synchronous FULL: a commit that returned survives a power cut. One process writes; a lock file
keeps a second one out. A database that cannot be read is renamed to ``<name>.broken-<n>``, what can still be read of it
is carried over, and a new one starts.

Sequences must go on even if the database is lost: ``<name>.ceiling`` holds a number below which all issued sequences
lie, raised in steps of 10,000 and synced before the first of a step is issued.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge_agent.errors import OutboxError

log = logging.getLogger(__name__)

_CEILING_STEP = 10_000

# Errors that are the surroundings' fault; a file that only seems read-only to SQLite has a broken header.
_NOT_THE_FILE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
)
_NO_VERSION = 1000
_MOST_ASIDE = 3
# A larger file is not read through at start (a memory card reads 40 MB a second); its damage is met when it is used.
_CHECKED_BYTES = 64 << 20

# Statement lists by schema version: version n is reached by running list n on version n - 1. Never edit, only append.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE boot (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, wall_offset REAL,"
        " error_s REAL NOT NULL DEFAULT 0, last_monotonic REAL NOT NULL DEFAULT 0)",
        "CREATE TABLE destination (bit INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE message (sequence INTEGER PRIMARY KEY, id BLOB NOT NULL, channel TEXT NOT NULL,"
        " priority INTEGER NOT NULL, subject TEXT NOT NULL, time REAL NOT NULL, boot INTEGER NOT NULL,"
        " monotonic REAL NOT NULL, trusted INTEGER NOT NULL, error_s REAL NOT NULL, data BLOB NOT NULL,"
        " piece TEXT NOT NULL DEFAULT '', size INTEGER NOT NULL, pending INTEGER NOT NULL,"
        " dead INTEGER NOT NULL DEFAULT 0, rejections INTEGER NOT NULL DEFAULT 0)",
        "CREATE INDEX message_order ON message (priority, sequence)",
        "CREATE TABLE piece (path TEXT PRIMARY KEY, size INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX piece_order ON piece (sequence)",
        "CREATE TABLE lost (reason TEXT NOT NULL, class TEXT NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (reason, class)) WITHOUT ROWID",
    ),
    (
        "CREATE TABLE chain (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, number INTEGER NOT NULL,"
        " sha256 TEXT NOT NULL, key TEXT NOT NULL)",
        "ALTER TABLE piece ADD COLUMN delivered REAL NOT NULL DEFAULT 0",
        "ALTER TABLE message ADD COLUMN historical INTEGER NOT NULL DEFAULT 0",
    ),
    ("ALTER TABLE message ADD COLUMN checksum INTEGER NOT NULL DEFAULT -1",),
)


class Lock:
    """Keeps a second process off the outbox; the kernel lets go of it with the process."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise OutboxError(f"{path}: another process uses this outbox; stop it, or give another data_dir") from error

    def release(self) -> None:
        """Once."""
        os.close(self._handle)


class Ceiling:
    """The number below which all issued sequences lie; ``value`` is 0 where none was ever issued."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.value = int(path.read_text())
        except (OSError, ValueError):
            self.value = 0

    def outruns(self, sequence: int) -> bool:
        """Whether more was issued than a database that ends with ``sequence`` knows: it was lost, or is an old copy."""
        return self.value > (sequence + _CEILING_STEP if sequence else 0)

    def raise_above(self, sequence: int) -> None:
        """Makes sure, durably, that ``sequence`` lies below. Raises OSError."""
        if sequence < self.value:
            return
        value = (sequence // _CEILING_STEP + 1) * _CEILING_STEP
        draft = self._path.with_suffix(".ceiling-new")
        with draft.open("w") as file:
            file.write(str(value))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)
        self.value = value


def sync_folder(path: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect(path: Path) -> sqlite3.Connection:
    """A checked connection at the newest schema.

    Raises sqlite3.DatabaseError when the file is broken, OutboxError when it is of a newer version than this program.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0, cached_statements=64)
    try:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=500")
        connection.execute("PRAGMA journal_size_limit=2097152")
        connection.execute("PRAGMA cache_size=-2000")
        connection.execute("PRAGMA temp_store=MEMORY")
        # Debian's SQLite would write every deleted page once more to blank it: a quarter of what a drain writes.
        connection.execute("PRAGMA secure_delete=FAST")
        if path.stat().st_size <= _CHECKED_BYTES:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        migrate(connection, path)
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the schema to the newest version, each step in one transaction."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not 0 <= version < _NO_VERSION:
        raise sqlite3.DatabaseError(f"schema version {version} was never written")
    if version > len(MIGRATIONS):
        raise OutboxError(f"{path} was written by a newer version (schema {version}); install that version again")
    for number in range(version, len(MIGRATIONS)):
        with transaction(connection):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number + 1}")


def open_database(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """A usable connection, and where a broken file was put if there was one. Raises OutboxError."""
    try:
        return connect(path), None
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_THE_FILE or not _writable(path):
            raise OutboxError(f"{path} cannot be opened: {error}; check folder, rights and free space") from error
        reason = str(error)
    aside = quarantine(path)
    log.error("%s is broken (%s); it was set aside as %s and a new one is started", path, reason, aside)
    try:
        return connect(path), aside
    except sqlite3.Error as error:
        raise OutboxError(f"{path} cannot be created: {error}") from error


def is_full(error: Exception) -> bool:
    """Whether a write failed for want of space."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_broken(error: Exception) -> bool:
    """Whether the file itself is damaged; text that is no UTF-8 is told by Python, without a code of SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _writable(path: Path) -> bool:
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def quarantine(path: Path) -> Path:
    """Renames a database and its journal files out of the way; of those set aside earlier the two newest are kept."""
    numbers = (each.name.removeprefix(f"{path.name}.broken-") for each in path.parent.iterdir())
    known = sorted(int(number) for number in numbers if number.isdigit())
    for number in known[: -_MOST_ASIDE + 1]:
        for tail in ("", "-wal", "-shm"):
            path.with_name(f"{path.name}.broken-{number}{tail}").unlink(missing_ok=True)
    number = known[-1] + 1 if known else 1
    aside = path.with_name(f"{path.name}.broken-{number}")
    path.replace(aside)
    for tail in ("-wal", "-shm"):
        file = path.with_name(path.name + tail)
        if file.exists():
            file.replace(aside.with_name(aside.name + tail))
    sync_folder(path.parent)
    return aside


def salvage(broken: Path, table: str) -> Iterator[dict[str, Any]]:
    """The rows of ``table`` that can still be read, from both ends towards the damage."""
    order = {
        "message": "sequence",
        "boot": "number",
        "destination": "bit",
        "piece": "sequence",
        "chain": "one",
        "lost": "reason",
    }[table]
    seen: set[Any] = set()
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(broken, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA cell_size_check=ON")
                for row in connection.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY {order} {direction}"):  # noqa: S608
                    key = row["path"] if table == "piece" else tuple(row[:2]) if table == "lost" else row[order]
                    if key in seen:
                        break
                    seen.add(key)
                    yield dict(row)
            finally:
                connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when anything is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """Transactions inside may be gone after a power cut, whole and in order, until one outside is committed."""
    connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous=FULL")

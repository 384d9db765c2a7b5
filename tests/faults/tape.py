"""Records what the outbox and the evidence store do to the disk, and builds the disk a power cut would have left.

SQLite is recorded below itself: a VFS registered by ctypes in the library that Python's sqlite3 uses wraps ``xOpen``
of the "unix" VFS and notes every write, truncation and sync. Evidence is recorded at the ``Files`` interface.

The disk after a cut: what a sync covered is there; of what it did not, ``GONE`` keeps nothing, ``KEPT`` everything,
``TORN`` everything but half of the last write. A name that was not synced is as unsafe as content.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from edge_agent.evidence import Files

_P = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, _P, ctypes.c_int, _P)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int)
_IO_METHODS = 19


class _Vfs(ctypes.Structure):
    """``struct sqlite3_vfs``, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("max_pathname", ctypes.c_int),
        ("next", _P),
        ("name", ctypes.c_char_p),
        ("app_data", _P),
        ("open", _P),
        ("delete", _P),
        ("rest", _P * 15),
    )


class Leftover(Enum):
    """What becomes of writes that no sync covered."""

    GONE = "gone"
    KEPT = "kept"
    TORN = "torn"


@dataclass
class Tape:
    """Events in order: ``(what, path, …)``, and ``("committed", message)`` put in by the test."""

    root: Path
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def note(self, what: str, path: Path | str, *rest: Any) -> None:
        """One event on a file under ``root``."""
        self.events.append((what, str(Path(path).relative_to(self.root)), *rest))

    def disk(self, upto: int, leftover: Leftover) -> dict[str, bytes]:
        """The files after a cut before event ``upto``."""
        disk = _Disk()
        for what, *rest in self.events[:upto]:
            if what != "committed":
                getattr(disk, what)(*rest)
        return disk.after_cut(leftover)


class _Disk:
    """Content: synced bytes and the writes since. Names: synced, and the renames since."""

    def __init__(self) -> None:
        self._synced: dict[str, bytes] = {}
        self._since: dict[str, list[tuple[int, bytes | None]]] = {}
        self._names: dict[str, str] = {}
        self._renames: list[tuple[str, str, str]] = []
        self._deleted: set[str] = set()

    def write(self, path: str, offset: int, content: bytes) -> None:
        if path in self._deleted:
            self._deleted.discard(path)
            self._synced.pop(path, None)
        self._since.setdefault(path, []).append((offset, content))

    def truncate(self, path: str, size: int) -> None:
        self._since.setdefault(path, []).append((size, None))

    def sync(self, path: str) -> None:
        self._synced[path] = _applied(self._synced.get(path, b""), self._since.pop(path, []))

    def delete(self, path: str, safe: bool) -> None:
        self._since.pop(path, None)
        if safe:
            self._synced.pop(path, None)
        else:
            self._deleted.add(path)

    def rename(self, old: str, new: str) -> None:
        """A folder, or a file; safe after ``sync_folder`` of its parent."""
        self._renames.append((str(Path(new).parent), old, new))

    def sync_folder(self, path: str) -> None:
        for parent, old, new in self._renames:
            if parent == path:
                self._names[old] = new
        self._renames = [r for r in self._renames if r[0] != path]
        for gone in [d for d in self._deleted if str(Path(d).parent) == path]:
            self._deleted.discard(gone)
            self._synced.pop(gone, None)

    def after_cut(self, leftover: Leftover) -> dict[str, bytes]:
        out = dict(self._synced)
        last = max(((len(w), p) for p, w in self._since.items() if w), default=None)
        for path, writes in self._since.items():
            if leftover is Leftover.GONE:
                out.setdefault(path, b"")
                continue
            kept = list(writes)
            if leftover is Leftover.TORN and last is not None and path == last[1]:
                offset, content = kept[-1]
                kept[-1] = (offset, content[: len(content) // 2] if content else content)
            out[path] = _applied(out.get(path, b""), kept)
        if leftover is not Leftover.GONE:
            out = {path: content for path, content in out.items() if path not in self._deleted}
        names = dict(self._names)
        if leftover is not Leftover.GONE:
            names |= {old: new for _, old, new in self._renames}
        return {_renamed(path, names): content for path, content in out.items()}


def _applied(content: bytes, writes: list[tuple[int, bytes | None]]) -> bytes:
    out = bytearray(content)
    for offset, data in writes:
        if data is None:
            del out[offset:]
        else:
            if len(out) < offset:
                out.extend(b"\0" * (offset - len(out)))
            out[offset : offset + len(data)] = data
    return bytes(out)


def _renamed(path: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        if path == old or path.startswith(old + "/"):
            return new + path[len(old) :]
    return path


class RecordingFiles(Files):
    """Does it, and notes it."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def write(self, path: Path, content: bytes) -> None:
        super().write(path, content)
        self._tape.note("write", path, 0, content)
        self._tape.note("sync", path)

    def move(self, old: Path, new: Path) -> None:
        super().move(old, new)
        self._tape.events.append(
            ("rename", str(old.relative_to(self._tape.root)), str(new.relative_to(self._tape.root)))
        )

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self._tape.note("sync_folder", path)


@contextmanager
def recording(tape: Tape) -> Iterator[None]:
    """While open, all SQLite files under ``tape.root`` are recorded."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    unix = library.sqlite3_vfs_find(None)
    real_open, real_delete = _OPEN(unix.contents.open), _DELETE(unix.contents.delete)
    paths: dict[int, str] = {}
    tables: dict[int, Any] = {}
    keep: list[Any] = []

    def method(file: int, index: int, kind: Any) -> Any:
        return kind(tables[file][index])

    def note(file: int, what: str, *rest: Any) -> None:
        if file in paths:
            tape.note(what, paths[file], *rest)

    def on_write(file: int, data: int, size: int, offset: int) -> int:
        code = int(method(file, 3, _WRITE)(file, data, size, offset))
        note(file, "write", offset, ctypes.string_at(data, size))
        return code

    def on_truncate(file: int, size: int) -> int:
        code = int(method(file, 4, _TRUNCATE)(file, size))
        note(file, "truncate", size)
        return code

    def on_sync(file: int, flags: int) -> int:
        code = int(method(file, 5, _SYNC)(file, flags))
        note(file, "sync")
        return code

    callbacks = (_WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync))

    def on_open(vfs: int, name: int, file: int, flags: int, out_flags: int) -> int:
        code = int(real_open(ctypes.addressof(unix.contents), name, file, flags, out_flags))
        methods = ctypes.cast(file, ctypes.POINTER(_P))[0]
        if code == 0 and methods and name:
            path = ctypes.string_at(name).decode()
            original = (_P * _IO_METHODS).from_address(methods)
            table = (_P * _IO_METHODS)(*original)
            for index, callback in zip((3, 4, 5), callbacks, strict=True):
                table[index] = ctypes.cast(callback, _P).value
            tables[file] = list(original)
            keep.append(table)
            if Path(path).is_relative_to(tape.root):
                paths[file] = path
            else:
                paths.pop(file, None)
            ctypes.cast(file, ctypes.POINTER(_P))[0] = ctypes.addressof(table)
        return code

    def on_delete(vfs: int, name: int, sync_folder: int) -> int:
        code = int(real_delete(ctypes.addressof(unix.contents), name, sync_folder))
        path = Path(ctypes.string_at(name).decode())
        if code == 0 and path.is_relative_to(tape.root):
            tape.note("delete", path, bool(sync_folder))
        return code

    opener, deleter = _OPEN(on_open), _DELETE(on_delete)
    mine = _Vfs.from_buffer_copy(unix.contents)
    mine.name = b"recording"
    mine.open = ctypes.cast(opener, _P).value
    mine.delete = ctypes.cast(deleter, _P).value
    library.sqlite3_vfs_register(ctypes.byref(mine), 1)
    try:
        yield
    finally:
        library.sqlite3_vfs_register(unix, 1)
        library.sqlite3_vfs_unregister(ctypes.byref(mine))

"""Captured bytes as a port, with the time they carry.

Three kinds of files: ``.capture`` (a line a chunk: Unix seconds, then hex; what ``Capture`` writes), ``.hexdump`` (as
xxd prints, no times), and anything else as raw bytes (no times). Where a file has no times, reading k of it has the
time ``start + k * interval_s``. Played at once, the port's clock is the time of the bytes last read; paced, it runs as
``monotonic`` does. The same file gives the same times, always.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TextIO

from drivers.driver import Driver
from drivers.errors import BadRecordingError, DriverError, EndOfRecording
from drivers.port import Port

Chunk = tuple[float, bytes]
_BLOCK = 65536


class ReplayPort:
    """Plays chunks of (Unix seconds, bytes). What is written is not heard.

    ``paced``: no chunk comes before its time, counted from the first chunk by ``monotonic``.
    """

    live = False

    def __init__(
        self, chunks: Iterator[Chunk], *, paced: bool = False, monotonic: Callable[[], float] | None = None
    ) -> None:
        """Raises BadRecordingError when there is nothing to play."""
        self._chunks = chunks
        first = next(chunks, None)
        if first is None:
            raise BadRecordingError("the recording is empty: name one that holds bytes")
        if paced and monotonic is None:
            raise ValueError("a paced recording needs a monotonic clock")
        self._next: Chunk | None = first
        self._time = first[0]
        self._closed = threading.Event()
        self._clock = monotonic if paced else None
        self._offset = first[0] - monotonic() if paced and monotonic else 0.0

    def now(self) -> float:
        """Unix seconds of the recording; serves as its monotonic clock too."""
        return self._clock() + self._offset if self._clock else self._time

    def read(self, size: int, timeout_s: float) -> bytes:
        """Raises EndOfRecording after the last byte."""
        if self._next is None or self._closed.is_set():
            raise EndOfRecording("the recording is over")
        time, data = self._next
        if self._clock:
            early_s = time - self.now()
            if early_s > timeout_s:
                self._closed.wait(timeout_s)
                return b""
            self._closed.wait(max(0.0, early_s))
        self._time = time
        self._next = (time, data[size:]) if len(data) > size else next(self._chunks, None)
        return data[:size]

    def write(self, data: bytes) -> None:
        """Heard by nobody."""

    def close(self) -> None:
        self._closed.set()


class Capture:
    """A port that writes down what another one reads, as a ``.capture`` file, and passes it on."""

    def __init__(self, port: Port, file: TextIO, now: Callable[[], float]) -> None:
        self._port, self._file, self._now = port, file, now

    @property
    def live(self) -> bool:
        return self._port.live

    def read(self, size: int, timeout_s: float) -> bytes:
        data = self._port.read(size, timeout_s)
        if data:
            self._file.write(f"{self._now():.3f} {data.hex()}\n")
        return data

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._file.flush()
        self._port.close()


def chunks_of(file: Path, driver: Driver, *, start: float, interval_s: float) -> Iterator[Chunk]:
    """The chunks of a recording made with ``driver``, read as they are taken.

    Raises BadRecordingError, while iterating, when the file cannot be read or is damaged.
    """
    if file.suffix == ".capture":
        return _captured(file)
    return _by_frame(blocks_of(file), driver, start, interval_s)


def blocks_of(file: Path) -> Iterator[bytes]:
    """The bytes of a recording of any form, in pieces; raises BadRecordingError while iterating."""
    if file.suffix == ".capture":
        return (data for _, data in _captured(file))
    return _hexdumped(file) if file.suffix == ".hexdump" else _raw(file)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadRecordingError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadRecordingError(f"{file} is not text, though its name says so (byte {error.start})") from error


def _captured(file: Path) -> Iterator[Chunk]:
    with _readable(file), file.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            time, _, data = line.partition(" ")
            try:
                chunk = float(time), bytes.fromhex(data)
            except ValueError as error:
                raise BadRecordingError(f"{file}, line {number}: is not 'seconds hex': {line[:60]!r}") from error
            yield chunk


def _hexdumped(file: Path) -> Iterator[bytes]:
    expected = 0
    with _readable(file), file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            offset, colon, rest = line.partition(":")
            try:
                in_order = bool(colon) and int(offset, 16) == expected
                data = bytes.fromhex(rest.strip().split("  ")[0])
            except ValueError as error:
                raise BadRecordingError(f"{file}, line {number}: is not xxd's form ({error}): {line[:60]!r}") from error
            if not in_order:
                raise BadRecordingError(
                    f"{file}, line {number}: begins with {offset[:20]!r}, not {expected:08x}: is it damaged?"
                )
            expected += len(data)
            yield data


def _raw(file: Path) -> Iterator[bytes]:
    with _readable(file), file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            yield block


def _by_frame(blocks: Iterable[bytes], driver: Driver, start: float, interval_s: float) -> Iterator[Chunk]:
    """A chunk ends where a frame ends, so that each reading has its own time."""
    framer = driver.framer()
    queries = tuple(driver.queries()) or (b"",)
    rest = b""
    at = answers = 0
    for block in chain(blocks, [b""]):
        rest += block
        for frame in framer.feed(block) if block else framer.end():
            end = rest.index(frame, max(0, at - driver.shared)) + len(frame)
            yield start + answers // len(queries) * interval_s, rest[at:end]
            at = end
            answers += _is_answer(driver, frame, queries[answers % len(queries)])
        kept = max(0, at - driver.shared)
        rest, at = rest[kept:], at - kept
    if at < len(rest):
        yield start + answers // len(queries) * interval_s, rest[at:]


def _is_answer(driver: Driver, frame: bytes, query: bytes) -> bool:
    try:
        return driver.decode(frame, query) is not None
    except DriverError:
        return False

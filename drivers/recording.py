"""Captured bytes as a port, with the time they carry.

Three kinds of files: ``.capture`` (a line a chunk: Unix seconds, then hex; what ``Capture`` writes), ``.hexdump`` (as
xxd prints, no times), and anything else as raw bytes (no times). The clock of a recording is the time of the bytes last
read; where the file has no times, it is ``start + k * interval_s`` at reading k. The same file gives the same times,
always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from drivers.errors import BadRecordingError, EndOfRecording
from drivers.port import Port

if TYPE_CHECKING:
    from drivers.sensor import SensorSession

Chunk = tuple[float | None, bytes]
_BLOCK = 1 << 16


class ReplayPort:
    """Plays chunks of (Unix seconds or None, bytes), one a read. What is written is not heard."""

    live = False

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        """Raises BadRecordingError when there is nothing to play."""
        self._chunks = chunks
        self._next = next(chunks, None)
        if self._next is None:
            raise BadRecordingError("the recording is empty: name one that holds bytes")
        self.time = self._next[0]

    def read(self, size: int, timeout_s: float) -> bytes:  # noqa: ARG002 - a recording never waits
        """Raises EndOfRecording after the last byte."""
        if self._next is None:
            raise EndOfRecording("the recording is over")
        self.time, data = self._next
        self._next = (self.time, data[size:]) if len(data) > size else next(self._chunks, None)
        return data[:size]

    def write(self, data: bytes) -> None:
        """Heard by nobody."""

    def close(self) -> None:
        self._next = None


class RecordedTime:
    """The clock of a session over ``port``, which counts ``session.readings`` where the file has no times."""

    def __init__(self, port: ReplayPort, start: float, interval_s: float) -> None:
        self.session: SensorSession | None = None
        self._port, self._start, self._interval_s = port, start, interval_s

    def __call__(self) -> float:
        if self._port.time is not None:
            return self._port.time
        return self._start + (self.session.readings if self.session else 0) * self._interval_s


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


def chunks_of(file: Path) -> Iterator[Chunk]:
    """The bytes of a recording of any form, in pieces, with the times it holds.

    Raises BadRecordingError, while iterating, when the file cannot be read or is damaged.
    """
    if file.suffix == ".capture":
        return _captured(file)
    return ((None, block) for block in (_hexdumped(file) if file.suffix == ".hexdump" else _raw(file)))


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

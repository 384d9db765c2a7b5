r"""Cuts a stream into frames, whole or broken, by their declared length; enciphered frames may hold any byte.

A cut goes to ``decode``, which takes it or says what is wrong with it; junk between frames is cut out the same way.
Where the declared length ends in ``&&`` and four hexadecimal digits, the frame ends, whatever follows on its line. A
declared length that is not true costs its own frame only: the next ``##`` and four digits on a new line is a new start.
At most 16 KiB wait for an end that does not come.
"""

from __future__ import annotations

import re

_NEXT = re.compile(rb"\n(?=##\d{4})")
_GOOD_END = re.compile(rb"&&[0-9A-Fa-f]{4}")
_BLANK = b"\r\n\t \0"
_AFTER = (b"\n", b" ", b"\t", b"\0")
_WAITING_MAX = 16 * 1024


class Framer:
    """``feed`` returns what is complete, ``flush`` the rest at the end of the stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Frames, and whatever else stood between them, without line ends."""
        self._buffer += data
        return self._cuts(final=False)

    def flush(self) -> list[bytes]:
        """All that is left."""
        return self._cuts(final=True)

    def clear(self) -> None:
        """Forgets what waits, as after a reconnect."""
        self._buffer.clear()

    def _cuts(self, *, final: bool) -> list[bytes]:
        cuts: list[bytes] = []
        while True:
            blank = len(self._buffer) - len(self._buffer.lstrip(_BLANK))
            del self._buffer[:blank]
            end = self._end(final=final)
            if not end:
                return cuts
            cuts.append(bytes(self._buffer[:end]).rstrip(b"\r\n"))
            del self._buffer[:end]

    def _end(self, *, final: bool) -> int:
        """Where the first cut ends, 0 while that is not known."""
        buffer = self._buffer
        if not buffer.startswith(b"##"):
            return self._end_of_junk(0, final=final)
        if len(buffer) < 6:
            return len(buffer) if final else 0
        if not buffer[2:6].isdigit():
            return self._end_of_junk(1, final=final)
        total = 6 + int(buffer[2:6]) + 4
        restart = _NEXT.search(buffer, 6, total + 6)
        if restart and restart.end() < total:
            return restart.end()
        if len(buffer) < total:
            return self._end_of_junk(6, final=True) if final or len(buffer) > _WAITING_MAX else 0
        if _GOOD_END.fullmatch(buffer, total - 6, total):
            return total
        after = bytes(buffer[total : total + 2])
        if after[:1] in _AFTER or after in (b"\r\n", b"##") or (final and not after.strip(b"\r")):
            return total
        if len(after) < 2 and not after.strip(b"\r"):
            return 0
        return self._end_of_junk(6, final=final)

    def _end_of_junk(self, start: int, *, final: bool) -> int:
        """The next line end or ``##`` from ``start`` on; everything when nothing more is waited for."""
        buffer = self._buffer
        line, mark = buffer.find(b"\n", start), buffer.find(b"##", start)
        ends = [end for end in (line + 1, mark) if end > 0]
        if ends:
            return min(ends)
        return len(buffer) if final or len(buffer) > _WAITING_MAX else 0

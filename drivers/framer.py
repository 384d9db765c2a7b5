"""Cuts a stream of bytes into frames and finds its way back after garbage.

What a frame looks like is told by two pure functions of a driver:

``measure(head)``
    the length of the frame that begins at ``head[0]``; ``MORE`` when that cannot be said yet, ``NONE`` when no frame
    begins here.
``fault(frame)``
    why a frame of that length is broken (checksum, structure), ``""`` when it is whole.

Invariants. A whole, uncorrupted frame is never lost, whatever stands before it: after a broken frame the search goes
on one byte further, inside it. Less than ``longest`` bytes are kept. A header seen in garbage can delay the frame
behind it until enough bytes came; ``end()``, called at a pause in the stream, gives up such heads and returns what they
held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MORE = 0
NONE = -1


class Framer:
    """``starts`` are the bytes a frame can begin with; ``longest`` the length of the longest frame; ``shared`` how many
    of a frame's last bytes may be the first of the next one (flags that close and open).

    ``skipped`` counts bytes that belonged to no frame, ``rejected`` frames that ``fault`` refused, ``reason`` is why
    the last one was.
    """

    def __init__(
        self,
        measure: Callable[[bytes], int],
        fault: Callable[[bytes], str],
        *,
        starts: bytes,
        longest: int,
        shared: int = 0,
    ) -> None:
        self._measure, self._fault, self._longest, self._shared = measure, fault, longest, shared
        self._starts = frozenset(starts)
        self._next_start = re.compile(b"[" + re.escape(starts) + b"]").search
        self._known = 0
        self._rest = b""
        self.skipped = 0
        self.rejected = 0
        self.reason = ""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames completed by ``data``, in order."""
        return self._cut(self._rest + data if self._rest else data, final=False)

    def end(self) -> list[bytes]:
        """The frames held back by an unfinished head; call it when the stream paused for longer than a frame takes."""
        return self._cut(self._rest, final=True) if self._rest else []

    def _cut(self, data: bytes, *, final: bool) -> list[bytes]:
        frames: list[bytes] = []
        measure, fault, longest, shared = self._measure, self._fault, self._longest, self._shared
        starts, at, size = self._starts, 0, len(data)
        while at < size:
            if data[at] in starts:
                head = data[at : at + longest]
                length = measure(head)
                if 0 < length <= len(head):
                    frame = head[:length]
                    reason = fault(frame)
                    if not reason:
                        frames.append(frame)
                        at += length - shared
                        self._known = shared
                        continue
                    self.rejected += 1
                    self.reason = reason
                elif NONE != length <= longest and len(head) < longest and not final:
                    break
            found = self._next_start(data, at + 1)
            next_at = found.start() if found else size
            self._skip(next_at - at)
            at = next_at
        self._rest = data[at:]
        return frames

    def _skip(self, count: int) -> None:
        """Counts ``count`` bytes as junk, less those that belong to the frame before."""
        known = min(count, self._known)
        self._known -= known
        self.skipped += count - known

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

from collections.abc import Callable

MORE = 0
NONE = -1


class Framer:
    """``starts`` are the bytes a frame can begin with; ``longest`` the length of the longest frame.

    ``skipped`` counts bytes that belonged to no frame, ``rejected`` frames that ``fault`` refused, ``reason`` is why
    the last one was.
    """

    def __init__(
        self, measure: Callable[[bytes], int], fault: Callable[[bytes], str], *, starts: bytes, longest: int
    ) -> None:
        self._measure, self._fault, self._longest = measure, fault, longest
        self._starts = frozenset(starts)
        self._rest = b""
        self.skipped = 0
        self.rejected = 0
        self.reason = ""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames completed by ``data``, in order."""
        return self._cut(self._rest + data, final=False)

    def end(self) -> list[bytes]:
        """The frames held back by an unfinished head; call it when the stream paused for longer than a frame takes."""
        return self._cut(self._rest, final=True) if self._rest else []

    def _cut(self, data: bytes, *, final: bool) -> list[bytes]:
        frames: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if data[at] not in self._starts:
                at += 1
                self.skipped += 1
                continue
            head = data[at : at + self._longest]
            length = self._measure(head)
            if length > self._longest:
                length = NONE
            if length == MORE and len(head) == self._longest:
                length = NONE
            if length == MORE or length > len(head):
                if not final:
                    break
                length = NONE
            if length == NONE:
                at += 1
                self.skipped += 1
                continue
            frame = head[:length]
            reason = self._fault(frame)
            if reason:
                self.rejected += 1
                self.reason = reason
                at += 1
                self.skipped += 1
            else:
                frames.append(frame)
                at += length
        self._rest = data[at:]
        return frames

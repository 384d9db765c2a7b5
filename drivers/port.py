"""One small interface to bytes, so that no driver knows where they come from.

``read`` waits at most ``timeout_s`` for the first byte and returns what is there, at most ``size`` bytes, ``b""`` when
nothing came. ``write`` returns when the bytes are handed on. Errors are the project's own: a handle that died is
``DeviceLostError``; a recording that is over is ``EndOfRecording``. One thread owns a port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Line:
    """How the wires talk: bits a second and parity; always 8 data bits and 1 stop bit."""

    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"


class Port(Protocol):
    """Bytes in, bytes out. ``live`` is false where nobody hears what is written (recordings)."""

    @property
    def live(self) -> bool: ...

    def read(self, size: int, timeout_s: float) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

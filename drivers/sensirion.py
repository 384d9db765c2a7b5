"""Sensirion SPS30 over UART: laser dust sensor, 115200 8N1, protocol SHDLC. It measures each second and must be asked.

Frame (maker's datasheet, section 5): ``7E``, address, command, [state, in answers,] length, data, checksum, ``7E``.
The checksum is the inverted low byte of the sum of all between. ``7E 7D 11 13`` inside, the checksum among them, are
sent as ``7D`` and the byte with bit 5 flipped; they are restored in one pass, for a restored ``7D`` begins nothing.
State bit 7 says that fan or laser failed; its other bits are the error code of the command (0x43: not allowed now).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence

from drivers.driver import Command, Driver, Mode, Sample, reader
from drivers.errors import BadFrameError
from drivers.framer import MORE, NONE
from drivers.port import Line

_FLAG = 0x7E
_ESCAPED = re.compile(rb"\x7d(.)", re.DOTALL)
_FLIPPED = [bytes([byte ^ 0x20]) for byte in range(256)]
_TO_ESCAPE = re.compile(rb"[\x7e\x7d\x11\x13]")
_LAYOUT = ">4x10fx"
_NAMES = (
    "pm1_ug_m3", "pm2_5_ug_m3", "pm4_ug_m3", "pm10_ug_m3",
    "n0_5_per_cm3", "n1_per_cm3", "n2_5_per_cm3", "n4_per_cm3", "n10_per_cm3", "typical_size_um",
)  # fmt: skip
_READ = 0x03
_VALUES = reader(_LAYOUT, dict.fromkeys(_NAMES, 1.0))


def stuffed(body: bytes) -> bytes:
    """The frame around ``body``: checksum added, bytes escaped, flags set."""
    whole = body + bytes([~sum(body) & 0xFF])
    return b"\x7e" + _TO_ESCAPE.sub(lambda m: bytes([0x7D, m[0][0] ^ 0x20]), whole) + b"\x7e"


def unstuffed(frame: bytes) -> bytes:
    """What stands between the flags, checksum included."""
    body = frame[1:-1]
    return _ESCAPED.sub(lambda m: _FLIPPED[m[1][0]], body) if 0x7D in body else body


def command(number: int, data: bytes = b"") -> bytes:
    """A request to address 0."""
    return stuffed(bytes([0, number, len(data)]) + data)


START = command(0x00, b"\x01\x03")
STOP = command(0x01)
READ = command(_READ)
WAKE = command(0x11)


class Sensirion(Driver):
    """Concentrations in µg/m3, counts per cm3 up to the size named, typical size in µm."""

    name = "sensirion"
    models = ("SPS30",)
    modes = (Mode.QUERY,)
    starts = b"\x7e"
    longest = 100
    shared = 1
    ranges = {"pm1_ug_m3": (0, 1000), "pm2_5_ug_m3": (0, 1000), "pm4_ug_m3": (0, 1000), "pm10_ug_m3": (0, 1000)}

    @property
    def line(self) -> Line:
        return Line(115200)

    def opening(self, mode: Mode) -> Sequence[Command]:  # noqa: ARG002 - there is one mode
        """A pulse wakes the interface, then the wake command within 100 ms; older firmware refuses it and is awake."""
        return (Command(b"\xff", 0.01), Command(WAKE, 0.1), Command(START, 0.1))

    def sleeping(self) -> Sequence[Command]:
        return (Command(STOP),)

    def queries(self) -> Sequence[bytes]:
        return (READ,)

    def measure(self, head: bytes) -> int:
        end = head.find(_FLAG, 1)
        if end < 0:
            return MORE
        return end + 1 if end > 1 else NONE

    def fault(self, frame: bytes) -> str:
        body = unstuffed(frame)
        if len(body) < 5 or body[3] != len(body) - 5:
            return "length"
        return "" if ~sum(body[:-1]) & 0xFF == body[-1] else "checksum"

    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:  # noqa: ARG002 - frames say what they are
        body = unstuffed(frame)
        if body[1] != _READ or len(body) == 5:
            return None
        if len(body) != struct.calcsize(_LAYOUT):
            raise BadFrameError(f"{len(body) - 5} bytes of data where ten floats (40 bytes) were asked for")
        values = _VALUES(body)
        if not math.isfinite(sum(values.values())):
            raise BadFrameError("a value that is no number")
        fault = "the sensor reports a failure of fan or laser" if body[2] & 0x80 else ""
        return Sample(values, fault)

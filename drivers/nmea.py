"""Satellite receivers that speak NMEA-0183: the position of a patrol car. Any talker: GP, GN, and BD or GB (BeiDou).

Sentences: ``$``, talker and type, fields, ``*``, XOR of all between in hex, CR LF. RMC gives position, speed and
course; GGA adds altitude, satellites and HDOP. A reading is made of each RMC with what the last GGA said, or of each
GGA where no RMC comes. Positions are WGS-84, as they come. The model is the line's bit rate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from drivers.driver import Command, Driver, Mode, Sample
from drivers.errors import BadFrameError
from drivers.framer import MORE, NONE
from drivers.port import Line

_KNOT_M_S = 1852 / 3600
_NO_FIX = "no position: the receiver has no fix, check that its antenna sees the sky"
_ANGLE = re.compile(r"(\d{2,3})(\d{2}(?:\.\d*)?)", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?", re.ASCII)


class Nmea(Driver):
    """Degrees north and east positive, metres, m/s. Holds what the last GGA said, nothing else."""

    name = "nmea"
    models = ("9600", "4800", "38400", "115200")
    modes = (Mode.ACTIVE,)
    starts = b"$"
    longest = 120
    ranges = {"latitude_deg": (-90, 90), "longitude_deg": (-180, 180)}

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        self._details: dict[str, float] = {}
        self._rmc_came = False

    @property
    def line(self) -> Line:
        return Line(int(self.model))

    def opening(self, mode: Mode) -> Sequence[Command]:  # noqa: ARG002 - receivers send by themselves
        return ()

    def measure(self, head: bytes) -> int:
        end = head.find(b"\n")
        if head.find(b"$", 1, end if end >= 0 else None) >= 0:
            return NONE
        return end + 1 if end >= 0 else MORE

    def fault(self, frame: bytes) -> str:
        body, star, check = frame[1:].removesuffix(b"\n").removesuffix(b"\r").partition(b"*")
        if not star or len(check) != 2 or not body.isascii():
            return "structure"
        return "" if b"%02X" % _xor(body) == check.upper() else "checksum"

    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:  # noqa: ARG002 - sentences say what they are
        fields = frame[1:].partition(b"*")[0].decode("ascii").split(",")
        kind = fields[0][2:]
        try:
            if kind == "RMC":
                return self._rmc(fields)
            if kind == "GGA":
                return self._gga(fields)
        except (ValueError, IndexError) as error:
            raise BadFrameError(f"a {fields[0]} sentence that cannot be understood ({error}): {frame!r}") from error
        return None

    def _rmc(self, fields: list[str]) -> Sample:
        self._rmc_came = True
        if fields[2] != "A":
            self._details = {}
            return Sample({}, _NO_FIX)
        values = _position(fields[3:7])
        if fields[7]:
            values["speed_m_s"] = _number(fields[7]) * _KNOT_M_S
        if fields[8]:
            values["course_deg"] = _number(fields[8])
        return Sample(values | self._details)

    def _gga(self, fields: list[str]) -> Sample | None:
        details = {"satellites": fields[7], "hdop": fields[8], "altitude_m": fields[9]}
        fixed = fields[6] not in ("", "0")
        self._details = {name: _number(text) for name, text in details.items() if text} if fixed else {}
        if self._rmc_came:
            self._rmc_came = False
            return None
        return Sample(_position(fields[2:6]) | self._details) if fixed else Sample({}, _NO_FIX)


def _xor(data: bytes) -> int:
    """Of all bytes, at most ``longest``: folds them as one number, half onto half."""
    folded = int.from_bytes(data)
    for bits in (512, 256, 128, 64, 32, 16, 8):
        folded ^= folded >> bits
    return folded & 0xFF


def _position(fields: list[str]) -> dict[str, float]:
    latitude, north, longitude, east = fields
    return {
        "latitude_deg": _degrees(latitude, north, "NS"),
        "longitude_deg": _degrees(longitude, east, "EW"),
    }


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text} is no number")
    return float(text)


def _degrees(text: str, side: str, sides: str) -> float:
    match = _ANGLE.fullmatch(text)
    if match is None or side not in tuple(sides):
        raise ValueError(f"{text},{side} is no angle")
    minutes = float(match[2])
    if minutes >= 60:
        raise ValueError(f"{match[2]} minutes")
    return (int(match[1]) + minutes / 60) * (1 if side == sides[0] else -1)

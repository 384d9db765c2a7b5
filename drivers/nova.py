"""Nova Fitness SDS011 (PM2.5, PM10) and SDS198 (PM100, here as TSP): laser dust sensors, 9600 8N1.

Reports (maker's protocol V1.3): ``AA C0`` (SDS198: ``AA CF``), two little-endian words, id, sum of these six bytes,
``AB``. SDS011: PM2.5 and PM10 in tenths of µg/m3. SDS198: the second word is PM100 in µg/m3. Commands are 19 bytes,
``AA B4``, 15 bytes of data, their sum, ``AB``; the device answers ``AA C5``. TSP is what is up to 100 µm (GB 3095), so
PM100 is TSP.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from drivers.driver import Command, Driver, Mode, Sample
from drivers.framer import MORE, NONE

_REPORTS = {"SDS011": 0xC0, "SDS198": 0xCF}
_WORDS = struct.Struct("<2xHH4x")


def command(*data: int, device: int = 0xFFFF) -> bytes:
    """The 19 bytes of a command to the device with that id; FFFF is any."""
    body = bytes(data).ljust(13, b"\x00") + device.to_bytes(2)
    return b"\xaa\xb4" + body + bytes([sum(body) & 0xFF, 0xAB])


QUERY = command(4)
WAKE = command(6, 1, 1)
SLEEP = command(6, 1, 0)
ACTIVE = command(2, 1, 0)
PASSIVE = command(2, 1, 1)
CONTINUOUS = command(8, 1, 0)


class Nova(Driver):
    """Concentrations in µg/m3."""

    name = "nova"
    models = tuple(_REPORTS)
    starts = b"\xaa"
    longest = 10
    ranges = {"pm2_5_ug_m3": (0, 999.9), "pm10_ug_m3": (0, 999.9), "tsp_ug_m3": (0, 20000)}

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        self._report = _REPORTS[self.model]

    def opening(self, mode: Mode) -> Sequence[Command]:
        """Wake first, for a sleeping device takes nothing else; then continuous work; then the mode."""
        return (
            Command(WAKE, 0.3),
            Command(CONTINUOUS, 0.2),
            Command(ACTIVE if mode is Mode.ACTIVE else PASSIVE, 0.2),
        )

    def sleeping(self) -> Sequence[Command]:
        return (Command(SLEEP),)

    def queries(self) -> Sequence[bytes]:
        return (QUERY,)

    def measure(self, head: bytes) -> int:
        if len(head) < 2:
            return MORE
        return 10 if head[1] in (0xC0, 0xC5, 0xCF) else NONE

    def fault(self, frame: bytes) -> str:
        if frame[9] != 0xAB:
            return "tail"
        return "" if sum(frame[2:8]) & 0xFF == frame[8] else "checksum"

    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:  # noqa: ARG002 - frames say what they are
        if frame[1] != self._report:
            return None
        first, second = _WORDS.unpack(frame)
        if self._report == _REPORTS["SDS198"]:
            return Sample({"tsp_ug_m3": float(second)})
        return Sample({"pm2_5_ug_m3": first / 10, "pm10_ug_m3": second / 10})

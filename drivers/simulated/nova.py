"""A simulated Nova SDS011 or SDS198: reports each second or when asked, acknowledges, sleeps, and keeps its period."""

from __future__ import annotations

import struct

from drivers.framer import MORE
from drivers.simulated.device import SimulatedSensor

_ID = bytes.fromhex("a160")


class SimulatedNova(SimulatedSensor):
    """Values in µg/m3; ``tsp`` is what an SDS198 measures. A set working period is answered but not waited for."""

    name = "nova"
    defaults = {"pm2_5": 35.0, "pm10": 60.0, "tsp": 150.0}
    starts = b"\xaa"
    longest = 19
    _awake = True
    _active = True
    _period_min = 0

    def measure(self, head: bytes) -> int:
        return 19 if len(head) >= 19 else MORE

    def fault(self, request: bytes) -> str:
        whole = request[1] == 0xB4 and request[18] == 0xAB and sum(request[2:17]) & 0xFF == request[17]
        return "" if whole and request[15:17] in (b"\xff\xff", _ID) else "no request"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        command, write, setting = request[2], request[3] == 1, request[4]
        if command == 6 and write:
            self._awake = setting == 1
        elif not self._awake:
            return b""
        elif command == 2 and write:
            self._active = setting == 0
        elif command == 8 and write:
            self._period_min = setting
        elif command == 4:
            return self._measurement(elapsed_s)
        kept = {2: int(not self._active), 6: int(self._awake), 8: self._period_min}
        if command == 7:
            return _frame(0xC5, bytes([7, 15, 7, 10]))
        return _frame(0xC5, bytes([command, int(write), kept[command], 0])) if command in kept else b""

    def report(self, elapsed_s: float) -> bytes:
        return self._measurement(elapsed_s) if self._awake and self._active else b""

    def _measurement(self, elapsed_s: float) -> bytes:
        values = self.values(elapsed_s)
        if self.model.upper() == "SDS198":
            return _frame(0xCF, struct.pack("<HH", 0, round(values["tsp"])))
        return _frame(0xC0, struct.pack("<HH", round(values["pm2_5"] * 10), round(values["pm10"] * 10)))


def _frame(kind: int, data: bytes) -> bytes:
    body = data + _ID
    return bytes([0xAA, kind]) + body + bytes([sum(body) & 0xFF, 0xAB])

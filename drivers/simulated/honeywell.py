"""A simulated Honeywell HPMA115S0 or C0: sends or answers, accepts commands, refuses to read when stopped."""

from __future__ import annotations

import struct

from drivers.framer import MORE
from drivers.simulated.device import SimulatedSensor

_ACCEPTED, _REFUSED = b"\xa5\xa5", b"\x96\x96"


class SimulatedHoneywell(SimulatedSensor):
    """Values in µg/m3. As the real one, it measures and sends by itself from power-up."""

    name = "honeywell"
    defaults = {"pm1": 20.0, "pm2_5": 35.0, "pm4": 50.0, "pm10": 60.0}
    starts = b"\x68"
    longest = 5
    _measuring = True
    _auto = True

    def measure(self, head: bytes) -> int:
        return MORE if len(head) < 2 else {1: 4, 2: 5}.get(head[1], -1)

    def fault(self, request: bytes) -> str:
        return "" if sum(request) & 0xFF == 0 else "no request"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        command = request[2]
        if command in (0x01, 0x02):
            self._measuring = command == 0x01
        elif command in (0x40, 0x20):
            self._auto = command == 0x40
        elif command == 0x04 and self._measuring:
            words = self._words(elapsed_s)
            data = struct.pack(">4H4x", *words) if self._compact else struct.pack(">2H", words[1], words[3])
            return _answer(0x04, data)
        elif command == 0x10:
            return _answer(0x10, bytes([100]))
        else:
            return _REFUSED
        return _ACCEPTED

    def report(self, elapsed_s: float) -> bytes:
        if not (self._measuring and self._auto):
            return b""
        words = self._words(elapsed_s)
        data = struct.pack(">4H18x", *words) if self._compact else struct.pack(">2x2H20x", words[1], words[3])
        frame = b"\x42\x4d\x00\x1c" + data
        return frame + struct.pack(">H", sum(frame))

    @property
    def _compact(self) -> bool:
        return self.model.upper() == "HPMA115C0"

    def _words(self, elapsed_s: float) -> list[int]:
        return [round(value) for value in self.values(elapsed_s).values()]


def _answer(command: int, data: bytes) -> bytes:
    frame = bytes([0x40, len(data) + 1, command]) + data
    return frame + bytes([-sum(frame) & 0xFF])

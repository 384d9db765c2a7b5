"""A simulated SPS30: measures after start, answers each request, says nothing new within ``period_s``, and stops."""

from __future__ import annotations

import struct

from drivers.sensirion import Sensirion, stuffed, unstuffed
from drivers.simulated.device import SimulatedSensor

_NOT_NOW = 0x43
_UNKNOWN = 0x02


class SimulatedSensirion(SimulatedSensor):
    """Values in the units of the driver's readings."""

    name = "sensirion"
    defaults = {
        "pm1": 20.0, "pm2_5": 35.0, "pm4": 50.0, "pm10": 60.0, "n0_5": 120.0, "n1": 150.0, "n2_5": 155.0,
        "n4": 156.0, "n10": 156.5, "typical_size": 0.5,
    }  # fmt: skip
    starts = b"\x7e"
    longest = 32
    _measuring = False
    _read_s = -1.0

    def measure(self, head: bytes) -> int:
        return Sensirion().measure(head)

    def fault(self, request: bytes) -> str:
        body = unstuffed(request)
        whole = len(body) >= 4 and body[2] == len(body) - 4 and ~sum(body[:-1]) & 0xFF == body[-1]
        return "" if whole else "no request"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        number = unstuffed(request)[1]
        if number == 0x00:
            state = _NOT_NOW if self._measuring else 0
            self._measuring = True
            return _answer(number, state)
        if number == 0x01:
            state = 0 if self._measuring else _NOT_NOW
            self._measuring = False
            return _answer(number, state)
        if number == 0x03:
            return self._measurement(elapsed_s)
        return _answer(number, 0 if number == 0x11 else _UNKNOWN)

    def _measurement(self, elapsed_s: float) -> bytes:
        if not self._measuring:
            return _answer(0x03, _NOT_NOW)
        new = int(elapsed_s / self.period_s) > int(self._read_s / self.period_s)
        self._read_s = elapsed_s
        data = struct.pack(">10f", *self.values(elapsed_s).values()) if new else b""
        return _answer(0x03, 0, data)


def _answer(number: int, state: int, data: bytes = b"") -> bytes:
    return stuffed(bytes([0, number, state, len(data)]) + data)

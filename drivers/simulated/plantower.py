"""A simulated Plantower sensor: sends each second, or when asked; sleeps and wakes (waking makes it send again)."""

from __future__ import annotations

import struct

from drivers.framer import MORE
from drivers.simulated.device import SimulatedSensor

_COUNTS = ("n0_3", "n0_5", "n1", "n2_5", "n5", "n10")


class SimulatedPlantower(SimulatedSensor):
    """Values in the units of the driver's readings; the CF=1 words are the atmospheric ones."""

    name = "plantower"
    defaults = {
        "pm1": 20.0, "pm2_5": 35.0, "pm10": 60.0, "n0_3": 40.0, "n0_5": 12.0, "n1": 3.0, "n2_5": 0.6, "n5": 0.2,
        "n10": 0.1, "temperature": 24.0, "humidity": 55.0, "formaldehyde": 0.01,
    }  # fmt: skip
    starts = b"\x42"
    longest = 7
    _awake = True
    _active = True

    def measure(self, head: bytes) -> int:
        return 7 if len(head) >= 7 else MORE

    def fault(self, request: bytes) -> str:
        return "" if request[1] == 0x4D and sum(request[:5]) == int.from_bytes(request[5:], "big") else "no request"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        command, setting = request[2], request[4]
        if command == 0xE4:
            self._awake = setting == 1
            self._active = self._active or self._awake
            return b"" if self._awake else _frame(struct.pack(">BB", command, 0))
        if not self._awake:
            return b""
        if command == 0xE1:
            self._active = setting == 1
            return _frame(struct.pack(">BB", command, setting))
        return self._measurement(elapsed_s) if command == 0xE2 and not self._active else b""

    def report(self, elapsed_s: float) -> bytes:
        return self._measurement(elapsed_s) if self._awake and self._active else b""

    def _measurement(self, elapsed_s: float) -> bytes:
        values = self.values(elapsed_s)
        concentrations = [values["pm1"], values["pm2_5"], values["pm10"]] * 2
        counts = [values[name] * 100 for name in _COUNTS]
        temperature, humidity = values["temperature"] * 10, values["humidity"] * 10
        formaldehyde = values["formaldehyde"] * 1000
        by_model: dict[str, list[float]] = {
            "PMS3003": [0, 0, 0],
            "PMS5003S": [*counts, formaldehyde],
            "PMS5003T": [*counts[:4], temperature, humidity, 0x9700],
            "PMS5003ST": [*counts, formaldehyde, temperature, humidity, 0, 0x9700],
        }
        words = concentrations + by_model.get(self.model.upper(), [*counts, 0x9700])
        return _frame(struct.pack(f">{len(words)}H", *[round(word) & 0xFFFF for word in words]))


def _frame(payload: bytes) -> bytes:
    head = struct.pack(">2sH", b"BM", len(payload) + 2) + payload
    return head + struct.pack(">H", sum(head))

"""A simulated Modbus station: holds the registers of a map and answers function 03, for its units only."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from pymodbus.framer import FramerRTU

from drivers.framer import MORE
from drivers.simulated.device import SimulatedSensor
from drivers.simulated.profile import Profile
from drivers.station_map import load

_USUAL = {
    "pm2_5": 35.0, "pm10": 60.0, "tsp": 150.0, "wind_speed": 2.1, "wind_direction": 135.0, "humidity": 55.0,
    "temperature": 24.0, "noise": 58.0, "pressure": 101.3, "illuminance": 81234.0,
}  # fmt: skip
_UNIT = re.compile(r"_(ug_m3|mg_m3|m_s|deg|percent|c|db|kpa|lux|mm|w_m2|ppm)$")
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2


class SimulatedModbusStation(SimulatedSensor):
    """Values by the map's names without their unit, such as ``wind_speed``."""

    name = "modbus-station"
    longest = 8

    def __init__(self, model: str = "", profiles: Mapping[str, Profile] | None = None) -> None:
        """Raises BadSettingError for a map that is absent or wrong, or a value that it has not."""
        self.map = load(model or "renke")
        self._named = {_UNIT.sub("", value.name): value for value in self.map.value}
        self.defaults = {name: _USUAL.get(name, 0.0) for name in self._named}
        self.starts = bytes(sorted({block.unit or self.map.unit for block in self.map.read}))
        super().__init__(model, profiles)

    def measure(self, head: bytes) -> int:
        return 8 if len(head) >= 8 else MORE

    def fault(self, request: bytes) -> str:
        return "" if FramerRTU.check_CRC(request[:-2], request[-2] << 8 | request[-1]) else "CRC"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        unit, function, first, count = struct.unpack_from(">BBHH", request)
        if function != 3:
            return _framed(bytes([unit, function | 0x80, _ILLEGAL_FUNCTION]))
        held = self._registers(unit, elapsed_s)
        if not all(register in held for register in range(first, first + count)):
            return _framed(bytes([unit, 0x83, _ILLEGAL_ADDRESS]))
        words = [held[register] for register in range(first, first + count)]
        return _framed(struct.pack(f">BBB{count}H", unit, 3, 2 * count, *words))

    def _registers(self, unit: int, elapsed_s: float) -> dict[int, int]:
        blocks = [block for block in self.map.read if unit == (block.unit or self.map.unit)]
        held = {block.register + n: 0 for block in blocks for n in range(block.count)}
        for name, number in self.values(elapsed_s).items():
            value = self._named[name]
            if unit != (value.unit or self.map.unit):
                continue
            for n, word in enumerate(self.map.registers(value, number)):
                held[value.register + n] = word
        return held


def _framed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")

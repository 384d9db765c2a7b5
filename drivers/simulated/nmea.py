"""A simulated BeiDou and GPS receiver: RMC and GGA as talkers GN and BD; ``fix`` 0 takes the position away."""

from __future__ import annotations

from functools import reduce
from operator import xor

from drivers.framer import NONE
from drivers.simulated.device import SimulatedSensor

_KNOT_M_S = 1852 / 3600


class SimulatedNmea(SimulatedSensor):
    """Degrees, m/s, metres; the time in the sentences is the elapsed time of a fixed day."""

    name = "nmea"
    defaults = {
        "latitude": 32.0603, "longitude": 118.7969, "speed": 8.0, "course": 90.0, "satellites": 9.0, "hdop": 0.9,
        "altitude": 12.0, "fix": 1.0,
    }  # fmt: skip
    starts = b"$"
    longest = 1

    def measure(self, head: bytes) -> int:  # noqa: ARG002 - it hears nothing
        return NONE

    def fault(self, request: bytes) -> str:  # noqa: ARG002
        return ""

    def answer(self, request: bytes, elapsed_s: float) -> bytes:  # noqa: ARG002
        return b""

    def report(self, elapsed_s: float) -> bytes:
        values = self.values(elapsed_s)
        minutes, seconds = divmod(elapsed_s % 86400, 60)
        time = f"{int(minutes // 60):02d}{int(minutes % 60):02d}{seconds:05.2f}"
        fixed = values["fix"] > 0
        place = f"{_angle(values['latitude'], 2, 'NS')},{_angle(values['longitude'], 3, 'EW')}" if fixed else ",,,"
        moving = f"{values['speed'] / _KNOT_M_S:.3f},{values['course']:.1f}" if fixed else ","
        detail = f"{values['satellites']:02.0f},{values['hdop']:.1f},{values['altitude']:.1f}" if fixed else "00,,"
        return _sentence(f"GNRMC,{time},{'A' if fixed else 'V'},{place},{moving},010125,,,A") + _sentence(
            f"BDGGA,{time},{place},{int(fixed)},{detail},M,0.0,M,,"
        )


def _angle(degrees: float, digits: int, sides: str) -> str:
    whole, part = divmod(abs(degrees), 1)
    return f"{int(whole):0{digits}d}{part * 60:08.5f},{sides[degrees < 0]}"


def _sentence(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n".encode()

"""Plantower PMS3003, PMS5003, PMS7003, PMSA003 and the 5003S, 5003T and 5003ST: laser dust sensors, 9600 8N1, 3.3 V.

Frame (maker's data manuals): ``42 4D``, length u16, 16-bit big-endian words, sum u16 of all bytes before it. Lengths:
0x14 (PMS3003), 0x1C (5003, 7003, A003, 5003S, 5003T), 0x24 (5003ST), 4 (acknowledgement). Words 0-2 are PM1, PM2.5 and
PM10 with CF=1 (factory), 3-5 the same under atmospheric conditions, 6-11 counts above 0.3, 0.5, 1, 2.5, 5 and 10 µm in
0.1 L. 5003S: word 12 formaldehyde in µg/m3. 5003T: words 10 and 11 are temperature and humidity in tenths. 5003ST: word
12 formaldehyde, 13 temperature, 14 humidity. 5003, 5003S and 5003T frames look alike: the model must be named.

An all-zero payload is what the sensor sends while it starts; after warm-up it is clean air and read as such.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from drivers.driver import Command, Driver, Mode, Sample, reader
from drivers.errors import BadFrameError, BadSettingError
from drivers.framer import MORE, NONE

WAKE = bytes.fromhex("424de400010174")
SLEEP = bytes.fromhex("424de400000173")
ACTIVE = bytes.fromhex("424de100010171")
PASSIVE = bytes.fromhex("424de100000170")
READ = bytes.fromhex("424de200000171")

_LENGTHS = {0x04: 8, 0x14: 24, 0x1C: 32, 0x24: 40}


_PM = dict.fromkeys(
    ("pm1_cf1_ug_m3", "pm2_5_cf1_ug_m3", "pm10_cf1_ug_m3", "pm1_ug_m3", "pm2_5_ug_m3", "pm10_ug_m3"), 1.0
)
_FOUR_COUNTS = dict.fromkeys(("n0_3_per_cm3", "n0_5_per_cm3", "n1_per_cm3", "n2_5_per_cm3"), 100.0)
_COUNTS = _FOUR_COUNTS | dict.fromkeys(("n5_per_cm3", "n10_per_cm3"), 100.0)
_FORMALDEHYDE = {"formaldehyde_mg_m3": 1000.0}
_CLIMATE = {"temperature_c": 10.0, "humidity_percent": 10.0}

_PMS5003 = (">4x12H4x", _PM | _COUNTS)
_LAYOUTS = {
    "PMS5003": _PMS5003,
    "PMS7003": _PMS5003,
    "PMSA003": _PMS5003,
    "PMS3003": (">4x6H8x", _PM),
    "PMS5003S": (">4x13H2x", _PM | _COUNTS | _FORMALDEHYDE),
    "PMS5003T": (">4x10HhH4x", _PM | _FOUR_COUNTS | _CLIMATE),
    "PMS5003ST": (">4x13HhH6x", _PM | _COUNTS | _FORMALDEHYDE | _CLIMATE),
}


class Plantower(Driver):
    """Concentrations in µg/m3 (atmospheric, and CF=1 as raw values), counts per cm3."""

    name = "plantower"
    models = tuple(_LAYOUTS)
    starts = b"\x42"
    longest = 40
    ranges = {
        "pm1_ug_m3": (0, 1000),
        "pm2_5_ug_m3": (0, 1000),
        "pm10_ug_m3": (0, 1000),
        "temperature_c": (-20, 99),
        "humidity_percent": (0, 100),
    }

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        layout, divisors = _LAYOUTS[self.model]
        self._read = reader(layout, divisors)
        self._length = struct.calcsize(layout)

    def check_mode(self, mode: str) -> Mode:
        """Raises BadSettingError for query mode on the PMS3003, which cannot be asked."""
        checked = super().check_mode(mode)
        if self.model == "PMS3003" and checked is Mode.QUERY:
            raise BadSettingError("driver plantower, model PMS3003: mode 'query' is not possible; allowed: active")
        return checked

    def opening(self, mode: Mode) -> Sequence[Command]:
        if self.model == "PMS3003":
            return ()
        return (Command(WAKE, 0.3), Command(ACTIVE if mode is Mode.ACTIVE else PASSIVE, 0.2))

    def sleeping(self) -> Sequence[Command]:
        return () if self.model == "PMS3003" else (Command(SLEEP),)

    def queries(self) -> Sequence[bytes]:
        return (READ,)

    def measure(self, head: bytes) -> int:
        if len(head) < 4:
            return MORE if b"\x42\x4d\x00".startswith(head) else NONE
        if head[1] != 0x4D or head[2] != 0:
            return NONE
        return _LENGTHS.get(head[3], NONE)

    def fault(self, frame: bytes) -> str:
        return "" if sum(frame[:-2]) == frame[-2] << 8 | frame[-1] else "checksum"

    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:  # noqa: ARG002 - frames say what they are
        if len(frame) != self._length:
            if len(frame) == 8:
                return None
            raise BadFrameError(
                f"a frame of {len(frame)} bytes, but a {self.model} sends {self._length}: name the right model of "
                f"{', '.join(self.models)}"
            )
        return Sample(self._read(frame))

"""Modbus-RTU stations (dust, noise, weather) by a register map; requests, CRC and answers are pymodbus's.

The station is asked by function 03 for each block of its map; the answers together make one reading. An answer does
not say which registers it holds, so it is judged by the request it follows. RS485 adapters that echo the request do no
harm: the echo's CRC does not fit an answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from drivers.driver import Command, Driver, Mode, Sample
from drivers.errors import BadFrameError, DeviceRefusedError
from drivers.framer import MORE, NONE
from drivers.port import Line
from drivers.station_map import Block, Layout, load, ready_maps

_ANSWER = 0x03
_REFUSAL = 0x83
_PASSING = {
    5: "it is still working on it",
    6: "it is busy",
    10: "the gateway has no path",
    11: "no answer behind the gateway",
}
_LASTING = {
    1: "it knows no function 03",
    2: "it has no such registers",
    3: "it refuses this many registers",
    4: "it failed",
}


class ModbusStation(Driver):
    """Values as the map names them. The model is a ready map's name or the path of a map file."""

    name = "modbus-station"
    modes = (Mode.QUERY,)
    wires = "A to A and B to B? try them swapped"

    def __init__(self, model: str = "") -> None:
        """Raises BadSettingError for a map that is absent or wrong."""
        self.models = tuple(sorted(ready_maps()))
        self.model = model or "renke"
        self.map = load(self.model)
        self.answer_s = self.map.answer_s
        self.ranges = {value.name: value.range for value in self.map.value if value.range}
        self.starts = bytes(sorted({block.unit or self.map.unit for block in self.map.read}))
        self.longest = 5 + 2 * max(block.count for block in self.map.read)
        self._sizes = frozenset(2 * block.count for block in self.map.read)
        framer = FramerRTU(DecodePDU(False))
        self._blocks: dict[bytes, tuple[Block, Layout]] = {
            framer.buildFrame(
                ReadHoldingRegistersRequest(
                    address=block.register, count=block.count, dev_id=block.unit or self.map.unit
                )
            ): (block, Layout(self.map, block))
            for block in self.map.read
        }

    @property
    def line(self) -> Line:
        return Line(self.map.baud, self.map.parity)

    def opening(self, mode: Mode) -> Sequence[Command]:  # noqa: ARG002 - stations only answer
        return ()

    def queries(self) -> Sequence[bytes]:
        return tuple(self._blocks)

    def measure(self, head: bytes) -> int:
        if len(head) < 3:
            return MORE if len(head) < 2 or head[1] in (_ANSWER, _REFUSAL) else NONE
        if head[1] == _REFUSAL:
            return 5
        return 5 + head[2] if head[1] == _ANSWER and head[2] in self._sizes else NONE

    def fault(self, frame: bytes) -> str:
        return "" if FramerRTU.check_CRC(frame[:-2], frame[-2] << 8 | frame[-1]) else "CRC"

    def decode(self, frame: bytes, query: bytes = b"") -> Sample | None:
        if query and frame[0] != query[0]:
            raise BadFrameError(f"an answer of unit {frame[0]}, where unit {query[0]} was asked")
        if frame[1] == _REFUSAL:
            raise self._refusal(frame[2], query)
        block, layout = self._blocks.get(query, (None, None))
        if block is None or layout is None or frame[2] != 2 * block.count:
            raise BadFrameError(f"{frame[2]} bytes of registers that were not asked for")
        values = layout.read(frame[3:-2])
        if not math.isfinite(sum(values.values())):
            wrong = ", ".join(name for name, value in values.items() if not math.isfinite(value))
            raise BadFrameError(f"{wrong} is no number: check type, byte_order and word_order in the map")
        return Sample(values)

    def _refusal(self, code: int, query: bytes) -> BadFrameError | DeviceRefusedError:
        block = self._blocks[query][0] if query in self._blocks else self.map.read[0]
        asked = (
            f"registers {block.register} to {block.register + block.count - 1} of unit {block.unit or self.map.unit}"
        )
        if code in _PASSING:
            return BadFrameError(f"{asked}: {_PASSING[code]} (Modbus exception {code})")
        return DeviceRefusedError(
            f"{asked} are refused: {_LASTING.get(code, 'no reason known')} (Modbus exception {code}); "
            f"check the map {self.model} against the station's manual"
        )

"""A Modbus relay board behind a pseudo-terminal: one coil, function 05, as such boards answer it."""

from __future__ import annotations

import time

from pymodbus.framer import FramerRTU

from drivers.framer import MORE
from drivers.simulated.device import SimulatedDevice, SimulatedSensor

ON = bytes.fromhex("01 05 00 00 ff 00 8c 3a")
OFF = bytes.fromhex("01 05 00 00 00 00 cd ca")


class CoilBoard(SimulatedSensor):
    """``on`` is its coil 0; ``asked`` all requests with their monotonic time, power cut or not."""

    name = "coil-board"
    defaults = {}
    starts = b"\x01"
    longest = 8

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.asked: list[tuple[float, bytes]] = []
        self.powered = True

    def measure(self, head: bytes) -> int:
        return 8 if len(head) >= 8 else MORE

    def fault(self, request: bytes) -> str:
        return "" if FramerRTU.check_CRC(request[:-2], request[-2] << 8 | request[-1]) else "CRC"

    def answer(self, request: bytes, elapsed_s: float) -> bytes:
        del elapsed_s
        self.asked.append((time.monotonic(), request))
        if not self.powered:
            return b""
        if request not in (ON, OFF):
            refusal = bytes([1, request[1] | 0x80, 2])
            return refusal + FramerRTU.compute_CRC(refusal).to_bytes(2, "big")
        self.on = request == ON
        return request


def plugged() -> tuple[CoilBoard, SimulatedDevice]:
    """A board and the device to open its path at and to close."""
    board = CoilBoard()
    return board, SimulatedDevice(board)

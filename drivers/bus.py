"""Looks on an RS-485 line for Modbus stations at other addresses and bit rates than a map says.

The 建大仁科 family tells its address to whoever asks unit 255 for register 2000. Then the first request of each ready
map and of the configured one is put to that unit and to 1 to ``LAST_UNIT``, at 9600 and 4800 bit/s; who answers within
``ANSWER_S``, be it with a refusal, is there. Some ten seconds where nobody does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from pymodbus.framer import FramerRTU

from drivers.errors import BadSettingError, DriverError
from drivers.modbus_station import ModbusStation
from drivers.port import Line
from drivers.serial_port import SerialPort
from drivers.station_map import ready_maps

LAST_UNIT = 10
ANSWER_S = 0.2
ASK_ADDRESS = bytes.fromhex("FF 03 07 D0 00 01 91 59")
LAST_ADDRESS = 247
_RATES = (9600, 4800)
_ANSWER_SIZE = 7


@dataclass(frozen=True, slots=True)
class Station:
    """Who answers at ``unit``; ``model`` is the map whose registers it has, empty where it refused all."""

    unit: int
    baud: int
    model: str

    def __str__(self) -> str:
        if self.model:
            return f"driver modbus-station, model {self.model}?unit={self.unit}&baud={self.baud}"
        return f"a Modbus device, unit {self.unit} at {self.baud} bit/s, that has the registers of no map tried"


def stations(port: str, model: str, monotonic: Callable[[], float]) -> list[Station]:
    """The stations on ``port``, those of the first bit rate at which any answers.

    Raises DeviceLostError when the port cannot be opened or dies, BadSettingError for a ``model`` that is no map.
    """
    names = dict.fromkeys(name.partition("?")[0] for name in (model or "renke", *ready_maps()))
    for baud in _RATES:
        parity = ModbusStation(model).map.parity
        with closing(SerialPort(port, Line(baud, parity))) as opened:
            units = {*_told_address(opened, monotonic), *range(1, LAST_UNIT + 1)}
            found = [
                station
                for unit in sorted(units)
                if (station := _at(opened, list(names), unit, baud, monotonic)) is not None
            ]
        if found:
            return found
    return []


def _told_address(port: SerialPort, monotonic: Callable[[], float]) -> list[int]:
    port.write(ASK_ADDRESS)
    answer = b""
    until = monotonic() + ANSWER_S
    while (left_s := until - monotonic()) > 0 and len(answer) < _ANSWER_SIZE:
        answer += port.read(256, left_s)
    answer = answer[:_ANSWER_SIZE]
    whole = len(answer) == _ANSWER_SIZE and answer[1:4] == b"\x03\x02\x00"
    if (
        whole
        and FramerRTU.check_CRC(answer[:-2], int.from_bytes(answer[-2:], "big"))
        and 1 <= answer[4] <= LAST_ADDRESS
    ):
        return [answer[4]]
    return []


def _at(port: SerialPort, names: list[str], unit: int, baud: int, monotonic: Callable[[], float]) -> Station | None:
    refused = False
    for name in names:
        driver = _moved(name, unit)
        if driver is None:
            continue
        query = driver.queries()[0]
        frames = driver.framer()
        port.write(query)
        until = monotonic() + ANSWER_S
        while (left_s := until - monotonic()) > 0:
            for frame in frames.feed(port.read(256, left_s)):
                try:
                    driver.decode(frame, query)
                except DriverError:
                    refused = True
                else:
                    return Station(unit, baud, name)
    return Station(unit, baud, "") if refused else None


def _moved(name: str, unit: int) -> ModbusStation | None:
    """The map ``name`` at ``unit``; None for one whose blocks name their own units."""
    try:
        driver = ModbusStation(f"{name}?unit={unit}")
    except BadSettingError:
        return None
    return driver if driver.starts == bytes([unit]) else None

"""Relays: one output that is on or off, by GPIO, by a Modbus coil, or simulated with its history.

Every relay is off when it is opened and when it is closed. When the process dies, the kernel gives a GPIO line back; a
Modbus coil stays as it was until the agent is up again, unless the board opens by itself when it is not spoken to.
``open_relay`` reads a port::

    simulated:                              keeps what was switched
    gpio:/dev/gpiochip0/17                  line 17, by python3-gpiod (libgpiod 2)
    modbus:/dev/ttyUSB0?unit=1&coil=0       coil 0 of unit 1, baud=9600 unless given

Nothing is imported for a kind that is not used.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qsl

from drivers.errors import BadSettingError, DeviceLostError


class Relay(Protocol):
    """What can be switched. Raises DeviceLostError where the hardware is gone."""

    def switch(self, on: bool) -> None: ...
    def close(self) -> None: ...


class SimulatedRelay:
    """Keeps the changes in ``history`` as (time, on); the time is ``now()``'s."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.on = False
        self.history: list[tuple[float, bool]] = []

    def switch(self, on: bool) -> None:
        if on != self.on:
            self.history.append((self._now(), on))
        self.on = on

    def close(self) -> None:
        self.switch(False)


class GpioRelay:
    """A line of a GPIO chip. The kernel gives the line back when the process dies; wire it so that this means off."""

    def __init__(self, chip: str, line: int, *, active_low: bool = False) -> None:
        """Raises BadSettingError without the package gpiod, DeviceLostError for a line that cannot be had."""
        try:
            gpiod = importlib.import_module("gpiod")
            line_words = importlib.import_module("gpiod.line")
        except ImportError as error:
            install = f"{sys.executable} -m pip install 'gpiod>=2'"
            raise BadSettingError(f"relays on GPIO need the package gpiod: {install}") from error
        self._line = line
        self._values: dict[bool, Any] = {True: line_words.Value.ACTIVE, False: line_words.Value.INACTIVE}
        settings = gpiod.LineSettings(
            direction=line_words.Direction.OUTPUT, output_value=line_words.Value.INACTIVE, active_low=active_low
        )
        try:
            self._request: Any = gpiod.request_lines(chip, consumer="edge-agent", config={line: settings})
        except (OSError, ValueError) as error:
            raise DeviceLostError(f"{chip} line {line} cannot be had: {error}; see gpioinfo") from error

    def switch(self, on: bool) -> None:
        try:
            self._request.set_value(self._line, self._values[on])
        except OSError as error:
            raise DeviceLostError(f"GPIO line {self._line} cannot be switched: {error}") from error

    def close(self) -> None:
        try:
            self.switch(False)
        finally:
            self._request.release()


class ModbusRelay:
    """A coil of a Modbus-RTU relay board, by function 05."""

    def __init__(self, port: str, *, unit: int, coil: int, baud: int, active_low: bool = False) -> None:
        """Raises DeviceLostError when the port cannot be opened or the board does not answer."""
        from pymodbus.client import ModbusSerialClient

        self._name = f"coil {coil} of unit {unit} on {port}"
        self._unit, self._coil, self._active_low = unit, coil, active_low
        self._client: Any = ModbusSerialClient(port, baudrate=baud, timeout=1.0, retries=2)
        if not self._client.connect():
            raise DeviceLostError(f"{port} cannot be opened; check the cable and the rights")
        try:
            self.switch(False)
        except DeviceLostError:
            self._client.close()  # type: ignore[no-untyped-call]
            raise

    def switch(self, on: bool) -> None:
        from pymodbus.exceptions import ModbusException

        try:
            answer = self._client.write_coil(self._coil, on != self._active_low, device_id=self._unit)
        except ModbusException as error:
            raise DeviceLostError(f"{self._name} does not answer: {error}") from error
        if answer.isError():
            raise DeviceLostError(f"{self._name} refuses: {answer}")

    def close(self) -> None:
        try:
            self.switch(False)
        finally:
            self._client.close()


def serial_device(port: str) -> str:
    """The serial device that a relay's port uses, empty for one that uses none."""
    return port.removeprefix("modbus:").partition("?")[0] if port.startswith("modbus:") else ""


def open_relay(port: str, *, active_low: bool = False, now: Callable[[], float] = time.time) -> Relay:
    """The relay at ``port``, off. Raises BadSettingError for a port that is none, DeviceLostError."""
    kind, _, rest = port.partition(":")
    path, _, query = rest.partition("?")
    if kind == "simulated":
        return SimulatedRelay(now)
    if kind == "gpio":
        chip, _, line = path.rpartition("/")
        if chip and line.isdigit():
            return GpioRelay(chip, int(line), active_low=active_low)
    if kind == "modbus":
        given = dict(parse_qsl(query))
        numbers = {"unit": 1, "coil": 0, "baud": 9600} | {k: int(v) for k, v in given.items() if v.isdigit()}
        if path and set(numbers) == {"unit", "coil", "baud"} and set(given) <= set(numbers):
            return ModbusRelay(path, active_low=active_low, **numbers)
    raise BadSettingError(
        f"{port!r} is no relay; write simulated:, gpio:/dev/gpiochip0/17 or modbus:/dev/ttyUSB0?unit=1&coil=0"
    )

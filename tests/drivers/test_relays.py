"""Relays: off when opened and when closed, whatever happens in between."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from drivers.errors import BadSettingError, DeviceLostError
from drivers.relays import open_relay
from drivers.simulated.device import SimulatedDevice
from tests.drivers.coil_board import OFF, ON, CoilBoard, plugged


@pytest.fixture
def board() -> Iterator[tuple[CoilBoard, SimulatedDevice]]:
    board, device = plugged()
    yield board, device
    device.close()


def test_a_coil_is_switched_by_the_frames_every_board_knows(board: tuple[CoilBoard, SimulatedDevice]) -> None:
    """01 05 00 00 FF 00 8C 3A and 01 05 00 00 00 00 CD CA stand in the manuals of such boards."""
    coil, device = board
    coil.on = True
    relay = open_relay(f"modbus:{device.path}?unit=1&coil=0")
    assert not coil.on, "off when opened, as after a crash"
    relay.switch(True)
    assert coil.on
    relay.close()
    assert not coil.on
    assert [request for _, request in coil.asked] == [OFF, ON, OFF]


@pytest.mark.slow
def test_a_board_that_is_dead_or_says_no_is_told(board: tuple[CoilBoard, SimulatedDevice]) -> None:
    coil, device = board
    with pytest.raises(DeviceLostError, match=r"coil 7 of unit 1 .* refuses"):
        open_relay(f"modbus:{device.path}?coil=7")
    relay = open_relay(f"modbus:{device.path}")
    coil.powered = False
    with pytest.raises(DeviceLostError, match=r"coil 0 of unit 1 .* does not answer"):
        relay.switch(True)
    coil.powered = True
    relay.close()
    with pytest.raises(DeviceLostError, match="cannot be opened"):
        open_relay("modbus:/dev/ttyNONE")


class FakeGpiod(ModuleType):
    """The part of gpiod 2 that is used, with one chip of one line; ``said`` is what the line was told."""

    LineSettings = SimpleNamespace

    def __init__(self) -> None:
        super().__init__("gpiod")
        self.said: list[str] = []
        self.broken = False

    def request_lines(self, path: str, consumer: str, config: dict[int, Any]) -> FakeGpiod:
        if path != "/dev/gpiochip0":
            raise FileNotFoundError(2, "No such file or directory")
        [(number, settings)] = config.items()
        low = " active low" if settings.active_low else ""
        self.said.append(f"{consumer} {number} {settings.direction} {settings.output_value}{low}")
        return self

    def set_value(self, line: int, value: str) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        self.said.append(f"{line} {value}")

    def release(self) -> None:
        self.said.append("release")


@pytest.fixture
def gpiod(monkeypatch: pytest.MonkeyPatch) -> FakeGpiod:
    fake, words = FakeGpiod(), ModuleType("gpiod.line")
    words.Value = SimpleNamespace(ACTIVE="active", INACTIVE="inactive")  # type: ignore[attr-defined]
    words.Direction = SimpleNamespace(OUTPUT="output")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gpiod", fake)
    monkeypatch.setitem(sys.modules, "gpiod.line", words)
    return fake


def test_a_gpio_line_is_off_from_its_first_moment_and_given_back(gpiod: FakeGpiod) -> None:
    relay = open_relay("gpio:/dev/gpiochip0/17", active_low=True)
    relay.switch(True)
    relay.close()
    assert gpiod.said == ["edge-agent 17 output inactive active low", "17 active", "17 inactive", "release"]


def test_a_gpio_line_that_cannot_be_switched_is_given_back_all_the_same(gpiod: FakeGpiod) -> None:
    relay = open_relay("gpio:/dev/gpiochip0/17")
    gpiod.broken = True
    for act in (lambda: relay.switch(True), relay.close):
        with pytest.raises(DeviceLostError, match="GPIO line 17 cannot be switched"):
            act()
    assert gpiod.said[-1] == "release"
    with pytest.raises(DeviceLostError, match="line 17 cannot be had"):
        open_relay("gpio:/dev/gpiochip7/17")


def test_gpio_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(BadSettingError, match=r"-m pip install 'gpiod>=2'"):
        open_relay("gpio:/dev/gpiochip0/17")

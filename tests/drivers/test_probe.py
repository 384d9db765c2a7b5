"""Every simulated sensor is found and named, whether it sends by itself, waits to be asked, or sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from drivers import probe
from drivers.driver import Command, Mode
from drivers.errors import DeviceLostError
from drivers.simulated.device import SimulatedDevice
from drivers.table import driver_of, simulated_sensor
from tests.drivers.frames import FRAMES

Plug = Callable[[str, str], SimulatedDevice]


@pytest.fixture
def plug() -> Iterator[Plug]:
    devices = []

    def put(name: str, model: str) -> SimulatedDevice:
        devices.append(SimulatedDevice(simulated_sensor(f"simulated:{name}?period_s=0.2", model)))
        return devices[-1]

    yield put
    for device in devices:
        device.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "model", "found", "mode"),
    [
        ("plantower", "PMS7003", ("plantower", "PMS5003"), Mode.ACTIVE),
        ("plantower", "PMS3003", ("plantower", "PMS3003"), Mode.ACTIVE),
        ("plantower", "PMS5003ST", ("plantower", "PMS5003ST"), Mode.ACTIVE),
        ("nova", "SDS011", ("nova", "SDS011"), Mode.ACTIVE),
        ("nova", "SDS198", ("nova", "SDS198"), Mode.ACTIVE),
        ("honeywell", "HPMA115S0", ("honeywell", "HPMA115S0"), Mode.QUERY),
        ("sensirion", "SPS30", ("sensirion", "SPS30"), Mode.QUERY),
        ("modbus-station", "renke", ("modbus-station", "renke"), Mode.QUERY),
        ("modbus-station", "boling-tsp", ("modbus-station", "boling-tsp"), Mode.QUERY),
        ("nmea", "9600", ("nmea", "9600"), Mode.ACTIVE),
    ],
)
def test_what_is_plugged_in_is_named(plug: Plug, name: str, model: str, found: tuple[str, str], mode: Mode) -> None:
    device = plug(name, model)
    result = probe.probe(device.path, monotonic=time.monotonic)
    assert result is not None
    assert (result.driver, result.models[0], result.mode) == (*found, mode)
    assert result.values


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plantower", "nova"])
def test_a_sleeping_sensor_is_woken_and_named(plug: Plug, name: str) -> None:
    device = plug(name, "")
    sleep: Command = driver_of(name).sleeping()[0]
    device.sensor.hear(sleep.data, 0.0)
    result = probe.probe(device.path, monotonic=time.monotonic)
    assert result is not None
    assert (result.driver, result.mode) == (name, Mode.QUERY)


def test_look_alike_models_are_all_told(plug: Plug) -> None:
    device = plug("nmea", "")
    device.sensor.report = lambda _elapsed_s: FRAMES["plantower"][0]  # type: ignore[method-assign]
    result = probe.probe(device.path, monotonic=time.monotonic)
    assert result is not None
    assert result.models == ("PMS5003", "PMS7003", "PMSA003", "PMS5003S", "PMS5003T")


def test_an_absent_port() -> None:
    with pytest.raises(DeviceLostError, match="is not there"):
        probe.probe("/dev/ttyNONE", monotonic=time.monotonic)


def test_serial_ports_are_listed_once() -> None:
    ports = probe.serial_ports()
    assert len(ports) == len(set(ports))

"""Names, lazy imports, third parties, and messages that say what to do."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from drivers import table
from drivers.errors import BadSettingError, DeviceLostError, UnknownDriverError
from drivers.nova import Nova
from drivers.port import Line
from drivers.serial_port import SerialPort


def test_importing_the_table_imports_nothing_heavy() -> None:
    code = (
        "import sys, drivers.table as t; t.driver_of('nova');"
        "print(sorted({'cv2', 'numpy', 'serial', 'onnxruntime', 'asyncio', 'drivers.plantower'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_a_sensor_never_imports_opencv() -> None:
    code = (
        "import sys, time, drivers.table as t\n"
        "port = 'simulated:?period_s=0.05'\n"
        "with t.open_sensor('nova', port, name='d', now=time.time, monotonic=time.monotonic) as s:\n"
        "    assert s.read(5.0)\n"
        "print(sorted({'cv2', 'numpy', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_driver_lists_what_there_is() -> None:
    with pytest.raises(UnknownDriverError, match=r"no driver is named 'plantouer'; did you mean 'plantower'\? .*nova"):
        table.driver_of("plantouer")


def test_a_third_party_driver_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    other = EntryPoint("acme", "drivers.nova:Nova", table.GROUP)

    def entry_points(**chosen: Any) -> EntryPoints:
        return EntryPoints([other]).select(**chosen)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert isinstance(table.driver_of("acme"), Nova)
    assert "acme" in table.names()
    assert "plantower" in table.names()


@pytest.mark.parametrize(
    ("port", "problem"),
    [
        ("simulated:?pm99=1", "simulated nova has no pm99; allowed: pm2_5, pm10, tsp, period_s"),
        ("simulated:?pm10=high", "'high' is no profile; allowed: 180, sine:"),
        ("simulated:?pm10", "is not name=value"),
        ("", "port is empty"),
    ],
)
def test_bad_ports(port: str, problem: str) -> None:
    with pytest.raises(BadSettingError, match=problem):
        table.open_sensor("nova", port, name="d", now=time.time, monotonic=time.monotonic)


def test_nothing_simulates_that() -> None:
    with pytest.raises(UnknownDriverError, match="nothing simulates 'acme'; allowed: "):
        table.open_sensor("nova", "simulated:acme", name="d", now=time.time, monotonic=time.monotonic)


def test_an_absent_device_says_where_to_look() -> None:
    with pytest.raises(DeviceLostError, match=r"/dev/ttyNONE is not there: plug the device in; .*by-id"):
        table.open_sensor("nova", "/dev/ttyNONE", name="d", now=time.time, monotonic=time.monotonic)


def test_a_port_in_use_says_so() -> None:
    from drivers.simulated.device import SimulatedDevice

    device = SimulatedDevice(table.simulated_sensor("simulated:nova"))
    port = SerialPort(device.path, Line())
    try:
        with pytest.raises(DeviceLostError, match="is in use by another program"):
            SerialPort(device.path, Line())
    finally:
        port.close()
        device.close()

"""Stations at an address or bit rate that the map does not say, and several on one line."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.framer import FramerRTU

from drivers import bus
from drivers.errors import BadSettingError
from drivers.modbus_station import ModbusStation
from drivers.simulated.device import SimulatedDevice
from drivers.simulated.modbus_station import SimulatedModbusStation
from drivers.table import open_sensor
from edge_agent import config, doctor

TWO = """title = "louvre shelter at 1, TSP meter at 2"
baud = 9600
read = [{ register = 500, count = 16 }, { register = 0, count = 2, unit = 2 }]
value = [
    { name = "humidity_percent", register = 504, scale = 0.1 },
    { name = "tsp_ug_m3", register = 0, type = "u32", unit = 2 },
]
"""


class RatedStation(SimulatedModbusStation):
    """Hears nothing but garbage at any other bit rate than its own, as a real one does."""

    rate = 0
    path = ""

    def hear(self, data: bytes, elapsed_s: float) -> bytes:
        with Path(self.path).open("rb", buffering=0) as line:
            rate = termios.tcgetattr(line.fileno())[4]
        if rate != self.rate:
            return b""
        if data == bytes.fromhex("FF 03 07 D0 00 01 91 59"):
            body = bytes([0xFF, 3, 2, 0, self.map.unit])
            return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
        return super().hear(data, elapsed_s)


@pytest.fixture
def station(request: pytest.FixtureRequest) -> Iterator[SimulatedDevice]:
    model, rate = request.param
    sensor = RatedStation(model)
    device = SimulatedDevice(sensor)
    sensor.path, sensor.rate = device.path, rate
    yield device
    device.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("station", "found"),
    [
        (("renke?unit=7", termios.B9600), bus.Station(7, 9600, "renke")),
        (("renke?unit=201", termios.B4800), bus.Station(201, 4800, "renke")),
        (("boling-tsp?unit=2", termios.B4800), bus.Station(2, 4800, "boling-tsp")),
    ],
    indirect=["station"],
    ids=["another rate", "an address beyond 10", "another address and rate"],
)
def test_a_station_at_another_address_and_rate_is_found(station: SimulatedDevice, found: bus.Station) -> None:
    assert bus.stations(station.path, "", time.monotonic) == [found]


@pytest.mark.slow
@pytest.mark.parametrize("station", [("renke?unit=7", termios.B9600)], indirect=True, ids=["unit 7"])
def test_check_tells_the_address_and_rate_to_write(station: SimulatedDevice, tmp_path: Path) -> None:
    file = tmp_path / "dust.toml"
    file.write_text(
        f'[device]\nid = "d"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n'
        f'[[dust]]\ndriver = "modbus-station"\nmodel = "renke"\nport = "{station.path}"\n'
    )
    found = {finding.what: finding for finding in doctor.findings(config.load(file), file)}
    assert found["sensor dust"].result == "fail"
    assert "modbus-station, model renke?unit=7&baud=9600" in found["sensor dust"].todo
    file.write_text(file.read_text().replace('"renke"', '"renke?unit=7&baud=9600"'))
    found = {finding.what: finding for finding in doctor.findings(config.load(file), file)}
    assert found["sensor dust"].result == "ok"


def test_two_stations_on_one_line_make_one_reading(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text(TWO)
    driver = ModbusStation(str(file))
    assert [query.hex(" ") for query in driver.queries()] == ["01 03 01 f4 00 10 04 08", "02 03 00 00 00 02 c4 38"]
    port = "simulated:?humidity=71&tsp=640"
    with open_sensor(
        "modbus-station", port, name="d", model=str(file), now=time.time, monotonic=time.monotonic
    ) as session:
        reading = session.read(20.0)
    assert reading is not None
    assert reading.values == {"humidity_percent": 71.0, "tsp_ug_m3": 640}


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("renke?adress=3", "'adress' cannot be set here; allowed: unit, baud, parity"),
        ("renke?unit=0", "Expected `int` >= 1"),
        ("renke?unit=three", "Expected `int`, got `str`"),
        ("renke?unit", "unit"),
    ],
)
def test_a_wrong_setting_after_the_map_s_name_is_refused(model: str, problem: str) -> None:
    with pytest.raises(BadSettingError, match=problem):
        ModbusStation(model)

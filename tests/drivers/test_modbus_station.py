"""Published frames, registers laid out by hand, and pymodbus's own client against the simulated station."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient

from drivers.errors import BadFrameError, BadSettingError, DeviceRefusedError
from drivers.modbus_station import ModbusStation
from drivers.simulated.device import SimulatedDevice
from drivers.simulated.modbus_station import SimulatedModbusStation
from drivers.simulated.profile import constant
from drivers.station_map import Layout, load, ready_maps

RENKE = "01032000150002000300870229ffcc02480023003c03f500013d52032c000c00000000caaf"


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "station.toml"
    path.write_text(f'title = "test"\n{text}')
    return str(path)


def test_the_renke_block_is_asked_for_at_once() -> None:
    driver = ModbusStation("renke")
    assert [query.hex(" ") for query in driver.queries()] == ["01 03 01 f4 00 10 04 08"]
    assert (driver.line.baud, driver.line.parity) == (4800, "N")


@pytest.mark.parametrize(
    ("register", "count", "query"), [(504, 5, "01 03 01 f8 00 05 05 c4"), (507, 2, "01 03 01 fb 00 02 b4 06")]
)
def test_the_read_width_is_a_setting(tmp_path: Path, register: int, count: int, query: str) -> None:
    block = f"read = [{{register = {register}, count = {count}}}]"
    driver = ModbusStation(written(tmp_path, f'{block}\n[[value]]\nname = "a"\nregister = {register}'))
    assert [each.hex(" ") for each in driver.queries()] == [query]


def test_renke_registers() -> None:
    """Registers 500 on: 21 2 3 135 553 -52 584 35 60 1013 81234(hi, lo) 812 12 0 0."""
    driver = ModbusStation()
    frame = bytes.fromhex(RENKE)
    assert driver.framer().feed(frame) == [frame]
    sample = driver.decode(frame, driver.queries()[0])
    assert sample is not None
    assert sample.values == {
        "wind_speed_m_s": 2.1, "wind_direction_deg": 135, "humidity_percent": 55.3, "temperature_c": -5.2,
        "noise_db": 58.4, "pm2_5_ug_m3": 35, "pm10_ug_m3": 60, "pressure_kpa": 101.3, "illuminance_lux": 81234,
        "rain_mm": 1.2,
    }  # fmt: skip


def test_the_boling_meter_is_asked_three_times() -> None:
    driver = ModbusStation("boling-tsp")
    queries = driver.queries()
    assert [query.hex(" ") for query in queries] == [
        "01 03 00 00 00 02 c4 0b",
        "01 03 00 02 00 02 65 cb",
        "01 03 00 04 00 02 85 ca",
    ]
    answers = ["01 03 04 00 00 13 88 f7 65", "01 03 04 00 00 00 42 7a 02", "01 03 04 00 00 00 35 3a 24"]
    values: dict[str, float] = {}
    for query, answer in zip(queries, answers, strict=True):
        frame = bytes.fromhex(answer)
        assert driver.framer().feed(frame) == [frame]
        sample = driver.decode(frame, query)
        assert sample is not None
        values |= sample.values
    assert values == {"tsp_ug_m3": 5000, "pm10_ug_m3": 66, "pm2_5_ug_m3": 53}


@pytest.mark.parametrize(("crc", "value"), [("07 d0 f9 9f", 2000), ("03 e8 fa 8d", 1000)])
def test_published_boling_answers(crc: str, value: int) -> None:
    driver = ModbusStation("boling-tsp")
    sample = driver.decode(bytes.fromhex("01 03 04 00 00" + crc), driver.queries()[0])
    assert sample is not None
    assert sample.values == {"tsp_ug_m3": value}


@pytest.mark.parametrize(
    ("order", "registers"),
    [
        ("", "40 48 f5 c3"),
        ('word_order = "low-first"', "f5 c3 40 48"),
        ('byte_order = "little"', "48 40 c3 f5"),
        ('byte_order = "little"\nword_order = "low-first"', "c3 f5 48 40"),
    ],
)
def test_byte_and_word_order(tmp_path: Path, order: str, registers: str) -> None:
    """3.14 as IEEE 754 is 40 48 F5 C3."""
    station = load(
        written(tmp_path, f'{order}\nread = [{{register = 0, count = 2}}]\n[[value]]\nname = "tsp_ug_m3"\n'
                'register = 0\ntype = "f32"')
    )  # fmt: skip
    data = bytes.fromhex(registers)
    words = [int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")]
    values = Layout(station, station.read[0]).read(data)
    assert values == {"tsp_ug_m3": pytest.approx(3.14, abs=1e-6)}
    assert station.registers(station.value[0], 3.14) == words


def test_calibrated_by_scale_and_offset(tmp_path: Path) -> None:
    """A span of 0.95 and a zero 3 too high: 200 on the wire is 187."""
    station = load(
        written(tmp_path, 'read = [{register = 7, count = 1}]\n[[value]]\nname = "pm10_ug_m3"\nregister = 7\n'
                "scale = 0.95\noffset = -3.0")
    )  # fmt: skip
    assert Layout(station, station.read[0]).read(bytes.fromhex("00c8")) == {"pm10_ug_m3": 187.0}
    assert station.registers(station.value[0], 187.0) == [200]


def test_an_echoed_request_is_no_answer() -> None:
    driver = ModbusStation("renke")
    framer = driver.framer()
    answer = bytes.fromhex(RENKE)
    assert framer.feed(driver.queries()[0] + answer) == [answer]


def test_refusals() -> None:
    driver = ModbusStation("renke")
    query = driver.queries()[0]
    with pytest.raises(DeviceRefusedError, match=r"registers 500 to 515 of unit 1 are refused: it has no such reg"):
        driver.decode(bytes.fromhex("018302c0f1"), query)
    with pytest.raises(BadFrameError, match="busy"):
        driver.decode(bytes.fromhex("018306c132"), query)


def test_an_answer_of_another_length_than_asked_for() -> None:
    driver = ModbusStation("renke")
    with pytest.raises(BadFrameError, match="4 bytes of registers that were not asked for"):
        driver.decode(bytes.fromhex("01 03 04 00 00 00 42 7a 02"), driver.queries()[0])


def test_the_simulated_station_satisfies_pymodbus() -> None:
    sensor = SimulatedModbusStation("renke", {"temperature": constant(-5.2), "wind_speed": constant(2.1)})
    device = SimulatedDevice(sensor)
    client = ModbusSerialClient(device.path, baudrate=4800, timeout=3)
    try:
        assert client.connect()
        answer = client.read_holding_registers(500, count=6, device_id=1)
        assert not answer.isError()
        assert answer.registers == [21, 0, 0, 135, 550, 65536 - 52]
        assert client.read_holding_registers(100, count=1, device_id=1).exception_code == 2
    finally:
        client.close()
        device.close()


def test_ready_maps_are_sound() -> None:
    assert sorted(ready_maps()) == ["boling-tsp", "renke"]
    for name in ready_maps():
        assert ModbusStation(name).queries()


BLOCK = "read = [{register = 0, count = 2}]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("read = []\nvalue = []", r"length >= 1 - at `\$.read`"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 2', r"value\[0\] \(a\): register 2 .* is in no .*read are 0 to 1"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 1\ntype = "u32"', "is in no"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 1\ntype = "u8"', r"Invalid enum value 'u8'.*value\[0\].type"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 1\nscael = 2', "unknown field `scael`"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 1\nscale = inf', r"<= 1e\+?9|<= 1000000000"),
        (BLOCK + 2 * '[[value]]\nname = "a"\nregister = 1\n', "name is used twice"),
        (BLOCK + '[[value]]\nname = "a"\nregister = 1\nrange = [5, 1]', "lower bound first"),
        ("read = [", "is not TOML"),
    ],
)  # fmt: skip
def test_bad_maps_name_the_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadSettingError, match=problem) as caught:
        ModbusStation(written(tmp_path, text))
    assert "station.toml" in str(caught.value)


def test_an_unknown_map_lists_the_ready_ones() -> None:
    with pytest.raises(BadSettingError, match=r"'renk'; allowed: boling-tsp, renke, or the path of a \.toml file"):
        ModbusStation("renk")

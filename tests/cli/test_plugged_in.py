"""``check`` names what is plugged in where the configured sensor does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.simulated.device import SimulatedDevice
from drivers.table import simulated_sensor
from edge_agent import config, doctor, doctor_sensors
from edge_agent.cli.main import main
from edge_agent.finding import Finding


@pytest.mark.slow
def test_another_sensor_than_configured_is_named(tmp_path: Path) -> None:
    device = SimulatedDevice(simulated_sensor("simulated:plantower?pm10=77"))
    file = tmp_path / "dust.toml"
    file.write_text(
        f'[device]\nid = "d"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n'
        f'[[dust]]\ndriver = "nova"\nport = "{device.path}"\n'
    )
    try:
        found = {finding.what: finding for finding in doctor.findings(config.load(file), file)}
    finally:
        device.close()
    assert found["sensor dust"].result == "fail"
    assert "bytes came but nothing that driver nova reads for 6 s" in found["sensor dust"].found
    assert "driver plantower, model PMS5003 or PMS7003" in found["sensor dust"].todo


def test_a_port_that_nobody_reads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = SimulatedDevice(simulated_sensor("simulated:nova?period_s=0.2"))
    monkeypatch.setattr("drivers.probe.serial_ports", lambda: [device.path])
    file = tmp_path / "dust.toml"
    file.write_text(
        f'[device]\nid = "d"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n'
        '[[dust]]\ndriver = "nova"\nport = "simulated:?period_s=0.1"\n'
    )
    try:
        found = {finding.what: finding for finding in doctor.findings(config.load(file), file)}
    finally:
        device.close()
    assert found[f"port {device.path}"].result == "warn"
    assert "driver nova, model SDS011, mode active" in found[f"port {device.path}"].found
    assert found["sensor dust"].result == "ok"


def report(tmp_path: Path, tables: str) -> list[Finding]:
    file = tmp_path / "dust.toml"
    file.write_text(f'[device]\nid = "d"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n{tables}')
    whole = config.load(file)
    return list(doctor_sensors.sensor(whole.dust[0], whole, file))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugged", "model", "configured", "problem", "named"),
    [
        (
            "modbus-station", "boling-tsp", 'driver = "modbus-station"\nmodel = "renke"',
            "registers 500 to 515 of unit 1 are refused", "driver modbus-station, model boling-tsp",
        ),
        (
            "nova", "SDS198", 'driver = "nova"',
            "what came in 6 s was no measurement of a SDS011: check the model", "driver nova, model SDS198",
        ),
    ],
    ids=["another station's map", "another model"],
)  # fmt: skip
def test_what_answers_in_its_stead_is_named(
    tmp_path: Path, plugged: str, model: str, configured: str, problem: str, named: str
) -> None:
    """A refusal ended the look, and another model was told as "nothing came: check power"."""
    device = SimulatedDevice(simulated_sensor(f"simulated:{plugged}", model))
    try:
        [finding] = report(tmp_path, f'[[dust]]\n{configured}\nport = "{device.path}"\n')
    finally:
        device.close()
    assert finding.result == "fail"
    assert problem in finding.found
    assert named in finding.todo


def test_what_the_sensor_cannot_give_to_those_that_need_it_is_told(tmp_path: Path) -> None:
    tables = """
[[dust]]
driver = "nova"
port = "simulated:?period_s=0.1&pm10=1200"
limits = [{ value_name = "tsp_ug_m3", value = 500 }]
[dust.quality]
humidity_correction = "kappa-koehler"
[[actuator]]
port = "simulated:"
value_name = "noise_db"
on_above = 90.0
off_below = 80.0
"""
    first, *others = report(tmp_path, tables)
    assert first.result == "ok"
    assert {finding.result for finding in others} == {"warn"}
    assert [finding.found.partition(",")[0] for finding in others] == [
        "flag T: pm10_ug_m3 1200 is outside 0 to 999.9",
        "a limit on tsp_ug_m3 is configured",
        "humidity_correction is set",
        "actuator fog goes by noise_db",
    ]


@pytest.mark.slow
def test_a_mark_that_was_forgotten_is_told(tmp_path: Path) -> None:
    tables = '[[dust]]\ndriver = "nova"\nport = "simulated:?period_s=0.1"\n'
    assert [finding.result for finding in report(tmp_path, tables)] == ["ok"]
    assert main(["mark", str(tmp_path / "dust.toml"), "M", "--reason", "filter changed"]) == 0
    _, forgotten = report(tmp_path, tables)
    assert forgotten.found.startswith("dust is marked M (filter changed) until ")
    assert forgotten.todo.endswith("dust.toml N --sensor dust")

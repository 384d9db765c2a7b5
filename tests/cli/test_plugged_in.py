"""``check`` names what is plugged in where the configured sensor does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.simulated.device import SimulatedDevice
from drivers.table import simulated_sensor
from edge_agent import config, doctor


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

"""A running gate tells the key that signs its evidence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge_agent.cli.main import main
from edge_agent.messages import HealthData, StatusData
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until

GATE = """
[device]
id = "gate-1"
site = "north"
kind = "gate"
data_dir = "{data}"
health_interval_s = 1

[[gate]]
line = [[0.02, 0.62], [0.98, 0.62]]

[gate.camera]
source = "{clip}"

[[mqtt]]
broker = "{broker}"
"""


@pytest.mark.slow
def test_the_key_stands_in_status_and_health_and_the_agent_keeps_it(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "device.toml"
    clip = Path("config/demo/gate.mp4").resolve()
    config.write_text(GATE.format(data=tmp_path / "data", clip=clip, broker=mosquitto.url))
    assert main(["verify", "--show-key", str(config)]) == 2
    assert "is not there yet" in capsys.readouterr().err
    command = [sys.executable, "-m", "edge_agent", "run", str(config)]
    with Receiver(mosquitto.url) as receiver, subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
        try:
            wait_until(lambda: bool(receiver.of("health")), 90, "its health")
        finally:
            agent.terminate()
            agent.wait(60)
    assert main(["verify", "--show-key", str(config)]) == 0
    key = capsys.readouterr().out.strip()
    assert len(key) == 64
    assert {msgspec.convert(m.data, HealthData).evidence["public_key"] for m in receiver.of("health")} == {key}
    statuses = [msgspec.convert(m.data, StatusData) for m in receiver.of("status")]
    assert {status.evidence_key for status in statuses if status.state == "online"} == {key}
    (tmp_path / "data/evidence.key").chmod(0o644)
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 2
    assert "chmod 600" in done.stderr

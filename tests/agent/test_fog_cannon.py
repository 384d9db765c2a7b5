"""A fog cannon behind a real agent process and a Modbus board: on in the dust, off however the agent ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulated.device import SimulatedDevice
from tests.agent.process import AgentProcess
from tests.drivers.coil_board import OFF, CoilBoard, plugged
from tests.house import wait_until

FOG = """
[[actuator]]
port = "modbus:{port}?unit=1&coil=0"
on_above = 150.0
off_below = 100.0
min_off_s = 0
"""
NO_BROKER = "mqtt://127.0.0.1:9"


@pytest.fixture
def board() -> Iterator[tuple[CoilBoard, SimulatedDevice]]:
    board, device = plugged()
    yield board, device
    device.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_off_however_the_agent_ends(
    board: tuple[CoilBoard, SimulatedDevice], tmp_path: Path, how: signal.Signals
) -> None:
    """SIGTERM switches it off; after SIGKILL the next start does, before anything is measured."""
    coil, device = board
    with AgentProcess(tmp_path, NO_BROKER) as agent:
        with agent.config.open("a") as config:
            config.write(FOG.format(port=device.path))
        agent.stop(signal.SIGKILL)
        agent.start()
        wait_until(lambda: coil.on, what="the coil on")
        agent.stop(how)
        assert coil.on is (how is signal.SIGKILL), "a coil keeps what it was told last"
        asked = len(coil.asked)
        agent.start()
        wait_until(lambda: len(coil.asked) > asked, what="the next start's first word")
        assert coil.asked[asked][1] == OFF
        wait_until(lambda: coil.on, what="the coil on again, for the dust is still there")
        agent.stop()
    assert not coil.on

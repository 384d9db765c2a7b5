"""systemd's watchdog is petted only while every thread gives signs and every source has data."""

from __future__ import annotations

import os
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.agent.agent import Agent
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.config import load
from tests.cli.test_main import FRAME
from tests.house import wait_until

POST = """
[device]
id = "post-1"
site = "north"
kind = "dust"
data_dir = "{data}"
last_resort_restart_s = 0.5
[[dust]]
driver = "plantower"
port = "{port}"
warm_up_s = 0
"""


class Ahead(Clock):
    """The machine's, moved on by hand."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What was said to systemd since it was last asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def read() -> list[str]:
            lines = []
            while True:
                try:
                    lines += systemd.recv(4096).decode().splitlines()
                except BlockingIOError:
                    return lines

        yield read


def test_a_silent_sensor_is_not_petted_over_and_a_talking_one_is(told: Callable[[], list[str]], tmp_path: Path) -> None:
    sensor, line = os.openpty()
    tty.setraw(sensor)
    file = tmp_path / "device.toml"
    file.write_text(POST.format(data=tmp_path / "data", port=os.ttyname(line)))
    agent = Agent(load(file), file)
    agent.start()

    def petted() -> bool:
        told()
        agent.tick()
        return "WATCHDOG=1" in told()

    def talking() -> bool:
        os.write(sensor, FRAME)
        return petted()

    try:
        assert any(line.startswith("STATUS=guarding by dust") for line in told())
        wait_until(lambda: not petted(), what="no pet for a silent sensor")
        wait_until(talking, what="a pet for a sensor that talks again")
    finally:
        agent.close()
        os.close(sensor)
        os.close(line)
    assert "STOPPING=1" in told()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_hangs_or_died_is_stuck_and_one_that_returned_is_not() -> None:
    clock, hold = Ahead(), threading.Event()

    class Death(BaseException):
        """What no handler of failures catches."""

    def dies(_: Worker) -> None:
        raise Death

    hanging, dead, done = (
        Worker(name, body, clock=clock)
        for name, body in (("hanging", lambda _: hold.wait()), ("dead", dies), ("done", lambda _: None))
    )
    for worker in (hanging, dead, done):
        worker.start()
    wait_until(lambda: not (dead.alive or done.alive))
    assert [worker.stuck for worker in (hanging, dead, done)] == [False, False, False]
    clock.ahead = 121.0
    assert [worker.stuck for worker in (hanging, dead, done)] == [True, True, False]
    hold.set()
    assert hanging.join(5.0)
    assert not hanging.stuck

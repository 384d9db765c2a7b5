"""``edge-agent run`` as a real process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.brokers import READY_WITHIN_S

DUST = """
[device]
id = "post-1"
site = "north"
kind = "dust"
data_dir = "{data}"
health_interval_s = 1

[[dust]]
driver = "plantower"
port = "{port}"
warm_up_s = 0
report_window_s = 1
limits = [{{ value_name = "pm10_ug_m3", value = 150, window_s = 2 }}]

[[mqtt]]
broker = "{broker}"
retry_max_s = 1
"""


class AgentProcess:
    """Started by ``start``; ``stop`` asks it to end and returns its exit code."""

    def __init__(self, folder: Path, broker: str, *, port: str = "simulated:?pm10=190") -> None:
        self.config = folder / "device.toml"
        self.data = folder / "data"
        self.log = folder / "agent.log"
        self.config.write_text(DUST.format(data=self.data, port=port, broker=broker))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> AgentProcess:
        """A new process on the same configuration and data."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "edge_agent", "run", str(self.config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def __enter__(self) -> AgentProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(READY_WITHIN_S)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signals it and waits."""
        assert self._process is not None
        self._process.send_signal(how)
        code = self._process.wait(READY_WITHIN_S)
        self._process = None
        return code

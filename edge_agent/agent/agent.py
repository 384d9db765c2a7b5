"""Assembles the parts from the configuration, one thread a source and one an uplink, and supervises them.

- What a decider returns is recorded before its thread goes on; while the outbox cannot commit, the thread waits and
  tries again every second, so nothing decided is lost while the process lives.
- A health message is recorded every ``health_interval_s``; a status message whenever the problems change.
- systemd is told READY when everything is assembled, and petted only while no thread is stuck and every live source
  had data within ``last_resort_restart_s``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent import __version__
from edge_agent.agent.machine import machine
from edge_agent.agent.sources import Source, dust_source, gate_source
from edge_agent.agent.systemd import notify
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.errors import OutboxError
from edge_agent.messages import Draft, HealthData, Message, StatusData
from edge_agent.outbox import Recorder, open_recorder
from edge_agent.uplink.mqtt import MqttUplink

log = logging.getLogger(__name__)

_TICK_S = 1.0
_STOP_WITHIN_S = 10.0


class Agent:
    """One device. ``watch`` is called with every message recorded, in the thread that recorded it."""

    def __init__(
        self, config: Config, *, clock: Clock | None = None, watch: Callable[[Message], None] | None = None
    ) -> None:
        self._config = config
        self._clock = clock or Clock()
        self._watch = watch
        self._started = self._clock.monotonic()
        self._problems: list[str] = []
        self.recorder: Recorder = open_recorder(config, self._clock)
        self.sources: list[Source] = [dust_source(s, self._clock, self.record) for s in config.dust]
        self.sources += [gate_source(s, self._clock, self.record) for s in config.gate]
        self.uplinks = [MqttUplink(s, config.device, self.recorder.outbox, self._clock) for s in config.mqtt]
        self._workers = [Worker(s.name, s.body, clock=self._clock) for s in self.sources]
        self._uplink_workers = [Worker(f"mqtt:{u.name}", u.run, clock=self._clock) for u in self.uplinks]
        self._own = Worker("agent", lambda _: None, clock=self._clock)

    def record(self, worker: Worker, draft: Draft) -> None:
        """Commits ``draft``; returns when it is durable or the worker was told to stop."""
        while True:
            try:
                message = self.recorder.record(draft)
            except OutboxError as error:
                worker.problem = str(error)
                log.error("%s: %s", worker.name, error)
                worker.beat()
                if worker.stop.wait(_TICK_S):
                    return
            else:
                if self._watch:
                    self._watch(message)
                return

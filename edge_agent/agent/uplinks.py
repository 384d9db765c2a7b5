"""The uplinks of a configuration: MQTT brokers, HJ 212 platforms, and the history those share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import msgspec

from edge_agent.config import Config
from edge_agent.config.dust import shortest_window_s
from edge_agent.messages import StatusData
from edge_agent.outbox import Outbox
from edge_agent.uplink.mqtt import MqttUplink


class Uplink(Protocol):
    """One destination's sender; ``run`` is the body of a thread."""

    name: str

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None: ...
    def wake(self) -> None: ...
    def state(self) -> Any: ...


def destinations(config: Config) -> dict[str, Collection[str] | None]:
    """What the outbox must serve, and the channels each takes."""
    served: dict[str, Collection[str] | None] = {section.name: None for section in config.mqtt}
    if config.hj212:
        from edge_agent.uplink import hj212

        served |= hj212.destinations(config.hj212)
    return served


class Uplinks:
    """All of them; ``close`` when their threads have ended."""

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        data_dir: Path,
        status: Callable[[], StatusData],
        on_command: Callable[[str, bytes], None],
    ) -> None:
        """Raises ConfigError for a key that cannot be used, UplinkError for a history that cannot."""
        self._brokers = [
            MqttUplink(section, config.device, outbox, status=status, on_command=on_command) for section in config.mqtt
        ]
        self.all: list[Uplink] = list(self._brokers)
        self._close: Callable[[], None] = lambda: None
        if config.hj212:
            from edge_agent.uplink.history import History, HistoryKeeper
            from edge_agent.uplink.hj212 import Hj212Uplink

            history = History(data_dir / "history.db", config.outbox.history_days)
            self._close = history.close
            self.all += [HistoryKeeper(history, outbox)]
            for platform in config.hj212:
                served = [s for s in config.dust if not platform.sensors or s.name in platform.sensors]
                windows_s = {shortest_window_s(sensor) for sensor in served}
                self.all.append(Hj212Uplink(platform, outbox, history, windows_s))

    def refresh_status(self) -> None:
        """What the device says of itself has changed."""
        for broker in self._brokers:
            broker.refresh_status()

    @property
    def connected(self) -> bool:
        """Whether anything can be sent now."""
        return any(getattr(uplink.state(), "connected", False) for uplink in self.all)

    def states(self) -> dict[str, Any]:
        """In plain values, by name."""
        return {uplink.name: msgspec.to_builtins(uplink.state()) for uplink in self.all}

    def problems(self) -> list[str]:
        """What keeps a destination from getting everything."""
        said = [(uplink.name, getattr(uplink.state(), "error", "")) for uplink in self.all]
        return [f"{name}: {error}" for name, error in said if error]

    def close(self) -> None:
        """After the threads."""
        self._close()

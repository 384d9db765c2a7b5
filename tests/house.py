"""Small things many tests need: a device's settings, drafts with known content, a receiver that keeps books."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import Device, Mqtt
from edge_agent.config import Outbox as Bounds
from edge_agent.errors import UplinkError
from edge_agent.evidence import EvidenceStore
from edge_agent.evidence.seal import KEY_FILE, Seal
from edge_agent.messages import Draft, DustData, HealthData, Message, Picture, StatusData, ViolationData
from edge_agent.outbox import Outbox, OutboxRecorder
from edge_agent.uplink.ledger import Ledger, UnreadableError, unpack
from edge_agent.uplink.mqtt import MqttUplink
from edge_agent.uplink.mqtt_connection import connect

DEVICE = Device(id="post-1", site="north", kind="gate")


def violation(n: int, time_s: float | None = None, pictures: tuple[bytes, ...] = ()) -> Draft:
    """A violation whose subject tells which it is."""
    when = time.time() if time_s is None else time_s
    return Draft(
        "violation",
        when,
        ViolationData(kind="muddy_truck", confidence=0.9),
        subject=f"v{n}",
        pictures=tuple(Picture("full", when, "image/jpeg", content, 4, 3) for content in pictures),
    )


def dust(n: int, time_s: float | None = None, size: int = 0) -> Draft:
    """Telemetry; ``size`` pads the sensor's name."""
    when = time.time() if time_s is None else time_s
    data = DustData(sensor="s" + "x" * size, start="2026-01-01T00:00:00.000Z", window_s=60.0, values={})
    return Draft("dust", when, data, subject=f"d{n}")


def health(n: int) -> Draft:
    """Telemetry of the lowest class."""
    data = HealthData(uptime_s=float(n), outbox={}, sources={}, uplinks={}, clock={}, machine={})
    return Draft("health", time.time(), data, subject=f"h{n}")


def seal_of(folder: Path, **settings: Any) -> Seal:
    """The device's seal, its key in ``folder``."""
    return Seal(DEVICE.site, DEVICE.id, folder / KEY_FILE, **settings)


@contextmanager
def opened(
    folder: Path,
    *,
    destinations: tuple[str, ...] = ("broker",),
    bounds: Bounds | None = None,
    clock: Clock | None = None,
    sealed: bool = False,
) -> Iterator[OutboxRecorder]:
    """A recorder on an outbox in ``folder``; closed in the end. ``sealed``: packs have manifests, by a key there."""
    folder.mkdir(parents=True, exist_ok=True)
    outbox = Outbox.open(
        folder / "outbox.db",
        device=DEVICE.id,
        destinations=dict.fromkeys(destinations),
        evidence=EvidenceStore(folder / "evidence", seal=seal_of(folder) if sealed else None),
        bounds=bounds or Bounds(free_disk_floor_mb=0, telemetry_commit_s=0.05),
        clock=clock,
    )
    try:
        yield OutboxRecorder(outbox, DEVICE.site)
    finally:
        outbox.close()


@contextmanager
def uplink(
    recorder: OutboxRecorder,
    url: str | list[str],
    on_command: Callable[[str, bytes], None] | None = None,
    status: Callable[[], StatusData] = lambda: StatusData(state="online"),
    **settings: object,
) -> Iterator[MqttUplink]:
    """A running uplink of ``recorder``'s outbox."""
    given = {"broker": url, "retry_max_s": 0.5, "backfill_per_s": 0.0, **settings}
    link = MqttUplink(msgspec.convert(given, Mqtt), DEVICE, recorder.outbox, status=status, on_command=on_command)
    stop = threading.Event()
    thread = threading.Thread(target=link.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield link
    finally:
        stop.set()
        link.wake()
        thread.join(20)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0, what: str = "") -> None:
    """Returns when ``condition`` holds; fails the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or condition}"
        time.sleep(0.01)


class Receiver:
    """A subscriber with a session of its own, in a thread; keeps the messages and a ledger."""

    def __init__(self, url: str, topic: str = "edge/v1/#", since: int | None = 1) -> None:
        self.ledger = Ledger(since)
        self.messages: list[tuple[str, Message]] = []
        self.ready = threading.Event()
        self._settings = msgspec.convert({"broker": url}, Mqtt)
        self._topic = topic
        self._client_id = f"receiver-{uuid.uuid4().hex[:8]}"
        self._stop = threading.Event()
        self._again = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        assert self.ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def reconnect(self) -> None:
        """Leaves, and takes up its session again."""
        self._again.set()

    def of(self, channel: str) -> list[Message]:
        """Messages of a channel in the order they came."""
        return [m for topic, m in list(self.messages) if topic.split("/")[4] == channel]

    def subjects(self, channel: str = "violation") -> list[str]:
        """Their subjects."""
        return [m.subject for m in self.of(channel)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._session()
            except UplinkError:
                self._stop.wait(0.05)

    def _session(self) -> None:
        connection = connect(self._settings.addresses[0], self._settings, self._client_id)
        connection.subscribe(self._topic)
        try:
            while not self._stop.is_set() and not self._again.is_set():
                came = connection.step(0.1 if self.ready.is_set() else 0.2).received
                self.ready.set()
                for topic, payload in came:
                    try:
                        self.ledger.update(payload, time.time())
                        self.messages += [(topic, message) for message in unpack(payload)]
                    except UnreadableError:
                        continue
        finally:
            self._again.clear()
            connection.abandon()

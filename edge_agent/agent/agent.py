"""Assembles the parts from the configuration, one thread a source and one an uplink, and supervises them.

- What a decider returns is recorded before its thread goes on; while the outbox cannot commit, the thread waits and
  tries again every second, so nothing decided is lost while the process lives.
- A health message is recorded every ``health_interval_s``; a changed list of problems goes out with the status at once.
- systemd is told READY when everything is assembled, and petted only while no thread is stuck and every source had
  data within ``last_resort_restart_s``; a source that is being reopened is not stuck.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import __version__
from edge_agent.agent import commands, marks
from edge_agent.agent.city import CityFiles
from edge_agent.agent.evidence import EvidenceKeeper
from edge_agent.agent.machine import give_back_memory, machine
from edge_agent.agent.position import Track
from edge_agent.agent.reviews import Reviews
from edge_agent.agent.site import Site
from edge_agent.agent.sources import Source, dust_source, gate_source, pole_source, position_source
from edge_agent.agent.systemd import notify
from edge_agent.agent.uplinks import Uplink, Uplinks, destinations
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.dust.city import CityAir
from edge_agent.errors import OutboxError
from edge_agent.messages import Draft, HealthData, Message, Priority, StatusData
from edge_agent.outbox import open_recorder

log = logging.getLogger(__name__)

_TICK_S = 1.0
_STOP_WITHIN_S = 10.0
_LAST_WORDS_S = 3.0


class Agent:
    """One device. ``file`` is where ``config`` was read.

    ``watch`` is called with every message recorded, in the thread that recorded it.
    Raises ConfigError or ModelError for what a person must change, OutboxError when the data folder cannot be used.
    """

    def __init__(
        self,
        config: Config,
        file: Path,
        *,
        clock: Clock | None = None,
        watch: Callable[[Message], None] | None = None,
    ) -> None:
        self._config = config
        self._clock = clock or Clock()
        self._watch = watch
        self._started = self._clock.monotonic()
        self._health_due = self._started
        # What brokers were told since the last look; each connection asks at a moment of its own.
        self._told: set[tuple[str, ...]] = {()}
        self._idle = threading.Event()
        self._data_dir = Path(config.device.data_dir)
        self._site = Site(config, file, self._clock)
        self._dust = [dust_source(section, file, self._clock, self.record, self._data_dir) for section in config.dust]
        self._track = Track(config.position.stale_s) if config.position else None
        sources: list[Source] = list(self._dust)
        if config.position and self._track:
            sources.append(position_source(config.position, self._track, self._clock, self.record))
        if config.gate or config.pole:
            give_back_memory()
        sources += [gate_source(section, config.device, self._clock, self.record) for section in config.gate]
        sources += [
            pole_source(pole, file, config.device, self._clock, self.record, self._data_dir) for pole in config.pole
        ]
        tellers = (source.tell_city_air for source in self._dust)
        self._city = CityFiles(zip((section.city_file for section in config.dust), tellers, strict=True))
        self._recorder = open_recorder(config, destinations(config), self._clock)
        self._outbox = self._recorder.outbox
        self._evidence = EvidenceKeeper(config, self._recorder)
        self._reviews = Reviews(config, file, self._recorder, self._clock)
        self._commands = {
            "city-air": commands.city_air(self._tell_city_air),
            "evidence": self._evidence.command,
            "mark": marks.handler([section.name for section in config.dust], self._data_dir, self._clock.time),
            "review": self._reviews.handler(self._record_now),
        }
        self._links = Uplinks(config, self._outbox, self._data_dir, self.status, self._command)
        self._sources = [(source, Worker(source.name, source.body, clock=self._clock)) for source in sources]
        self._uplinks = [(each, Worker(each.name, _body(each), clock=self._clock)) for each in self._links.all]

    def run(self, stop: threading.Event) -> None:
        """Guards until ``stop`` is set, or until every source was a recording that ended and was sent."""
        self.start()
        try:
            while not stop.is_set() and not (self.finished and self.sent):
                self.tick()
                stop.wait(_TICK_S)
        finally:
            self.close()

    def start(self) -> None:
        """Starts every thread."""
        for _, worker in [*self._uplinks, *self._sources]:
            worker.start()
        sources, uplinks = (
            ", ".join(each.name for each, _ in pairs) or "nothing" for pairs in (self._sources, self._uplinks)
        )
        said = f"guarding by {sources}; sending to {uplinks}"
        log.info("%s; data in %s", said, self._data_dir)
        notify("READY=1", f"STATUS={said}")

    @property
    def ended(self) -> list[str]:
        """The sources that were recordings and are over, by name."""
        return [source.name for source, worker in self._sources if source.finished and not worker.alive]

    @property
    def finished(self) -> bool:
        """Whether every source was a recording, and is over."""
        return bool(self._sources) and len(self.ended) == len(self._sources)

    @property
    def sent(self) -> bool:
        """Whether nothing waits to be acknowledged."""
        return not self._uplinks or self._outbox.depth().messages == 0

    def tick(self) -> None:
        """What the supervisor does about once a second."""
        now = self._clock.monotonic()
        stuck = [worker.name for worker in self._workers if worker.stuck]
        starved = [source.name for source, worker in self._sources if worker.alive and self._starved(source, now)]
        if not (stuck or starved):
            notify("WATCHDOG=1")
        self._city.poll(now)
        self._evidence.poll(now)
        for draft in self._site.tick(self._clock.time()):
            self._try_record(draft)
        problems = tuple(self.problems())
        if self._told - {problems}:
            self._told = {problems}
            self._links.refresh_status()
        if now >= self._health_due:
            self._health_due = now + self._config.device.health_interval_s
            self._try_record(Draft("health", self._clock.time(), self.health()))

    def stop_sources(self) -> int:
        """Stops the sources, which close what they have open; the last sequence that was recorded."""
        _stop(worker for _, worker in self._sources)
        for draft in self._site.close(self._clock.time()):
            self._try_record(draft)
        self._outbox.flush()
        return max(self._outbox.newest(priority) for priority in Priority)

    def drain(self, within_s: float) -> bool:
        """Waits while an uplink is connected and something is unacknowledged; whether all was acknowledged in time."""
        deadline = self._clock.monotonic() + within_s
        while not self.sent and self._links.connected and self._clock.monotonic() < deadline:
            self._idle.wait(0.05)
        return self.sent

    def close(self) -> None:
        """Stops the sources, gives the uplinks a moment to send what is left and say goodbye, closes the outbox."""
        notify("STOPPING=1")
        try:
            self.stop_sources()
        except OutboxError as error:
            log.error("the last telemetry could not be committed: %s", error)
        self.drain(_LAST_WORDS_S)
        for uplink, worker in self._uplinks:
            worker.stop.set()
            uplink.wake()
        _stop(worker for _, worker in self._uplinks)
        self._links.close()
        self._reviews.close()
        self._outbox.close()

    def record(self, worker: Worker, draft: Draft) -> None:
        """Commits ``draft`` and what follows from it; returns when it is durable or the worker was told to stop."""
        draft = self._reviews.raised(self._track.placed(draft) if self._track else draft)
        while True:
            try:
                message = self._recorder.record(draft)
                break
            except OutboxError as error:
                if worker.problem != str(error):
                    log.error("%s: %s", worker.name, error)
                worker.problem = str(error)
                worker.beat()
                if worker.stop.wait(_TICK_S):
                    return
        self._reviews.remember(message, draft)
        if self._watch:
            self._watch(message)
        for following in self._site.update(draft, message.id):
            self.record(worker, following)

    def problems(self) -> list[str]:
        """Sentences a person can act on."""
        ill = [f"{worker.name}: {worker.problem}" for worker in self._workers if worker.problem]
        stuck = [f"{worker.name}: gave no sign of life" for worker in self._workers if worker.stuck]
        parts = (self._site, self._city, self._outbox, self._evidence, self._reviews, self._links)
        seen = [f"{source.name}: {problem}" for source, _ in self._sources for problem in source.problems()]
        return [*ill, *stuck, *seen, *(problem for part in parts for problem in part.problems())]

    def status(self) -> StatusData:
        """What the uplinks publish, retained."""
        problems = self.problems()
        self._told.add(tuple(problems))
        return StatusData(
            state="online",
            version=__version__,
            kind=self._config.device.kind,
            problems=problems,
            evidence_key=self._evidence.public_key,
        )

    def health(self) -> HealthData:
        """What a maintainer wants to know before driving there."""
        seen = self.snapshot()
        trust = self._clock.trust()
        return HealthData(
            uptime_s=round(self._clock.monotonic() - self._started, 1),
            outbox=seen["outbox"],
            sources=seen["sources"],
            uplinks=seen["uplinks"],
            clock={"trusted": trust.trusted, "error_s": trust.error_s if trust.trusted else None},
            machine=machine(self._data_dir),
            evidence=self._evidence.state(),
        )

    def snapshot(self) -> dict[str, Any]:
        """Sources, uplinks and outbox as they are now, in plain values."""
        return {
            "sources": {s.name: {"problem": w.problem, "restarts": w.restarts, **s.state()} for s, w in self._sources},
            "uplinks": self._links.states(),
            "outbox": msgspec.to_builtins(self._outbox.depth()),
        }

    @property
    def _workers(self) -> list[Worker]:
        return [worker for _, worker in [*self._sources, *self._uplinks]]

    def _starved(self, source: Source, now: float) -> bool:
        since = source.last_item if source.last_item is not None else self._started
        return now - since > self._config.device.last_resort_restart_s

    def _command(self, name: str, payload: bytes) -> None:
        self._try_record(Draft("ack", self._clock.time(), commands.answer(name, payload, self._commands), subject=name))

    def _tell_city_air(self, air: CityAir) -> None:
        for source in self._dust:
            source.tell_city_air(air)

    def _record_now(self, draft: Draft) -> None:
        message = self._recorder.record(draft)
        if self._watch:
            self._watch(message)
        for following in self._site.update(draft, message.id):
            self._try_record(following)

    def _try_record(self, draft: Draft) -> None:
        try:
            self._recorder.record(draft)
        except OutboxError as error:
            log.warning("%s could not be recorded: %s", draft.channel, error)


def _body(uplink: Uplink) -> Callable[[Worker], None]:
    return lambda worker: uplink.run(worker.stop, worker.beat)


def _stop(workers: Iterable[Worker]) -> None:
    waiting = list(workers)
    for worker in waiting:
        worker.stop.set()
    for worker in waiting:
        if not worker.join(_STOP_WITHIN_S):
            log.warning("%s did not stop within %.0f s", worker.name, _STOP_WITHIN_S)

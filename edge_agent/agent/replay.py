"""Replays a recording through the very deciders a live run uses; only the driver and the recorder differ.

The same recording gives the same messages: times come from the recording (``start`` plus position), ids from device,
boot ``replay`` and sequence, and nothing is sent, kept or looked up on the network.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import BadRecordingError, EndOfRecording
from drivers.identify import identify, reads
from drivers.table import names, open_camera, open_recording
from edge_agent import config
from edge_agent.agent.city import read_city
from edge_agent.agent.sources import Decider, Device, dust_decider, gate_decider, pole_decider
from edge_agent.errors import ConfigError
from edge_agent.events.cases import Cases
from edge_agent.messages import Message, ViolationData
from edge_agent.outbox import ReplayRecorder

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".ts", ".h264", ".webm"})


class Replay:
    """One recording under one configuration; iterate once, then ask for the ``summary``."""

    def __init__(self, source: Path, whole: config.Config, file: Path, *, start: float, driver: str = "") -> None:
        """Raises BadRecordingError for a recording that cannot be read, ConfigError where nothing fits it."""
        if not source.exists():
            raise BadRecordingError(f"{source} does not exist; name a video, a folder of pictures, or sensor bytes")
        self._recorder = ReplayRecorder(whole.device.site, whole.device.id)
        self._cases = Cases(whole, file)
        first, last = whole.events.serials if whole.events else (1, 1)
        self._serials = itertools.cycle(range(first, last + 1))
        self._items = 0
        self._lost: dict[str, int] = {}
        self._messages: Counter[str] = Counter()
        self._violations: Counter[str] = Counter()
        self._open: Callable[[], Device[Any]]
        self._decider: Decider[Any]
        if source.is_dir() or source.suffix.lower() in VIDEOS:
            self._what = "frames"
            self._pictures(source, whole, file, start)
        else:
            self._what = "readings"
            self._bytes(source, whole, file, start, driver)

    def __iter__(self) -> Iterator[Message]:
        device = self._open()
        try:
            while True:
                item = device.read(1.0)
                if item is not None:
                    self._items += 1
                    yield from map(self._record, self._decider.update(item))
        except EndOfRecording:
            pass
        finally:
            device.close()
            if self._what == "readings":
                self._lost = {name: getattr(device, name, 0) for name in ("rejected", "skipped")}
        yield from map(self._record, self._decider.finish())

    def summary(self) -> dict[str, Any]:
        """What was read, what came of it, and what the decider counted.

        Of sensor bytes also how many frames were ``rejected`` and how many bytes ``skipped`` that belonged to none.
        """
        return {
            self._what: self._items,
            **self._lost,
            "messages": dict(self._messages),
            "violations": dict(self._violations),
            **{name: value for name, value in self._decider.state().items() if name not in ("following", "violations")},
        }

    def _record(self, draft: Any) -> Message:
        if isinstance(draft.data, ViolationData):
            raised = self._cases.raised(draft.data, draft.time, lambda: next(self._serials))
            draft = dataclasses.replace(draft, data=raised)
        message = self._recorder.record(draft)
        self._messages[draft.channel] += 1
        if draft.channel == "violation":
            self._violations[draft.data.kind] += 1
        return message

    def _pictures(self, source: Path, whole: config.Config, file: Path, start: float) -> None:
        if not (whole.gate or whole.pole):
            problem = f"is missing, and {source} is a camera's recording; add a [[gate]] or a [[pole]] table"
            raise ConfigError(file, "gate", problem)
        section = whole.gate[0] if whole.gate else whole.pole[0]
        self._decider = (
            gate_decider(whole.gate[0], whole.device) if whole.gate else pole_decider(whole.pole[0], file, whole.device)
        )
        self._open = lambda: open_camera(
            source,
            name=section.camera.name,
            frames_per_s=section.camera.frames_per_s,
            policy="every",
            now=lambda: start,
            monotonic=time.monotonic,
            start=start,
        )

    def _bytes(self, source: Path, whole: config.Config, file: Path, start: float, driver: str) -> None:
        section = whole.dust[0] if whole.dust else config.DustSensor(driver=driver, port=str(source))
        if driver and driver != section.driver:
            section = msgspec.structs.replace(section, driver=driver, model="")
        elif not driver:
            made_by, model = _made_by(source, section)
            section = msgspec.structs.replace(section, driver=made_by, model=model)
        section = msgspec.structs.replace(section, publish_readings=True)
        self._decider = dust_decider(section, file)
        for air in read_city(section.city_file) if section.city_file else ():
            self._decider.city(air)
        self._open = lambda: open_recording(
            section.driver,
            source,
            name=section.name,
            model=section.model,
            start=start,
            interval_s=section.interval_s,
        )


def _made_by(source: Path, section: config.DustSensor) -> tuple[str, str]:
    """The configured driver and model if they read the recording, else those that read most of it."""
    if section.driver and reads(source, section.driver, section.model):
        return section.driver, section.model
    matches = identify(source)
    if not matches:
        known = f"holds no frame of any driver ({', '.join(names())})"
        todo = f"a video's name ends in {', '.join(sorted(VIDEOS))}, and pictures are replayed by their folder"
        raise BadRecordingError(f"{source} {known}; {todo}")
    return matches[0].driver, matches[0].model

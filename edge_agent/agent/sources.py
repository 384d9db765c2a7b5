"""The sources: one thread each reads a device, hands what it read to its decider, and records what that returns.

A source's body opens its device and returns only at the end of a recording; whatever breaks is raised, and its worker
opens it again. The decider outlives the device, so a window or a passage survives an unplugged cable.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from drivers.errors import EndOfRecording
from drivers.table import driver_of
from edge_agent import config
from edge_agent.agent.devices import check_receiver, open_dust, open_live_camera, open_receiver
from edge_agent.agent.marks import MarkFile, said
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.dust.city import CityAir
from edge_agent.errors import ModelError
from edge_agent.messages import Draft

if TYPE_CHECKING:
    from drivers.frames import Frame
    from drivers.readings import Reading
    from edge_agent.agent.darkroom import Darkroom
    from edge_agent.agent.memory import RememberingWatch
    from edge_agent.agent.pole import RememberingPole
    from edge_agent.agent.position import Track
    from edge_agent.dust.watch import DustWatch
    from edge_agent.vision.state import StateClassifier

log = logging.getLogger(__name__)

Record = Callable[[Worker, Draft], None]

_READ_TIMEOUT_S = 1.0
_MOST_CITY_AIR = 100
_TICK_LATE_S = 2.0


Item = TypeVar("Item")
_Item_co = TypeVar("_Item_co", covariant=True)
_Item_contra = TypeVar("_Item_contra", contravariant=True)


class Device(Protocol[_Item_co]):
    """What a driver opens."""

    def read(self, timeout_s: float) -> _Item_co | None: ...
    def close(self) -> None: ...


class Decider(Protocol[_Item_contra]):
    """What the deciding floor offers a source."""

    def update(self, item: _Item_contra, /) -> list[Draft]: ...
    def finish(self) -> list[Draft]: ...
    def state(self) -> dict[str, Any]: ...


class Source:
    """A device and what decides over it; ``describe`` says of an item what health and the live view show.

    ``finished``: it was a recording, and has ended. ``last_item``: monotonic time of the last reading or frame.
    """

    def __init__(
        self,
        name: str,
        open_device: Callable[[], Device[Item]],
        decider: Decider[Item],
        describe: Callable[[Item], dict[str, Any]],
        record: Record,
        clock: Clock,
    ) -> None:
        self.name = name
        self.finished = False
        self.last_item: float | None = None
        self._clock = clock
        self._open = open_device
        self._decider: Decider[Any] = decider
        self._describe: Callable[[Any], dict[str, Any]] = describe
        self._record = record
        self._items = 0
        self._last: Any = None

    def body(self, worker: Worker) -> None:
        """Reads until stopped or until the recording ends; time goes on deciding while the device cannot be opened."""
        for draft in self._between():
            self._record(worker, draft)
        device = self._open()
        try:
            while not worker.stop.is_set():
                item = device.read(_READ_TIMEOUT_S)
                drafts = self._between()
                if item is not None:
                    worker.well()
                    self._items += 1
                    self._last, self.last_item = item, self._clock.monotonic()
                    drafts += self._decider.update(item)
                for draft in drafts:
                    self._record(worker, draft)
        except EndOfRecording:
            self.finished = True
        finally:
            device.close()
        for draft in self._decider.finish():
            self._record(worker, draft)

    def _between(self) -> list[Draft]:
        """What is decided between two items, and each time before the device is opened."""
        return []

    def problems(self) -> list[str]:
        """What the decider finds a person should see to."""
        return []

    def state(self) -> dict[str, Any]:
        """How many items came, the last one, and what the decider counts."""
        last = self._describe(self._last) if self._last is not None else {}
        return {"items": self._items, **last, **self._decider.state()}


class DustSource(Source):
    """A dust sensor: time alone closes its windows; the city's air and a person's mark change what is judged."""

    def __init__(self, *args: Any, watch: RememberingWatch, marks: MarkFile) -> None:
        super().__init__(*args)
        self._watch = watch
        self._marks = marks
        self._city_air: deque[CityAir] = deque(maxlen=_MOST_CITY_AIR)

    def tell_city_air(self, air: CityAir) -> None:
        """Hands the city's word to the decider, in the source's own thread."""
        self._city_air.append(air)

    def problems(self) -> list[str]:
        """The mark that holds now: while it does, nothing is judged."""
        mark = self._marks.mark
        return [said(self.name, mark)] if mark and mark.holds(self._clock.time()) else []

    def _between(self) -> list[Draft]:
        if self._marks.poll(self._clock.monotonic()):
            self._watch.mark(self._marks.mark)
        drafts = self._watch.tick(self._clock.time() - _TICK_LATE_S)
        while self._city_air:
            drafts += self._watch.city(self._city_air.popleft())
        return drafts


class GateSource(Source):
    """A gate's camera: when it is away for long, what was seen until then is decided, not kept for its return."""

    def __init__(self, *args: Any, room: Darkroom) -> None:
        from edge_agent.vision.tracker import MOST_BLIND_S

        super().__init__(*args)
        self._away_s = MOST_BLIND_S
        self._room = room
        self._told: float | None = None

    def _between(self) -> list[Draft]:
        last = self.last_item
        if last is None or last == self._told or self._clock.monotonic() - last <= self._away_s:
            return []
        self._told = last
        return self._room.away()


class PoleSource(Source):
    """A parking pole's camera, whose watch notices when it was moved."""

    def __init__(self, *args: Any, watch: RememberingPole) -> None:
        super().__init__(*args)
        self._pole = watch

    def problems(self) -> list[str]:
        """See ``PoleWatch.problems``."""
        return self._pole.problems()


class PositionSource(Source):
    """The satellite receiver of a device that moves."""

    def __init__(self, *args: Any, track: Track) -> None:
        super().__init__(*args)
        self._track = track

    def problems(self) -> list[str]:
        """See ``Track.problems``."""
        return self._track.problems()


def dust_decider(section: config.DustSensor, file: Path) -> DustWatch:
    """What decides over a dust sensor; imports no vision. Raises ConfigError."""
    from edge_agent.config.limits import limits_of
    from edge_agent.dust.watch import DustWatch

    return DustWatch(section, limits_of(section, file))


def gate_decider(section: config.Gate, device: config.Device, clock: Clock | None = None) -> Darkroom:
    """What decides over a gate's camera and makes its pictures; without a clock, for a recording. Raises ModelError."""
    from edge_agent.agent.darkroom import Darkroom
    from edge_agent.gate.watch import GateWatch

    watch = GateWatch(section, state=gate_classifier(section, Path(device.data_dir)))
    place = clock.place if clock else None
    blur = section.pictures.blur
    return Darkroom(watch, device, blur=blur, place=place, coming=watch.coming, away=watch.away)


def gate_classifier(section: config.Gate, data_dir: Path) -> StateClassifier:
    """The gate's classifier with its camera's correction; one that does not fit is left away and said."""
    from edge_agent.vision import adaptation
    from edge_agent.vision.state import StateClassifier

    classifier = StateClassifier.load(section.state)
    try:
        adaptation.apply(data_dir, section.camera.name, classifier)
    except ModelError as error:
        log.error("the shipped head judges: %s", error)
    return classifier


def pole_decider(section: config.Pole, file: Path, device: config.Device) -> Darkroom:
    """What decides over a recording of a pole's camera and makes its pictures. Raises ModelError, ConfigError."""
    from edge_agent.agent.darkroom import Darkroom
    from edge_agent.agent.pole import pole_watch

    return Darkroom(pole_watch(section, file), device)


def dust_source(section: config.DustSensor, file: Path, clock: Clock, record: Record, data_dir: Path) -> DustSource:
    """A dust sensor, whose watch has its memory in ``data_dir``.

    Raises UnknownDriverError, BadSettingError, ConfigError.
    """
    from edge_agent.agent.memory import RememberingWatch

    driver_of(section.driver, section.model).check_mode(section.mode)

    def describe(reading: Reading) -> dict[str, Any]:
        values = {name: round(value, 2) for name, value in reading.values.items()}
        return {"last_time": reading.time, "quality": str(reading.quality), "reason": reading.reason, "values": values}

    watch = RememberingWatch(dust_decider(section, file), data_dir / f"{section.name}.watch")
    marks = MarkFile(data_dir / f"{section.name}.mark")
    return DustSource(
        section.name, lambda: open_dust(section, clock), watch, describe, record, clock, watch=watch, marks=marks
    )


def position_source(section: config.Position, track: Track, clock: Clock, record: Record) -> PositionSource:
    """The receiver whose fixes ``track`` gets. Raises UnknownDriverError, BadSettingError."""
    check_receiver(section)

    def describe(reading: Reading) -> dict[str, Any]:
        values = {name: round(value, 6) for name, value in reading.values.items()}
        return {"last_time": reading.time, "quality": str(reading.quality), "reason": reading.reason, "values": values}

    return PositionSource(
        "position", lambda: open_receiver(section, clock), track, describe, record, clock, track=track
    )


def gate_source(section: config.Gate, device: config.Device, clock: Clock, record: Record) -> Source:
    """A gate's camera; recordings are played at the pace they were made. Raises ModelError."""
    camera = section.camera
    room = gate_decider(section, device, clock)
    return GateSource(
        camera.name, lambda: open_live_camera(camera, clock), room, _describe_frame, record, clock, room=room
    )


def pole_source(
    section: config.Pole, file: Path, device: config.Device, clock: Clock, record: Record, data_dir: Path
) -> Source:
    """A parking pole's camera, whose watch has its memory in ``data_dir``. Raises ModelError, ConfigError."""
    from edge_agent.agent.darkroom import Darkroom
    from edge_agent.agent.pole import RememberingPole, pole_watch

    camera = section.camera
    watch = RememberingPole(pole_watch(section, file), data_dir / f"{camera.name}.watch")
    room = Darkroom(watch, device, place=clock.place)
    return PoleSource(
        camera.name, lambda: open_live_camera(camera, clock), room, _describe_frame, record, clock, watch=watch
    )


def _describe_frame(frame: Frame) -> dict[str, Any]:
    return {"last_time": frame.time}

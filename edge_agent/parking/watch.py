"""All that is decided over one pole's camera: bays, stays, vehicles that stand where none may.

Pure and deterministic: the same frames give the same drafts, live and replayed. Work follows change: a bay is looked at
while something moves in it, until 3 s after, and while it is about to change, every 4 s where that takes more than
20 s; each of them every ``recheck_s``. At most 50 are looked at in one frame, those that have waited longest, so a
frame's cost is bounded. Vehicles that stand still cost no more than telling that nothing moves. The end of a recording
ends no stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol

import msgspec

from drivers.frames import Frame
from edge_agent.config.parking import Pole
from edge_agent.messages.envelope import Draft, Picture, rfc3339
from edge_agent.messages.parking import BayData, BayRow
from edge_agent.parking.ground import Vehicle, vehicles
from edge_agent.parking.occupancy import BayMemory, Change, Occupancy, count
from edge_agent.parking.shots import Shots, blame
from edge_agent.parking.stays import Event, StayMemory, Stays
from edge_agent.parking.surroundings import Surroundings
from edge_agent.parking.view import Registers, View
from edge_agent.parking.where import Where
from edge_agent.parking.witness import Look, look, standing
from edge_agent.parking.zones import Stander, Zones
from edge_agent.vision.bay import BayClassifier
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.detector import Detector
from edge_agent.vision.motion import MotionGate
from edge_agent.vision.network import Image

_VEHICLES = frozenset({"truck", "bus", "car", "other_vehicle"})
_SETTLE_S = 3.0
_SOON_S, _WAITING_EVERY_S = 20.0, 4.0
_MOST_AT_ONCE = 50
_STOOD_S = 15.0
_ZONE_EVERY_S = 3.0
_MUCH = 0.3
_SLACK_S = 0.01
_CLOCK_STEP_S = 60.0
_GAP_S = 20.0
_CLOCK_STEP_FRAMES = 3
_CAMERA = Look("unknown", 1.0, "camera")


class Judges(Protocol):
    """What ``BayClassifier`` offers."""

    def judge(self, image: Image, polygons: list[list[tuple[float, float]]], /) -> list[float]: ...


class Detects(Protocol):
    """What ``Detector`` offers."""

    def detect(self, image: Image, /) -> list[Detection]: ...


class PoleMemory(msgspec.Struct, kw_only=True):
    """What must survive a restart."""

    bays: dict[str, BayMemory] = {}
    stays: StayMemory = msgspec.field(default_factory=StayMemory)
    standers: list[Stander] = []


class PoleWatch:
    """``update`` for each frame, ``finish`` to end; ``state`` tells what is seen."""

    def __init__(
        self,
        section: Pole,
        *,
        reference: Image | None = None,
        detector: Detects | None = None,
        classifier: Judges | None = None,
        registration: Registers | None = None,
    ) -> None:
        """Models are loaded by the names in ``section`` unless given. Raises ModelError."""
        self._section = section
        self._name = section.camera.name
        self._detector = detector or Detector.load(section.detector)
        self._classifier = classifier or BayClassifier.load(section.classifier)
        polygons = [bay.polygon for bay in section.bay]
        self._drawn_zones = [zone.polygon for zone in section.zone]
        self._view = View([*polygons, *self._drawn_zones], reference, registration)
        self._where = Where(self._view.polygons)
        self._motion = MotionGate()
        self._occupancy = Occupancy(section)
        self._stays = Stays(self._name, [bay.id for bay in section.bay])
        self._shots = Shots(polygons)
        self._surroundings = Surroundings(polygons)
        self._zones = Zones(self._name, section.zone)
        self._seen: list[Vehicle] = []
        self._moved: dict[int, float] = {}
        self._stood: dict[int, tuple[float, Vehicle]] = {}
        self._began: float | None = None
        self._told = float("-inf")
        self._last_look = self._time = float("-inf")
        self._looked = [float("-inf")] * self._size
        self._interval_s = 0.0
        self._index = 0
        self._count = dict.fromkeys(("frames", "looks", "patches", "changes", "stays", "ended", "violations"), 0)

    def update(self, frame: Frame) -> list[Draft]:
        """Takes one frame in."""
        self._keep_time(frame)
        time, image = frame.time, frame.image
        self._count["frames"] += 1
        self._began = time if self._began is None else self._began
        moving, much = self._move(time, image)
        told = self._view.update(time, image, much)
        if told:
            self._where = Where(self._view.polygons)
            self._shots.place(self._bays)
            self._surroundings.place(self._bays)
            self._renew()
            self._occupancy.stir(time, range(self._size))
        self._shots.update(time, image, [n for n in moving if n < self._size], self._changing())
        self._occupancy.hold(time, self._moved)
        drafts = self._look(time, image)
        return self._tell(time, drafts, complete=told)

    def finish(self) -> list[Draft]:
        """The end of a recording: all bays once more; who stands in them has not left."""
        return [self._message(self._time, range(self._size), complete=True)] if self._count["frames"] else []

    def state(self) -> dict[str, Any]:
        """Counts, and the section as it is now."""
        bays = self._occupancy.bays
        counts = {name: count(bays, name) for name in ("free", "occupied", "unknown")}
        return {**self._count, **counts, "open": len(self._stays.open()), "view": self._view.state}

    def problems(self) -> list[str]:
        """What a person should see to."""
        return [self._view.problem] if self._view.problem else []

    def memory(self) -> PoleMemory:
        """What must survive a restart."""
        return PoleMemory(bays=self._occupancy.memory(), stays=self._stays.memory(), standers=self._zones.memory())

    def recall(self, memory: PoleMemory) -> None:
        """As it was; before the first frame."""
        self._occupancy.recall(memory.bays)
        self._stays.recall(memory.stays)
        self._zones.recall(memory.standers)

    @property
    def _size(self) -> int:
        return len(self._section.bay)

    @property
    def _bays(self) -> list[list[tuple[float, float]]]:
        return self._view.polygons[: self._size]

    def _keep_time(self, frame: Frame) -> None:
        """A clock that was set while the camera went on is followed: what is remembered moves to the new time."""
        elapsed = frame.time - self._time
        set_forward = elapsed > _CLOCK_STEP_S and 0 < frame.index - self._index <= _CLOCK_STEP_FRAMES
        usual = self._interval_s < _CLOCK_STEP_S / 10
        if self._count["frames"] and (elapsed < 0 or (set_forward and usual)):
            by_s = elapsed - self._interval_s
            for part in (self._occupancy, self._stays, self._zones, self._shots, self._surroundings, self._view):
                part.shift(by_s)
            self._moved = {bay: time + by_s for bay, time in self._moved.items()}
            self._stood = {bay: (at + by_s, vehicle) for bay, (at, vehicle) in self._stood.items()}
            self._began = None if self._began is None else self._began + by_s
            self._told += by_s
            self._last_look += by_s
            self._looked = [looked + by_s for looked in self._looked]
        elif elapsed > max(_GAP_S, 3 * self._interval_s):
            self._renew()
            self._occupancy.stir(frame.time, range(self._size))
        if elapsed < _CLOCK_STEP_S:
            self._interval_s = max(0.0, elapsed)
        self._time, self._index = frame.time, frame.index

    def _renew(self) -> None:
        """What was known may no longer hold: all bays are looked at again."""
        self._occupancy.doubt()
        self._looked = [float("-inf")] * self._size

    def _move(self, time: float, image: Image) -> tuple[set[int], bool]:
        """In which bays and zones something moves now, and whether much of the picture changed."""
        motion = self._motion.update(image)
        if motion.anew:
            self._renew()
            return set(), True
        points = self._motion.points
        moving: set[int] = set()
        if motion.moved and points is not None:
            moving = self._where.moving(points)
            self._occupancy.stir(time, [bay for bay in moving if bay < self._size])
        self._moved = {bay: at for bay, at in self._moved.items() if time - at <= _SETTLE_S}
        self._moved.update(dict.fromkeys(moving, time))
        return moving, motion.share > _MUCH

    def _changing(self) -> list[int]:
        return list(self._occupancy.open())

    def _look(self, time: float, image: Image) -> list[Draft]:
        if time - self._last_look < 1 / self._section.looks_per_s - _SLACK_S:
            return []
        if self._view.state == "lost":
            self._last_look = time
            return self._changed(time, image, self._occupancy.update(time, dict.fromkeys(range(self._size), _CAMERA)))
        due = self._due(time)
        in_zone = any(number >= self._size for number in self._moved)
        waited_s = time - self._last_look
        zones_due = self._zones.busy and waited_s >= _ZONE_EVERY_S - _SLACK_S
        if not (due or in_zone or zones_due or waited_s >= self._section.recheck_s - _SLACK_S):
            return []
        self._last_look = time
        for number in due:
            self._looked[number] = time
        self._count["looks"] += 1
        self._count["patches"] += len(due)
        height, width = image.shape[:2]
        found = [d for d in self._detector.detect(image) if d.label in _VEHICLES]
        self._seen = vehicles(found, width, height)
        polygons = self._bays
        chances = dict(zip(due, self._classifier.judge(image, [polygons[n] for n in due]), strict=True)) if due else {}
        stands = standing(polygons, self._seen)
        looks = self._doubted(image, look(polygons, chances, self._seen, stands))
        changes = self._occupancy.update(time, looks)
        self._surroundings.keep(time, image, [n for n in due if looks[n].sure and self._occupancy.bays[n].agreed])
        self._stood = {bay: (at, vehicle) for bay, (at, vehicle) in self._stood.items() if time - at <= _STOOD_S}
        self._stood.update({bay: (time, self._seen[each.vehicle]) for bay, each in stands.items()})
        labels = {bay: vehicle.label for bay, (_, vehicle) in self._stood.items()}
        certain = {n: self._occupancy.bays[n].evident_since for n in due if self._occupancy.bays[n].certain}
        events = self._stays.update(time, changes, stands, labels, certain)
        return [
            *self._changed(time, image, changes, events),
            *self._stand(time, image),
        ]

    def _doubted(self, image: Image, looks: dict[int, Look]) -> dict[int, Look]:
        """Marks sure looks that contradict what a bay was when last known, where much around it changed too."""
        for number, seen in looks.items():
            last = self._occupancy.bays[number].contradicted(seen.vote) if seen.sure else None
            if last is not None and not self._surroundings.alike(number, last, image):
                looks[number] = seen._replace(doubted=True)
        return looks

    def _due(self, time: float) -> list[int]:
        """Bays to be looked at now: something moves, a change is near, or it is long ago; the longest first."""
        seldom = time - _WAITING_EVERY_S + _SLACK_S
        waiting = self._occupancy.open().items()
        near = {*self._moved, *(n for n, since in waiting if time - since <= _SOON_S or self._looked[n] <= seldom)}
        latest = time - self._section.recheck_s + _SLACK_S
        due = [n for n, looked in enumerate(self._looked) if n in near or looked <= latest]
        return sorted(sorted(due, key=lambda n: self._looked[n])[:_MOST_AT_ONCE])

    def _stand(self, time: float, image: Image) -> list[Draft]:
        height, width = image.shape[:2]

        def shoot(role: str, box: Box) -> Picture:
            moving = [
                (x1 / width, y1 / height, x2 / width, y2 / height)
                for x1, y1, x2, y2 in self._motion.upright((height, width))
            ]
            return blame(role, time, image, box, self._seen, moving)

        polygons = self._view.polygons[self._size :]
        drafts = self._zones.update(time, self._seen, polygons, shoot)
        self._count["violations"] += len(drafts)
        return drafts

    def _changed(
        self, time: float, image: Image, changes: Collection[Change], events: Iterable[Event] | None = None
    ) -> list[Draft]:
        if events is None:
            events = self._stays.update(time, list(changes))
        self._count["changes"] += len(changes)
        drafts = []
        if changes and self._told > float("-inf"):
            drafts.append(self._message(time, [change.bay for change in changes], complete=False))
        for event in events:
            began = event.data.phase == "began"
            self._count["stays" if began else "ended"] += 1
            box = self._stood[event.bay][1].box if event.bay in self._stood else None
            pictures = (
                self._shots.came(event.bay, event.time, time, image, box)
                if began
                else self._shots.left(event.bay, event.time, time, image)
            )
            drafts.append(Draft("stay", time, event.data, subject=event.data.stay, pictures=pictures))
        return drafts

    def _tell(self, time: float, drafts: list[Draft], *, complete: bool) -> list[Draft]:
        """Adds the message with all bays where it is due; the first once every bay was told from another."""
        assert self._began is not None
        if self._told == float("-inf"):
            waited = time - self._began >= self._section.unknown_after_s
            complete = waited or (bool(self._count["looks"]) and not self._occupancy.open())
        elif time - self._told >= self._section.confirm_every_s - _SLACK_S:
            complete = True
        elif not complete:
            return drafts
        if not complete or not self._size:
            return drafts
        self._told = time
        rest = [draft for draft in drafts if draft.channel != "bay"]
        return [self._message(time, range(self._size), complete=True), *rest]

    def _message(self, time: float, numbers: Iterable[int], *, complete: bool) -> Draft:
        bays = self._occupancy.bays
        rows = [
            BayRow(
                id=self._section.bay[n].id,
                kind=self._section.bay[n].kind,
                state=bays[n].state,
                since=rfc3339(bays[n].since or time),
                confidence=bays[n].confidence,
                reason=bays[n].reason if bays[n].state == "unknown" else "",
            )
            for n in numbers
        ]
        data = BayData(
            section=self._name,
            complete=complete,
            free=count(bays, "free"),
            occupied=count(bays, "occupied"),
            unknown=count(bays, "unknown"),
            view=self._view.state,
            bays=rows,
        )
        return Draft("bay", time, data, subject=self._name)

"""All that is decided over one gate's camera: motion, detections, tracks, passages, verdicts, violations.

Pure and deterministic: the same frames give the same drafts, live and replayed. Looking costs only when there is
something to see: the detector runs at most ``detect_per_s`` times a second while something moves or a moving truck is
followed, every ``recheck_s`` seconds otherwise; a truck's state is judged in a few frames of its passage.
"""

from __future__ import annotations

from typing import Any

from drivers.frames import Frame
from edge_agent.config.gate import Gate
from edge_agent.errors import ModelError
from edge_agent.gate.album import Album
from edge_agent.gate.passage import Passage, Passages
from edge_agent.gate.ring import Ring, Scenery
from edge_agent.gate.rules import broken
from edge_agent.gate.spillage import SpillWatch
from edge_agent.gate.verdict import join
from edge_agent.gate.wash import WashBay
from edge_agent.messages.envelope import Draft, Picture, rfc3339
from edge_agent.messages.gate import PassageData, ViolationData
from edge_agent.vision.detections import Box, Track
from edge_agent.vision.detector import Detector
from edge_agent.vision.motion import MotionGate
from edge_agent.vision.network import Image
from edge_agent.vision.state import StateClassifier, quality
from edge_agent.vision.tracker import MOST_BLIND_S, Tracker, at_edge, distance

TRUCK = "truck"
_WHEEL = "wheel"
_FOLLOWED = frozenset({"truck", "bus", "car", "other_vehicle"})
_AFTER_MOTION_S = 1.5
_WARM_UP_FRAMES = 3
_LOOK_EVERY_S = 0.8
_LOOK_STILL_S = 20.0
_MOST_LOOKS = 24
_LEAST_SIDE_PX = 48
_SLACK_S = 0.01
_CLOCK_STEP_S = 60.0
_CLOCK_STEP_FRAMES = 3


def detector_of(section: Gate) -> Detector:
    """The section's detector. Raises ModelError, also where it cannot tell what is to be taken for a truck."""
    detector = Detector.load(section.detector)
    head = detector.card.head
    classes = head.classes if head else []
    for name in section.trucks:
        if name not in classes or name == _WHEEL:
            allowed = ", ".join(each for each in classes if each != _WHEEL)
            raise ModelError(f"trucks: {section.detector} knows no {name!r}; allowed: {allowed}")
    return detector


class GateWatch:
    """``update`` for each frame, ``finish`` to end; ``state`` tells what is seen."""

    def __init__(self, section: Gate, detector: Detector | None = None, state: StateClassifier | None = None) -> None:
        """Models are loaded by the names in ``section`` unless given. Raises ModelError."""
        self._section = section
        self._detector = detector or detector_of(section)
        self._classifier = state or StateClassifier.load(section.state)
        self._motion = MotionGate()
        self._tracker = Tracker(section.lost_after_s)
        self._passages = Passages(section)
        self._wash = WashBay(section.wash) if section.wash else None
        self._spills = SpillWatch(section.spillage, section.trucks) if section.spillage else None
        kept = section.pictures
        self._ring = Ring(kept.clip_before_s, kept.clip_after_s, kept.clip_memory_mb * 1_000_000)
        self._albums: dict[int, Album] = {}
        self._coming: dict[int, tuple[Picture, ...]] = {}
        self._tracks: list[Track] = []
        self._next_detection = float("-inf")
        self._last_detection = float("-inf")
        self._last_motion = float("-inf")
        self._time = float("-inf")
        self._interval_s = 0.0
        self._index = 0
        self._count = {"frames": 0, "detections": 0, "looks": 0, "tracks": 0, "passages": 0, "violations": 0}

    def update(self, frame: Frame) -> list[Draft]:
        """Takes one frame in."""
        drafts = self.away() if self._keep_time(frame) > MOST_BLIND_S else []
        self._count["frames"] += 1
        if self._motion.update(frame.image).moved:
            self._last_motion = frame.time
        return [*drafts, *(self._detected(frame) if self._due(frame.time) else []), *self._spilt(frame)]

    def _detected(self, frame: Frame) -> list[Draft]:
        self._last_detection = frame.time
        self._next_detection = max(self._next_detection, frame.time - 1 / self._section.detect_per_s)
        self._next_detection += 1 / self._section.detect_per_s
        self._count["detections"] += 1
        height, width = frame.image.shape[:2]
        size = (height, width)
        detected = self._detector.detect(frame.image)
        found = [d for d in detected if d.label in _FOLLOWED]
        self._tracks = self._tracker.update(frame.time, found, size)
        scenery = Scenery(self._tracker.boxes(frame.time), self._motion.upright(size))
        if scenery.vehicles:
            self._ring.add(frame.time, frame.image, scenery)
        wheels = tuple(d.box for d in detected if d.label == _WHEEL)
        for track in self._tracks:
            if track.seen == frame.time and track.label in self._section.trucks:
                self._look(track, frame, wheels, scenery)
        if self._wash:
            self._wash.update(frame.time, self._tracks, size)
        ended = self._passages.update(frame.time, self._tracks, size)
        self._mark(frame.time, size)
        drafts = [draft for passage in ended for draft in self._ended(passage)]
        self._forget()
        return drafts

    def _spilt(self, frame: Frame) -> list[Draft]:
        if self._spills is None or not self._spills.due(frame.time):
            return []
        size = (frame.image.shape[0], frame.image.shape[1])
        scenery = Scenery(self._tracker.boxes(frame.time), self._motion.upright(size))
        drafts = self._spills.update(frame.time, frame.image, self._tracks, scenery)
        self._count["violations"] += len(drafts)
        return drafts

    def finish(self) -> list[Draft]:
        """The end of a recording: passages that go on are closed as they are."""
        drafts = [draft for passage in self._passages.finish() for draft in self._ended(passage)]
        if self._spills:
            drafts += self._spills.finish()
        self._forget()
        return drafts

    def away(self) -> list[Draft]:
        """The camera gives nothing for more than ``MOST_BLIND_S``: passages end as they are, but of who stood still."""
        self._tracks = self._tracker.away()
        ended = self._passages.keep({track.id for track in self._tracks})
        drafts = [draft for passage in ended for draft in self._ended(passage)]
        self._forget()
        return drafts

    def coming(self) -> list[tuple[Picture, ...]]:
        """Clips that are complete and will be those of violations, as far as can be told before their trucks are gone.

        To be begun with in time; a clip is the same in the draft that follows.
        """
        return list(self._coming.values())

    def state(self) -> dict[str, Any]:
        """Counts (``tracks``: trucks that are gone), and what is followed now."""
        following = [
            {"id": t.id, "label": t.label, "score": round(t.score, 3), "box": [round(v) for v in t.box]}
            for t in self._tracks
        ]
        return {**self._count, "following": following}

    def _keep_time(self, frame: Frame) -> float:
        """The time since the last frame. A clock that was set meanwhile is followed: what is remembered moves along."""
        elapsed = frame.time - self._time
        set_forward = elapsed > _CLOCK_STEP_S and 0 < frame.index - self._index <= _CLOCK_STEP_FRAMES
        if self._count["frames"] and (elapsed < 0 or set_forward):
            by_s = elapsed - self._interval_s
            self._tracker.shift(by_s)
            self._passages.shift(by_s)
            for album in self._albums.values():
                album.shift(by_s)
            if self._wash:
                self._wash.shift(by_s)
            if self._spills:
                self._spills.shift(by_s)
            self._ring.shift(by_s)
            self._coming.clear()
            self._next_detection += by_s
            self._last_detection += by_s
            self._last_motion += by_s
            elapsed = self._interval_s
        self._interval_s = min(elapsed, 1.0)
        self._time, self._index = frame.time, frame.index
        return elapsed

    def _due(self, time: float) -> bool:
        if self._count["frames"] <= _WARM_UP_FRAMES:
            return True
        if time - self._last_detection >= self._section.recheck_s - _SLACK_S:
            return True
        if time < self._next_detection - _SLACK_S:
            return False
        follows = self._tracker.candidates > 0 or any(not track.still for track in self._tracks)
        return follows or time - self._last_motion <= _AFTER_MOTION_S

    def _mark(self, time: float, size: tuple[int, int]) -> None:
        """What crossed the line may have to be shown crossing it."""
        boxes = self._tracker.boxes(time)
        unseen = [track for track in self._tracks if track.seen < time]
        left = {each.id for each in unseen if at_edge(each.box, size) or at_edge(boxes[each.id], size)}
        for passage in self._passages.open():
            number = passage.number
            if passage.crossings:
                self._ring.mark(number, passage.crossings[-1])
            self._ring.left(number, time if number in left else None)
            if not self._ring.complete(number, time):
                self._coming.pop(number, None)
            elif number not in self._coming and self._is_truck(passage) and passage.direction:
                clip = self._ring.clip(number)
                if clip and broken(passage, self._data(passage), self._section):
                    self._coming[number] = clip

    def _look(self, track: Track, frame: Frame, wheels: tuple[Box, ...], scenery: Scenery) -> None:
        album = self._albums.setdefault(track.id, Album())
        x1, y1, x2, y2 = track.box
        if min(x2 - x1, y2 - y1) < _LEAST_SIDE_PX:
            return
        if len(album.seen) >= _MOST_LOOKS and not self._better(album, track, frame.image):
            return
        if album.views:
            newest = album.views[-1]
            wait_s = _LOOK_STILL_S if distance(newest.box, track.box) < 0.05 else _LOOK_EVERY_S
            if frame.time - newest.seen.time < wait_s - _SLACK_S:
                return
        self._count["looks"] += 1
        judgement = self._classifier.judge(frame.image, track.box)
        album.add(frame.time, frame.image, track.box, judgement, wheels, scenery.besides(track.id))

    @staticmethod
    def _better(album: Album, track: Track, image: Image) -> bool:
        return quality(image, track.box) > min(view.seen.judgement.quality for view in album.views)

    def _ended(self, passage: Passage) -> list[Draft]:
        if not self._is_truck(passage):
            return []
        self._count["tracks"] += 1
        return self._judged(passage) if passage.direction else []

    def _is_truck(self, passage: Passage) -> bool:
        return passage.label in self._section.trucks and passage.score >= self._section.min_score

    def _data(self, passage: Passage) -> PassageData:
        album = self._albums.get(passage.number, Album())
        section = self._section
        return PassageData(
            passage=f"{section.camera.name}-{rfc3339(passage.start)}-{passage.number}",
            camera=section.camera.name,
            direction=passage.direction or "standing",
            label=TRUCK,
            start=rfc3339(passage.start),
            end=rfc3339(passage.end),
            frames=passage.frames,
            load=join(album.seen, "load", section.min_load_confidence),
            wheels=join(album.seen, "wheels", section.min_wheels_confidence),
            wash_dwell_s=self._wash.dwell_s(passage.number) if self._wash else None,
        )

    def _judged(self, passage: Passage) -> list[Draft]:
        album = self._albums.get(passage.number, Album())
        section, data = self._section, self._data(passage)
        shots, clip = self._ring.shots(passage.number), self._ring.clip(passage.number)
        self._count["passages"] += 1
        if self._spills:
            self._spills.passed(passage.number, data)
        drafts = [Draft("passage", passage.end, data, subject=data.passage)]
        for kind, confidence, of, limit in broken(passage, data, section):
            self._count["violations"] += 1
            violation = ViolationData(kind=kind, confidence=confidence, limit=limit, passage=data)
            state = {"load": data.load.state, "wheels": data.wheels.state}.get(of, "")
            pictures = album.prove(of, state, section.evidence_pictures, passage.number, shots)
            drafts.append(
                Draft("violation", passage.end, violation, subject=data.passage, pictures=pictures, clip=clip)
            )
        return drafts

    def _forget(self) -> None:
        going_on = {passage.number for passage in self._passages.open()}
        self._albums = {number: album for number, album in self._albums.items() if number in going_on}
        self._coming = {number: clip for number, clip in self._coming.items() if number in going_on}
        self._ring.keep(going_on)
        if self._wash:
            self._wash.keep(going_on)

"""Material that lies on the road after a truck and did not before it: one violation a spill.

Twice a second the watched zone is looked at. Each point has its settled look (what the road is) and its present one,
with the seconds for which that has been at rest. What changes without a truck (the sun, water that dries, litter) is
settled again once it has been at rest for ``confirm_s``. Where a truck drove, the settled look stays until nine tenths
of that ground have been seen at rest for ``confirm_s``; then both are compared (`road`), and what was found is taken
into the settled look, so that it is told once. What a truck left lies there when it leaves the place: what came more
than 2 s later is a person, or something else's doing. All that is found at once is one spill, and what lies there is
known until the zone looks again as it did before. While vehicles hide the ground nothing is decided; after 10 minutes
without a decision, and in the dark, nothing is said.

The truck named is the last one before which the material did not lie there and that drove over the place; none is
where the ground was hidden between two trucks, unless one of them is a part of the other that was taken for a truck.
At most two uncompressed pictures are held, to have one of before. A violation shows the zone before, the truck over it,
the zone after (three full views) and a close crop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config.gate import Spillage
from edge_agent.gate.ring import Scenery
from edge_agent.gate.road import Mask, Patch, Road, View, brightness, level, share_of
from edge_agent.messages.envelope import Draft, Picture, rfc3339
from edge_agent.messages.gate import PassageData, SpillageData, ViolationData
from edge_agent.vision.blur import hidden_in
from edge_agent.vision.detections import Box, Track
from edge_agent.vision.jpeg import taken
from edge_agent.vision.network import Image
from edge_agent.vision.tracker import inside

_LOOK_S = 0.5
_SLACK_S = 0.01
_MOST_STEP_S = 2.0
_LEAST_MOVE = 0.07
_NOISE_FACTOR = 6.0
_LEARN = 0.15
_READY_SHARE = 0.9
_ENTERED_SHARE = 0.02
_DARK = 3.3
_MOST_WAIT_S = 600.0
_AWAIT_PASSAGE_S = 120.0
_BEFORE_S = 2.0
_MOST_TRUCKS = 8
_MOST_OPEN = 8
_MOST_PASSAGES = 16
_QUALITY = 88
_CROP_MARGIN = 0.5
_NOBODY = -1
_PART = 0.4
_LEFT_S = 2.0


@dataclass(slots=True)
class _Truck:
    """One that drove over the zone: what the zone looked like before it (where ``known``), and what it drove over.

    ``free_s``: since it left each point; ``left``: how those looked that were ``seen`` within 2 s of that.
    ``part``: when it came into the zone its box lay in another's, as of a truck that is found twice.
    """

    number: int
    time: float
    look: View
    known: Mask
    picture: Picture | None
    under: Mask
    part: bool
    free_s: NDArray[np.float32]
    left: View
    seen: Mask
    passing: Picture | None = None
    most: int = 0


@dataclass(slots=True)
class _Open:
    """A spill that was told: the zone as it was before it."""

    mask: Mask
    before: View
    time: float


@dataclass(slots=True)
class _Found:
    """A spill whose truck's passage may still go on."""

    time: float
    draft: Draft
    suspects: tuple[_Truck, ...]


@dataclass(slots=True)
class _Ground:
    """What is known of each point of the zone."""

    settled: View
    known: Mask
    now: View
    rest_s: NDArray[np.float32]
    unsure: Mask
    since: float = 0.0
    quiet_s: float = 0.0


@dataclass(slots=True)
class _Held:
    """The newest pictures in which nothing hid the zone."""

    pictures: list[tuple[float, Image, tuple[Box, ...]]] = field(default_factory=list)

    def add(self, time: float, image: Image, hide: tuple[Box, ...]) -> None:
        if not self.pictures or time - self.pictures[-1][0] >= _BEFORE_S:
            self.pictures = [*self.pictures[-1:], (time, image, hide)]

    def before(self) -> Picture | None:
        if not self.pictures:
            return None
        time, image, hide = self.pictures[0]
        return taken("full", time, image, _QUALITY, hide)


class SpillWatch:
    """``update`` with the frames for which it is ``due``; ``passed`` tells it of each passage that ended."""

    def __init__(self, section: Spillage, trucks: Collection[str]) -> None:
        self._section = section
        self._labels = frozenset(trucks)
        self._road: Road | None = None
        self._ground: _Ground | None = None
        self._trucks: list[_Truck] = []
        self._open: list[_Open] = []
        self._found: list[_Found] = []
        self._passages: dict[int, PassageData] = {}
        self._held = _Held()
        self._looked = float("-inf")
        self._cleaned = float("-inf")

    def due(self, time: float) -> bool:
        """Whether it wants to look at a frame of this time."""
        return time - self._looked >= _LOOK_S - _SLACK_S

    def update(self, time: float, image: Image, tracks: Sequence[Track], scenery: Scenery) -> list[Draft]:
        """Takes one frame in, with the tracks known by then; gives the violations that are ready to be told."""
        step_s = min(time - self._looked, _MOST_STEP_S)
        self._looked = time
        self._look(time, step_s, image, tracks, scenery)
        return self._told(time, {track.id for track in tracks})

    def passed(self, number: int, data: PassageData) -> None:
        """The passage of the track with this id ended."""
        self._passages[number] = data
        for oldest in list(self._passages)[:-_MOST_PASSAGES]:
            del self._passages[oldest]

    def finish(self) -> list[Draft]:
        """What was found and waits for its passage."""
        return self._told(float("inf"), set())

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self._looked += by_s
        self._cleaned += by_s
        self._held.pictures.clear()
        if self._ground:
            self._ground.since += by_s
        for truck in self._trucks:
            truck.time += by_s
        for spill in self._open:
            spill.time += by_s
        for found in self._found:
            found.time += by_s

    def _look(self, time: float, step_s: float, image: Image, tracks: Sequence[Track], scenery: Scenery) -> None:
        size = (image.shape[0], image.shape[1])
        if self._road is None or self._road.size != size:
            self._begin(Road(self._section.zone, size))
        assert self._road is not None
        road, view = self._road, self._road.view(image)
        if float(np.median(brightness(view)[road.mask])) < _DARK:
            self._ground = None
            self._trucks.clear()
            return
        if self._ground is None:
            shape = road.shape
            self._ground = _Ground(
                settled=view,
                known=np.zeros(shape, bool),
                now=view.copy(),
                rest_s=np.zeros(shape, np.float32),
                unsure=np.zeros(shape, bool),
            )
        ground = self._ground
        boxes: list[Box] = [track.box for track in tracks]
        hidden = road.under(boxes)
        ground.quiet_s += step_s
        for track in tracks:
            if track.label in self._labels:
                self._drove(time, image, track, scenery, road, ground)
        if not hidden.any():
            self._held.add(time, image, scenery.besides(_NOBODY))
        self._follow(view, hidden, step_s, road, ground)
        for truck in self._trucks:
            truck.free_s += np.float32(step_s)
            fresh = (truck.free_s <= _LEFT_S) & ~hidden
            np.copyto(truck.left, view, where=fresh[..., None])
            truck.seen |= fresh
        if self._trucks:
            self._decide(time, step_s, image, hidden, scenery, road, ground)
        else:
            rests = (ground.rest_s >= self._section.confirm_s) & ~hidden
            np.copyto(ground.settled, ground.now, where=rests[..., None])
            ground.known |= rests
            self._clean(time, road, ground)

    def _begin(self, road: Road) -> None:
        self._road, self._ground = road, None
        self._trucks.clear()
        self._open.clear()
        self._held.pictures.clear()

    def _drove(self, time: float, image: Image, track: Track, scenery: Scenery, road: Road, ground: _Ground) -> None:
        under = road.under([track.box])
        share = int(under.sum())
        truck = next((each for each in self._trucks if each.number == track.id), None)
        if truck is None:
            if share < _ENTERED_SHARE * road.area:
                return
            ground.since = ground.since if self._trucks else time
            known = ground.rest_s >= _LOOK_S
            others = [box for number, box in scenery.vehicles.items() if number != track.id]
            part = any(inside(track.box, box) >= _PART for box in others)
            look, picture = ground.now.copy(), self._held.before()
            away, nothing = np.full(road.shape, np.inf, np.float32), np.zeros(road.shape, bool)
            truck = _Truck(
                track.id, time, look, known, picture, nothing.copy(), part, away, look.copy(), nothing.copy()
            )
            self._trucks = [*self._trucks[1 - _MOST_TRUCKS :], truck]
        if not share:
            return
        truck.under |= under
        ground.unsure |= under
        ground.quiet_s = 0.0
        ground.rest_s[under] = 0.0
        truck.free_s[under] = 0.0
        truck.seen[under] = False
        if share > 1.2 * truck.most:
            truck.most, truck.passing = share, taken("full", time, image, _QUALITY, scenery.besides(track.id))

    @staticmethod
    def _follow(view: View, hidden: Mask, step_s: float, road: Road, ground: _Ground) -> None:
        """Takes the present look over where it is seen; what moved begins to rest anew."""
        seen = road.mask & ~hidden
        if not seen.any():
            return
        step = brightness(view) - brightness(ground.now)
        offset = float(np.median(step[seen]))
        away = np.abs(step - offset)
        noise = float(np.median(away[seen]))
        apart = ((away > max(_LEAST_MOVE, _NOISE_FACTOR * noise)) & seen).astype(np.uint8)
        moved = cv2.morphologyEx(apart, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
        ground.now += np.float32(offset)
        rests = seen & ~moved
        ground.now += (view - ground.now) * (np.float32(_LEARN) * rests[..., None])
        np.copyto(ground.now, view, where=moved[..., None])
        ground.rest_s[moved] = 0.0
        ground.rest_s[rests] += np.float32(step_s)

    def _decide(
        self, time: float, step_s: float, image: Image, hidden: Mask, scenery: Scenery, road: Road, ground: _Ground
    ) -> None:
        rests = (ground.rest_s >= self._section.confirm_s - _SLACK_S) & road.mask & ~hidden
        waited = ground.quiet_s >= self._section.confirm_s + 2 * step_s - _SLACK_S
        ready = waited and int((rests & ground.unsure).sum()) >= _READY_SHARE * int(ground.unsure.sum())
        if ready:
            found = road.material(ground.settled, ground.now, rests & ground.known, self._section.min_share)
            new = [patch for patch in found if self._new(patch) and self._suspects(patch, ground) is not None]
            if new:
                self._judge(time, image, road.joined(new), scenery, ground)
        if ready or time - ground.since > _MOST_WAIT_S:
            np.copyto(ground.settled, ground.now, where=rests[..., None])
            ground.known = rests if not ready else ground.known | rests
            ground.unsure[:] = False
            self._trucks.clear()

    def _new(self, patch: Patch) -> bool:
        """Whether a truck drove over it and it is not told yet."""
        driven = any(share_of(truck.under, patch.mask) >= 0.5 for truck in self._trucks)
        return driven and not any(share_of(spill.mask, patch.mask) > 0.3 for spill in self._open)

    def _judge(self, time: float, image: Image, patch: Patch, scenery: Scenery, ground: _Ground) -> None:
        around = cv2.dilate(patch.mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        under = [truck for truck in self._trucks if share_of(truck.under, patch.mask) >= 0.5]
        suspects = self._suspects(patch, ground) or ()
        under = under or self._trucks
        before, blamed = under[0].picture, suspects[-1] if suspects else under[-1]
        appeared = time - float(np.median(ground.rest_s[patch.mask]))
        data = ViolationData(
            kind="spillage",
            confidence=patch.confidence,
            spillage=SpillageData(
                share_of_zone=patch.share,
                box=patch.box,
                before=rfc3339(before.time if before else under[0].time),
                trucks=sum(not truck.part for truck in self._trucks),
            ),
            start=rfc3339(appeared),
        )
        after = taken("full", time, image, _QUALITY, scenery.besides(_NOBODY))
        shown = (before, blamed.passing, after, _crop(after, image, patch.box))
        pictures = tuple(picture for picture in shown if picture)
        self._found.append(_Found(time, Draft("violation", time, data, pictures=pictures), suspects))
        self._open = [*self._open[1 - _MOST_OPEN :], _Open(around, ground.settled.copy(), time)]

    def _suspects(self, patch: Patch, ground: _Ground) -> tuple[_Truck, ...] | None:
        """The last truck before which the material was not there, and those after it before which nobody saw.

        None where the road was still bare when the last that could have left it there had left: it came otherwise.
        """
        was, lies = level(ground.settled), level(ground.now)

        def bare(view: View, where: Mask) -> bool | None:
            """Whether ``view`` is nearer to what was than to what lies there; None where too little was seen."""
            seen = where & patch.mask
            if share_of(where, patch.mask) < 0.5:
                return None
            looks = level(view)
            return bool(np.abs(looks - was)[seen].mean() < np.abs(looks - lies)[seen].mean())

        suspects: list[_Truck] = []
        for truck in reversed(self._trucks):
            if bare(truck.left, truck.seen):
                if not suspects:
                    return None
                break
            before = bare(truck.look, truck.known)
            if before is False:
                suspects.clear()
                continue
            suspects.append(truck)
            if before:
                break
        return tuple(truck for truck in suspects if share_of(truck.under, patch.mask) >= 0.5)

    def _clean(self, time: float, road: Road, ground: _Ground) -> None:
        """Forgets spills that are gone: the zone looks as it did before them."""
        if not self._open or time - self._cleaned < self._section.confirm_s:
            return
        self._cleaned = time
        kept = []
        for spill in self._open:
            there = road.material(spill.before, ground.settled, road.mask & ground.known, self._section.min_share / 4)
            if any((patch.mask & spill.mask).any() for patch in there):
                kept.append(spill)
        self._open = kept

    def _blamed(self, suspects: Sequence[_Truck]) -> PassageData | None:
        """The only one with a passage, if all others are parts of trucks."""
        known = [truck for truck in suspects if truck.number in self._passages]
        alone = len(known) == 1 and all(truck.part for truck in suspects if truck is not known[0])
        return self._passages[known[0].number] if alone else None

    def _told(self, time: float, following: set[int]) -> list[Draft]:
        drafts, waiting = [], []
        for found in self._found:
            goes_on = any(truck.number in following for truck in found.suspects)
            if goes_on and time - found.time < _AWAIT_PASSAGE_S:
                waiting.append(found)
            else:
                drafts.append(_with(found.draft, self._blamed(found.suspects)))
        self._found = waiting
        return drafts


def _with(draft: Draft, passage: PassageData | None) -> Draft:
    if passage is None:
        return draft
    assert isinstance(draft.data, ViolationData)
    data = ViolationData(
        kind=draft.data.kind,
        confidence=draft.data.confidence,
        passage=passage,
        spillage=draft.data.spillage,
        start=draft.data.start,
    )
    return Draft(draft.channel, draft.time, data, passage.passage, draft.pictures)


def _crop(full: Picture, image: Image, box: Box) -> Picture:
    """The surroundings of ``box`` (relative), in which the same is to be hidden as in the ``full`` picture."""
    height, width = image.shape[:2]
    dx, dy = _CROP_MARGIN * (box[2] - box[0]), _CROP_MARGIN * (box[3] - box[1])
    left, right = int(max(0.0, box[0] - dx) * width), int(min(1.0, box[2] + dx) * width)
    top, bottom = int(max(0.0, box[1] - dy) * height), int(min(1.0, box[3] + dy) * height)
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return taken("crop", full.time, part, _QUALITY, hidden_in(full.hide, left, top, part))

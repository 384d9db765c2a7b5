"""Each bay's state, with hysteresis: free, occupied, or unknown.

A state changes when at least 3 looks over at least ``free_after_s``, ``occupied_after_s`` or ``unknown_after_s`` agree
on another, with none in between that agrees with the old one; so two changes of a bay are never closer than the time
of the later. With fewer than 3 sure looks among them (``witness``) a bay that was free or never known is occupied, and
one that was occupied is free, only after twenty times as long: a shadow, a puddle, a motorcycle or a neighbour's roof
is seldom surely a vehicle, the side of a bus that waits before the bay seldom surely ground, and the bus has gone by
then. A sure look counts as unsure where much around the bay changed too (``surroundings``). Where nothing moved in the
bay from 20 s before the first look that differs to 10 s after it, ``free`` and ``occupied`` follow each other only
after thirty times as long: who comes and goes moves; fog, wet and slow shadows do not. Looks that decide nothing
neither count nor interrupt; where they go on for 5 minutes the bay is unknown.
A change tells between which two times it happened: when the old state was last seen, and when the new one was first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from edge_agent.config.parking import Pole
from edge_agent.messages.parking import BayState
from edge_agent.parking.witness import Look, Reason

_LEAST_LOOKS = 3
_MOST_EVIDENCE = 6.0
_UNSURE, _UNMOVED = 20.0, 30.0
_BEFORE_S, _AFTER_S = 20.0, 10.0
_UNCLEAR_AFTER_S = 300.0
_START = "start"


class BayMemory(msgspec.Struct, kw_only=True):
    """One bay; times are Unix seconds. ``agreed``: the newest look agreed with the state."""

    state: BayState = "unknown"
    reason: Reason = "start"
    since: float = 0.0
    confidence: float = 0.0
    agreed: bool = False
    last_clear: float = 0.0
    last_free: float | None = None
    last_occupied: float | None = None
    next_state: BayState | None = None
    next_since: float = 0.0
    next_looks: int = 0
    next_sure: int = 0
    next_moved: bool = False
    stirred: float = 0.0
    evidence: float = 0.0
    evident_since: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether it is occupied without doubt: sure looks outweigh the others, which count half, by three."""
        return self.state == "occupied" and self.evidence >= _LEAST_LOOKS

    def contradicted(self, vote: str) -> float | None:
        """When last it was the other of free and occupied than ``vote``, if that is what it was when last known."""
        if vote == "free" and self.was_occupied:
            return self.last_occupied
        return self.last_free if vote == "occupied" and not self.was_occupied else None

    @property
    def was_occupied(self) -> bool:
        """Whether it was when last it was known."""
        return self.last_occupied is not None and self.last_occupied > (self.last_free or float("-inf"))

    def weigh(self, time: float, vote: str, sure: bool) -> None:
        """Counts one look for and against a vehicle."""
        if vote == "occupied":
            if not self.evidence:
                self.evident_since = time
            self.evidence = min(self.evidence + 1.0, _MOST_EVIDENCE) if sure else max(self.evidence - 0.5, 0.0)
        elif vote == "free":
            self.evidence = 0.0

    def seen(self, time: float) -> None:
        """The state holds at ``time``."""
        if self.state == "free":
            self.last_free = time
        elif self.state == "occupied":
            self.last_occupied = time


class Change(NamedTuple):
    """Bay number ``bay`` was seen ``before`` until ``earliest`` (None: never), is ``after`` since ``first``."""

    bay: int
    before: BayState
    after: BayState
    earliest: float | None
    first: float
    confidence: float


class Occupancy:
    """``update`` with each picture's looks; ``bays`` are the states, in the order of the section."""

    def __init__(self, section: Pole) -> None:
        self._after_s: dict[BayState, float] = {
            "free": section.free_after_s,
            "occupied": section.occupied_after_s,
            "unknown": section.unknown_after_s,
        }
        self._ids = [bay.id for bay in section.bay]
        self.bays = [BayMemory() for _ in self._ids]

    def update(self, time: float, looks: Mapping[int, Look]) -> list[Change]:
        """Takes the looks of one picture in."""
        changes = [self._take(number, time, seen) for number, seen in sorted(looks.items())]
        return [change for change in changes if change]

    def hold(self, time: float, moving: Collection[int]) -> None:
        """Where nothing moves, what agreed still does."""
        for number, bay in enumerate(self.bays):
            if bay.agreed and number not in moving:
                bay.seen(time)

    def stir(self, time: float, bays: Collection[int]) -> None:
        """Something moved in these."""
        for number in bays:
            self.bays[number].stirred = time

    def doubt(self) -> None:
        """Everything may have changed: nothing holds before it was looked at."""
        for bay in self.bays:
            bay.agreed = False

    def open(self) -> dict[int, float]:
        """Bays about to change, or never decided yet, and since when."""
        return {
            n: bay.next_since if bay.next_state else bay.since
            for n, bay in enumerate(self.bays)
            if bay.next_state or bay.reason == _START
        }

    def memory(self) -> dict[str, BayMemory]:
        """What must survive a restart, by bay id."""
        return dict(zip(self._ids, self.bays, strict=True))

    def recall(self, memory: Mapping[str, BayMemory]) -> None:
        """As it was; what was about to change must be seen anew."""
        for number, name in enumerate(self._ids):
            if name in memory:
                bay = msgspec.structs.replace(memory[name], next_state=None, next_looks=0, agreed=False)
                bay.last_clear = 0.0
                self.bays[number] = bay

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        for bay in self.bays:
            bay.since += by_s
            bay.last_clear += by_s
            bay.next_since += by_s
            bay.stirred += by_s
            bay.evident_since += by_s
            bay.last_free = None if bay.last_free is None else bay.last_free + by_s
            bay.last_occupied = None if bay.last_occupied is None else bay.last_occupied + by_s

    def _take(self, number: int, time: float, seen: Look) -> Change | None:
        bay = self.bays[number]
        bay.since = bay.since or time
        bay.last_clear = bay.last_clear or time
        vote, reason = seen.vote, seen.reason
        if vote:
            bay.last_clear = time
        elif time - bay.last_clear > _UNCLEAR_AFTER_S:
            vote, reason = "unknown", "unclear"
        else:
            bay.agreed = False
            return None
        bay.weigh(time, vote, seen.sure)
        bay.agreed = vote == bay.state
        if vote == bay.state:
            bay.confidence, bay.reason, bay.next_state = seen.confidence, reason, None
            bay.seen(time)
            return None
        if vote != bay.next_state:
            bay.next_state, bay.next_since, bay.next_looks = vote, time, 0
            bay.next_sure, bay.next_moved = 0, False
        bay.next_looks += 1
        bay.next_sure += seen.sure and not seen.doubted
        bay.next_moved |= time <= bay.next_since + _AFTER_S and bay.stirred >= bay.next_since - _BEFORE_S
        if bay.next_looks < _LEAST_LOOKS or time - bay.next_since < _times(bay, vote) * self._after_s[vote]:
            return None
        earliest = bay.last_occupied if vote == "free" else bay.last_free
        change = Change(number, bay.state, vote, earliest, bay.next_since, seen.confidence)
        bay.state, bay.reason, bay.since, bay.confidence = vote, reason, bay.next_since, seen.confidence
        bay.next_state, bay.agreed = None, True
        bay.seen(time)
        return change


def _times(bay: BayMemory, vote: BayState) -> float:
    """So many times as long as usual must looks agree before the bay is ``vote``."""
    times = 1.0
    if bay.next_sure < _LEAST_LOOKS and (vote == "free" if bay.was_occupied else vote == "occupied"):
        times = _UNSURE
    if not bay.next_moved and {bay.state, vote} == {"free", "occupied"}:
        times = _UNMOVED
    return times


def count(bays: Sequence[BayMemory], state: BayState) -> int:
    """How many are ``state``."""
    return sum(bay.state == state for bay in bays)

"""How long each vehicle stood or drove in the wash bay before it left.

Time counts between two looks that both find the foot point in the bay, half of it where only one does. Where nobody
looked for more than a second, or spray hid the vehicle, all of that time counts for the vehicle; after 15 s of it the
dwell is only told if it was long enough without.

A vehicle that is first seen inside the bay, where one of its size was seen within the last minute and is not seen now,
is that one and has its time; there is no other way to get another's time. At the picture's edge, where others come in,
that holds for 5 s; after that it may be that one or not. One that is first seen inside the bay otherwise, and not at
the edge, was hidden when it came, and one that was there when the watch began has been there for ever: of those nothing
is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.config.gate import Wash
from edge_agent.config.polygon import contains
from edge_agent.vision.detections import Box, Track
from edge_agent.vision.tracker import at_edge, distance, similar

_BLIND_S = 1.2
_MOST_GAP_S = 15.0
_HEIR_S = 60.0
_NEAR = 0.5
_BEGIN_S = 5.0
_EDGE_HEIR_S = 5.0


@dataclass(slots=True, eq=False)
class _Bather:
    known: bool
    inside: bool
    box: Box
    seen: float
    dwell_s: float = 0.0

    def look(self, time: float, box: Box, inside: bool) -> None:
        elapsed = time - self.seen
        if (inside or self.inside) and elapsed > _MOST_GAP_S:
            self.known = False
        elif (inside and self.inside) or ((inside or self.inside) and elapsed > _BLIND_S):
            self.dwell_s += elapsed
        elif inside or self.inside:
            self.dwell_s += elapsed / 2
        self.inside, self.box, self.seen = inside, box, time


class WashBay:
    """``update`` with the tracks of each look, then ask for ``dwell_s``."""

    def __init__(self, section: Wash) -> None:
        self._zone, self._least_s = section.zone, section.min_dwell_s
        self._bathers: dict[int, _Bather] = {}
        self._vanished: list[_Bather] = []
        self._began: float | None = None

    def update(self, time: float, tracks: Sequence[Track], size: tuple[int, int]) -> None:
        """Takes the tracks at ``time`` in a picture of ``size`` (height, width)."""
        self._began = time if self._began is None else self._began
        self._vanished = [each for each in self._vanished if time - each.seen <= _HEIR_S]
        seen = [track for track in tracks if track.seen == time]
        for track in sorted(seen, key=lambda each: each.id not in self._bathers):
            if track.id not in self._bathers:
                self._bathers[track.id] = self._new(track, size)
            self._bathers[track.id].look(time, track.box, self._contains(track.box, size))

    def dwell_s(self, number: int) -> float | None:
        """Seconds in the bay of the track with this id; None when they are not known and may be too few."""
        bather = self._bathers.get(number)
        told = bather is not None and (bather.known or bather.dwell_s >= self._least_s)
        return round(bather.dwell_s, 1) if bather and told else None

    def keep(self, numbers: set[int]) -> None:
        """Forgets all other tracks."""
        for number in [n for n in self._bathers if n not in numbers]:
            gone = self._bathers.pop(number)
            if gone.inside:
                self._vanished.append(gone)

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self._began = None if self._began is None else self._began + by_s
        for bather in [*self._bathers.values(), *self._vanished]:
            bather.seen += by_s

    def _contains(self, box: Box, size: tuple[int, int]) -> bool:
        return contains(self._zone, (box[0] + box[2]) / 2 / size[1], box[3] / size[0])

    def _new(self, track: Track, size: tuple[int, int]) -> _Bather:
        assert self._began is not None
        inside, edge = self._contains(track.first_box, size), at_edge(track.first_box, size)
        before = self._predecessor(track) if inside else None
        if before and (not edge or track.first_seen - before.seen <= _EDGE_HEIR_S):
            return self._handed_on(before)
        entered = not inside or (edge and before is None)
        known = entered and track.first_seen - self._began > _BEGIN_S
        return _Bather(known, inside, track.first_box, track.first_seen)

    def _predecessor(self, track: Track) -> _Bather | None:
        """Who was where ``track`` was first seen."""

        def fits(old: _Bather) -> bool:
            near = distance(old.box, track.first_box) <= _NEAR and similar(old.box, track.first_box)
            return old.inside and old.seen < track.first_seen and near

        unseen = [each for each in [*self._bathers.values(), *self._vanished] if fits(each)]
        return max(unseen, key=lambda each: each.seen, default=None)

    def _handed_on(self, found: _Bather) -> _Bather:
        """Its time goes to another track; what is left of it is not known."""
        if found in self._vanished:
            self._vanished.remove(found)
            return found
        number = next(n for n, each in self._bathers.items() if each is found)
        self._bathers[number] = _Bather(False, False, found.box, found.seen)
        return found

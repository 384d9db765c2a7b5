"""How long each vehicle stood or drove in the wash bay before it left.

Time counts between two looks that both find the foot point in the bay and lie at most 15 s apart (who stands is looked
at every few seconds). Spray hides trucks: one that vanishes in the bay and one that appears there within a minute are
the same. Of one that was there when the watch began nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.config.gate import Wash
from edge_agent.config.polygon import contains
from edge_agent.vision.detections import Track

_MOST_GAP_S = 15.0
_HEIR_S = 60.0
_BEGIN_S = 5.0


@dataclass(slots=True)
class _Bather:
    known: bool
    dwell_s: float = 0.0
    inside: bool = False
    seen: float = 0.0


class WashBay:
    """``update`` with the tracks of each look, then ask for ``dwell_s``."""

    def __init__(self, section: Wash) -> None:
        self._zone = section.zone
        self._bathers: dict[int, _Bather] = {}
        self._vanished: list[_Bather] = []
        self._began: float | None = None

    def update(self, time: float, tracks: Sequence[Track], size: tuple[int, int]) -> None:
        """Takes the tracks at ``time`` in a picture of ``size`` (height, width)."""
        self._began = time if self._began is None else self._began
        self._vanished = [each for each in self._vanished if time - each.seen <= _HEIR_S]
        for track in tracks:
            if track.seen != time:
                continue
            inside = contains(self._zone, (track.box[0] + track.box[2]) / 2 / size[1], track.box[3] / size[0])
            bather = self._bathers.get(track.id) or self._new(track, inside)
            if inside and bather.inside and time - bather.seen <= _MOST_GAP_S:
                bather.dwell_s += time - bather.seen
            bather.inside, bather.seen = inside, time

    def dwell_s(self, number: int) -> float | None:
        """Seconds in the bay of the track with this id; None when that is not known."""
        bather = self._bathers.get(number)
        return round(bather.dwell_s, 1) if bather and bather.known else None

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

    def _new(self, track: Track, inside: bool) -> _Bather:
        if inside and self._vanished:
            bather = self._vanished.pop()
        else:
            assert self._began is not None
            bather = _Bather(known=track.first_seen - self._began > _BEGIN_S)
        self._bathers[track.id] = bather
        return bather

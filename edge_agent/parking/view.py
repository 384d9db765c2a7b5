"""Whether the camera still looks where it did when the bays were drawn, and where the bays lie if it does not.

A picture is registered every 10 s, every 2 s while the last could not be placed, and at once when much of the picture
changes. Where the camera moved within limits the polygons are carried along; where it is lost nothing may be judged.
A picture that cannot be placed (dark, hidden) moves nothing: the bays stay where they were seen last, and after a
minute of such pictures the state is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge_agent.config.section import Point
from edge_agent.messages.parking import View as State
from edge_agent.vision.network import Image
from edge_agent.vision.registration import Registration, Shift

_EVERY_S, _EVERY_UNSURE_S = 10.0, 2.0
_UNKNOWN_AFTER_S = 60.0
_LEAST_STEP = 0.002


class Registers(Protocol):
    """What ``Registration`` offers."""

    def update(self, image: Image) -> Shift: ...


class View:
    """``update`` with each frame; ``state`` and ``polygons`` are the newest."""

    def __init__(
        self, polygons: Sequence[Sequence[Point]], reference: Image | None, registration: Registers | None = None
    ) -> None:
        """Without a reference the first picture that shows enough is taken for it."""
        self._drawn = [list(polygon) for polygon in polygons]
        self._registration = registration
        self._distance = 0.0
        self._next = self._placed = float("-inf")
        self.polygons = self._drawn
        self.state: State = "unknown"
        self.problem = ""
        if reference is not None and registration is None:
            self._refer(reference)

    def update(self, time: float, image: Image, changed: bool) -> bool:
        """Takes a frame in, ``changed``: much of it did; whether state or polygons are other than before."""
        if time < self._next and not changed:
            return False
        if self._registration is None:
            self._next = time + _EVERY_S
            self._refer(image)
            if self._registration is None:
                return False
        shift = self._registration.update(image)
        self._next = time + (_EVERY_S if shift.trusted else _EVERY_UNSURE_S)
        before = self.state
        if shift.state.value != "unknown":
            self._placed = time
        elif time - self._placed < _UNKNOWN_AFTER_S:
            return False
        self.state = shift.state.value
        moved = shift.trusted and abs(shift.distance - self._distance) > _LEAST_STEP
        moved |= shift.trusted and shift.state.value != before and before != "unknown"
        if moved:
            self._distance = shift.distance
            self.polygons = [_inside(shift.carry(polygon)) for polygon in self._drawn]
        self.problem = _PROBLEMS.get(self.state, "").format(distance=shift.distance)
        return moved or self.state != before

    def shift(self, by_s: float) -> None:
        """The clock was set by so much."""
        self._next += by_s
        self._placed += by_s

    def _refer(self, image: Image) -> None:
        try:
            self._registration = Registration(image, ignore=self._drawn)
            self.problem = ""
        except ValueError as error:
            self.problem = str(error)


_PROBLEMS = {
    "moved": "the camera was moved by {distance:.1%} of the picture's width; the bays were moved along, aim it again",
    "lost": "the camera looks elsewhere than when the bays were drawn; all bays are unknown until it is aimed again",
}


def _inside(polygon: Sequence[Point]) -> list[Point]:
    return [(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in polygon]

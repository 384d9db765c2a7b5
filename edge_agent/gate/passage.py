"""One vehicle's pass through the gate, from its track: when it began and ended, and which way it went.

All vehicles are followed, and what one is (``label``) is known only when it has gone: far off, a truck is easily called
a car, and its side of the line then must not be missed.

The foot point (middle of the box's lower edge) is on one side of the line or the other; within a twentieth of the
box's height of the line it stays on the side it was. A passage ends when its track is lost. Its direction is the side
it ended on if it began on the other, whatever it did in between. One that crossed nothing is ``standing`` if it stood
still at any time, and no passage at all if it only drove by. One that is there when the agent starts, or that
stops in the gate for an hour, is one passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_agent.config.gate import Gate
from edge_agent.messages.gate import Direction
from edge_agent.vision.detections import Box, Track

_MARGIN = 0.05
_BEYOND = 0.15


@dataclass(slots=True)
class Passage:
    """``number`` is the track's id; ``side`` +1 is the street (out), -1 the site, 0 not yet known.

    ``score`` is the best that the track had, ``crossings`` the times at which it crossed the line, the newest last.
    """

    number: int
    start: float
    end: float
    frames: int = 0
    first_side: int = 0
    side: int = 0
    stood: bool = False
    label: str = ""
    score: float = 0.0
    crossings: list[float] = field(default_factory=list)

    @property
    def direction(self) -> Direction | None:
        """None when it was no passage."""
        if self.crossings and self.first_side != self.side:
            return "out" if self.side > 0 else "in"
        return "standing" if self.stood or self.crossings else None


class Line:
    """The gate's line for pictures of any size; sides are told in pixels, so that its slope is as seen."""

    def __init__(self, section: Gate) -> None:
        self._a, self._b = section.line
        self._out = section.heading

    def side(self, box: Box, size: tuple[int, int], before: int) -> int:
        """+1 out, -1 in, or ``before`` near the line and beyond its ends. ``size`` is height, width."""
        height, width = size
        ax, ay = self._a[0] * width, self._a[1] * height
        dx, dy = self._b[0] * width - ax, self._b[1] * height - ay
        px, py = (box[0] + box[2]) / 2 - ax, box[3] - ay
        length = (dx * dx + dy * dy) ** 0.5
        along = (px * dx + py * dy) / (length * length)
        if not -_BEYOND <= along <= 1 + _BEYOND:
            return before
        away = (dx * py - dy * px) / length
        outward = 1 if dx * self._out[1] - dy * self._out[0] > 0 else -1
        if abs(away) < _MARGIN * (box[3] - box[1]) and before:
            return before
        return outward if away > 0 else -outward


class Passages:
    """Turns tracks into passages."""

    def __init__(self, section: Gate) -> None:
        self._line = Line(section)
        self._open: dict[int, Passage] = {}

    def update(self, time: float, tracks: Sequence[Track], size: tuple[int, int]) -> list[Passage]:
        """Takes the tracks at ``time`` in a picture of ``size`` (height, width); gives those that ended."""
        for track in tracks:
            passage = self._open.get(track.id)
            if passage is None:
                passage = self._open[track.id] = self._begun(track, size)
            if track.seen == time:
                self._step(passage, track, size)
        return self.keep({track.id for track in tracks})

    def keep(self, numbers: set[int]) -> list[Passage]:
        """Ends those of all other tracks, as they are."""
        return self._close([number for number in self._open if number not in numbers])

    def finish(self) -> list[Passage]:
        """All that are open, as they are."""
        return self._close(list(self._open))

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        for passage in self._open.values():
            passage.start += by_s
            passage.end += by_s
            passage.crossings = [time + by_s for time in passage.crossings]

    def open(self) -> list[Passage]:
        """Those going on."""
        return list(self._open.values())

    def _begun(self, track: Track, size: tuple[int, int]) -> Passage:
        """A track counts from its second look on; the side it was on in its first counts too."""
        side = self._line.side(track.first_box, size, 0)
        return Passage(track.id, track.first_seen, track.seen, first_side=side, side=side)

    def _step(self, passage: Passage, track: Track, size: tuple[int, int]) -> None:
        side = self._line.side(track.box, size, passage.side)
        if passage.side and side != passage.side:
            passage.crossings.append(track.seen)
            del passage.crossings[:-16]
        passage.side = side
        passage.first_side = passage.first_side or side
        passage.end = track.seen
        passage.frames += 1
        passage.label = track.label
        passage.score = max(passage.score, track.score)
        passage.stood = passage.stood or track.still

    def _close(self, numbers: list[int]) -> list[Passage]:
        return [self._open.pop(number) for number in numbers]

"""The pictures kept of one truck while it passes: few, good, and apart in time; encoded at once to spare memory.

At most 6 views and 40 judgements are kept. The first and the newest always stay, for a moving offence is shown by
displacement, and one of those that show the truck's near end; of the others the worst goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_agent.gate.ring import Shot
from edge_agent.gate.verdict import Seen, probabilities
from edge_agent.messages.envelope import Picture
from edge_agent.vision.blur import hidden_in
from edge_agent.vision.detections import Box
from edge_agent.vision.jpeg import decoded, taken
from edge_agent.vision.network import Image
from edge_agent.vision.state import Judgement, cut
from edge_agent.vision.tracker import EDGE_SHARE, distance

_MOST = 6
_MOST_SEEN = 40
_QUALITY, _CROP_QUALITY = 88, 92
_CROP_MARGIN = 0.05
_DISPLACED = 0.25
_WHEELS_SHARE, _BED_SHARE = 0.45, 0.65


@dataclass(frozen=True, slots=True)
class View:
    """One look at the truck: what was judged, its box and its wheels' boxes, and the whole picture."""

    seen: Seen
    box: Box
    wheels: tuple[Box, ...]
    full: Picture

    @property
    def end(self) -> bool:
        """Whether the whole front or rear is seen: the box is clear of all edges but the far one, at the top."""
        x, y = self.full.width * EDGE_SHARE, self.full.height * EDGE_SHARE
        return self.box[0] > x and self.box[2] < self.full.width - x and self.box[3] < self.full.height - y


class Album:
    """Of one truck."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self.seen: list[Seen] = []

    def add(
        self,
        time: float,
        image: Image,
        box: Box,
        judgement: Judgement,
        wheels: tuple[Box, ...] = (),
        hide: tuple[Box, ...] = (),
    ) -> None:
        """Takes one judged look in; ``hide`` are the boxes of what else is in the picture."""
        seen = Seen(time, judgement)
        self.seen.append(seen)
        if len(self.seen) > _MOST_SEEN:
            self.seen.remove(min(self.seen, key=lambda each: each.judgement.quality))
        x1, y1, x2, y2 = (round(side, 1) for side in box)
        full = replace(taken("full", time, image, _QUALITY, hide), box=(x1, y1, x2, y2))
        self.views.append(View(seen, box, tuple(each for each in wheels if _inside(each, box)), full))
        if len(self.views) > _MOST:
            ends = [view for view in self.views if view.end]
            spare = [view for view in self.views[1:-1] if ends != [view]]
            self.views.remove(min(spare, key=lambda v: v.seen.judgement.quality))

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self.seen = [replace(seen, time=seen.time + by_s) for seen in self.seen]
        self.views = [
            replace(
                view,
                seen=replace(view.seen, time=view.seen.time + by_s),
                full=replace(view.full, time=view.full.time + by_s),
            )
            for view in self.views
        ]

    def prove(
        self, of: str, state: str, count: int, number: int = 0, spare: Sequence[Shot] = ()
    ) -> tuple[Picture, ...]:
        """``count`` full views and a close crop, to prove ``state`` of ``of`` (load, wheels, or empty: the truck).

        The best view is joined by the best of those that show it a quarter of its size away or more, first of all by
        one with its whole front or rear; where there is none, by the one farthest in time, for it stood. Where there
        are too few views, ``spare`` frames of the truck with the track ``number`` fill up, the most displaced first.
        In the order of their times; the crop comes last.
        """
        if not self.views:
            return ()
        best = max(self.views, key=lambda view: _speaks(view.seen.judgement, of, state))
        rest = [view for view in self.views if view is not best]
        rest.sort(key=lambda v: (_displaced(v, best), v.end, _speaks(v.seen.judgement, of, state)), reverse=True)
        if rest and not any(_displaced(view, best) for view in rest):
            rest.sort(key=lambda view: -abs(view.seen.time - best.seen.time))
        chosen = [view.full for view in [best, *rest[: count - 1]]]
        chosen += _filled(best, spare, number, {picture.time for picture in chosen})[: count - len(chosen)]
        return (*sorted(chosen, key=lambda picture: picture.time), _crop(best, of))


def _speaks(judgement: Judgement, of: str, state: str) -> float:
    return judgement.quality * (probabilities(judgement, of)[state] if of else 1.0)


def _displaced(view: View, best: View) -> bool:
    return distance(view.box, best.box) >= _DISPLACED


def _filled(best: View, spare: Sequence[Shot], number: int, taken: set[float]) -> list[Picture]:
    def away(shot: Shot) -> float:
        return distance(shot.scenery.scaled(best.full.width / shot.picture.width).vehicles[number], best.box)

    shots = [s for s in spare if number in s.scenery.vehicles and s.picture.time not in taken]
    shots.sort(key=away, reverse=True)
    return [
        replace(s.picture, role="full", hide=s.scenery.besides(number), box=s.scenery.vehicles[number]) for s in shots
    ]


def _crop(view: View, of: str) -> Picture:
    """The part of the truck that is judged: the wheels or the bed, as far as its box tells."""
    image = decoded(view.full.content)
    box = _region(view, of)
    crop = cut(image, box, _CROP_MARGIN)
    dx, dy = (box[2] - box[0]) * _CROP_MARGIN, (box[3] - box[1]) * _CROP_MARGIN
    left, top = max(0, int(box[0] - dx)), max(0, int(box[1] - dy))
    return taken("crop", view.seen.time, crop, _CROP_QUALITY, hidden_in(view.full.hide, left, top, crop))


def _region(view: View, of: str) -> Box:
    x1, y1, x2, y2 = view.box
    height = y2 - y1
    wheels = view.wheels
    if of == "wheels":
        top = min((each[1] for each in wheels), default=y2 - _WHEELS_SHARE * height)
        return x1, max(y1, min(top - 0.05 * height, y2 - 0.2 * height)), x2, y2
    if of == "load":
        bottom = min((each[1] for each in wheels), default=y1 + _BED_SHARE * height)
        return x1, y1, x2, min(y2, max(bottom, y1 + 0.4 * height))
    return view.box


def _inside(wheel: Box, box: Box) -> bool:
    x, y = (wheel[0] + wheel[2]) / 2, (wheel[1] + wheel[3]) / 2
    return box[0] <= x <= box[2] and (box[1] + box[3]) / 2 <= y <= box[3]

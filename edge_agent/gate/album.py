"""The pictures kept of one truck while it passes: few, good, and apart in time; encoded at once to spare memory.

At most 6 views and 40 judgements are kept. The first and the newest always stay, for a moving offence is shown by
displacement; of the others the worst goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2

from edge_agent.gate.verdict import Seen, probabilities
from edge_agent.messages.envelope import Picture
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image
from edge_agent.vision.state import Judgement, cut
from edge_agent.vision.tracker import distance

_MOST = 6
_MOST_SEEN = 40
_QUALITY = 88
_CROP_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class View:
    """One look at the truck: what was judged, and the pictures of it."""

    seen: Seen
    box: Box
    full: Picture
    crop: Picture


class Album:
    """Of one truck."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self.seen: list[Seen] = []

    def add(self, time: float, image: Image, box: Box, judgement: Judgement) -> None:
        """Takes one judged look in."""
        seen = Seen(time, judgement)
        self.seen.append(seen)
        if len(self.seen) > _MOST_SEEN:
            self.seen.remove(min(self.seen, key=lambda each: each.judgement.quality))
        crop = cut(image, box, _CROP_MARGIN)
        view = View(seen, box, _encoded("full", time, image), _encoded("crop", time, crop))
        self.views.append(view)
        if len(self.views) > _MOST:
            worst = min(self.views[1:-1], key=lambda v: v.seen.judgement.quality)
            self.views.remove(worst)

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self.seen = [replace(seen, time=seen.time + by_s) for seen in self.seen]
        self.views = [
            View(
                replace(view.seen, time=view.seen.time + by_s),
                view.box,
                replace(view.full, time=view.full.time + by_s),
                replace(view.crop, time=view.crop.time + by_s),
            )
            for view in self.views
        ]

    def prove(self, of: str, state: str, count: int) -> tuple[Picture, ...]:
        """Pictures that show ``state`` of ``of`` (load, wheels, or empty for the truck as such).

        The best view, views at other times as far away as can be, and the close crop of the best.
        """
        if not self.views:
            return ()
        best = max(self.views, key=lambda view: _speaks(view.seen.judgement, of, state))
        others = sorted((v for v in self.views if v is not best), key=lambda v: -distance(v.box, best.box))
        chosen = sorted([best, *others[: count - 1]], key=lambda v: v.seen.time)
        return (*(view.full for view in chosen), best.crop)


def _speaks(judgement: Judgement, of: str, state: str) -> float:
    return judgement.quality * (probabilities(judgement, of)[state] if of else 1.0)


def _encoded(role: str, time: float, image: Image) -> Picture:
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return Picture(role, time, "image/jpeg", content, image.shape[1], image.shape[0])

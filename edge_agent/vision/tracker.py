"""Follows objects over frames that are far apart: 2 to 5 a second, with gaps of seconds.

At such rates a truck's boxes may not overlap from one frame to the next, so a detection is matched by the distance of
centres in units of the box's size, from where the track should be by now, and only then by overlap. Pairs are taken
best first; last of all a track whose box lies in a much larger one, for of a far truck the cab may be found first.

A track counts once it was seen twice or surely (score ≥ 0.6); its label is voted by all its detections, the large ones
more than the small ones, for near things are named better than far ones; its score is the median of its last ten,
missing ones among the first three counted as 0.

A track is lost when it was not seen for ``lost_after_s`` and in two looks if it was last at the picture's edge; for one
that moved out over that edge a third of the time is enough, so that the next that comes in there is not taken for it.
In the middle of the picture nothing vanishes but what drove off until it was too small to be found (a third of its
largest size): all else there, and where something nearer covers its place, is taken for hidden and held three times as
long, and five looks if it stood still. It stands still until two looks running find it
elsewhere, for single boxes jump.

Who was on his way out over an edge of the picture, by two looks running of five that followed each other, is not taken
for what reaches farther in than he did, nor, once he must be beyond that edge, for what stands elsewhere than he did:
where one leaves, another comes in.

Where frames are missing for more than a second, who moved is looked for where he should be by now, as large as he
should be, rather than behind him, and the nearer one first where one may hide the other; the time in which nobody
looked counts for nobody's loss. Where the camera was away for more than ``MOST_BLIND_S`` only those go on that stood
still and still stand there: of all others nobody knows whether the next truck is the same.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge_agent.vision.detections import Box, Detection, Track

_SCORES = 10
_LEAST_SCORES = 3
_SURE = 0.6
_REACH = 0.9
_REACH_PER_S = 0.35
_MOST_REACH = 2.0
_SIZE_RATIO = 2.2
_STILL_SHARE = 0.06
_STILL_AFTER_S = 3.0
_VELOCITY_HALF = 0.5
EDGE_SHARE = 0.02
_HIDDEN_FACTOR = 3.0
_GONE_FACTOR = 1 / 3
_LEAVING_SHARE_PER_S = 0.05
_SURELY_LEAVING_PER_S = 0.15
_KNOWN_HITS = 5
_MISSES = 2
_STILL_MISSES = 5
_MOST_TRACKS = 64
_AHEAD_S = 2.0
_BLIND_S = 1.2
_BLIND_REACH = 1.4
MOST_BLIND_S = 8.0
_SAME_PLACE = 0.6
_MOST_GROWTH = 2.5
_MOVES_PER_S = 0.08
_TURNED = 1.0
_HIDDEN = 0.4
_PART = 0.7
_MAY_BE_HIDDEN = 0.5
_GROWS_PER_S = 0.25
_STEADY, _LEAVING = 4, 2
_FARTHER_IN = 0.2
_SAME_SLIVER = 0.3
_FAR_OFF = 1 / 3


@dataclass(slots=True)
class _Followed:
    id: int
    box: Box
    first_box: Box
    first_seen: float
    seen: float
    hits: int = 1
    misses: int = 0
    velocity: tuple[float, float] = (0.0, 0.0)
    growth: float = 0.0
    largest: float = 0.0
    steady: int = 0
    leaving: int = 0
    blind_s: float = 0.0
    behind: bool = False
    votes: dict[str, float] = field(default_factory=dict)
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=_SCORES))
    anchor: Box = (0.0, 0.0, 0.0, 0.0)
    anchored: float = 0.0
    strayed: bool = False
    counts: bool = False

    def take(self, detection: Detection, time: float, picture: tuple[int, int]) -> None:
        elapsed = time - self.seen
        if elapsed > 0:
            (x0, y0), (x1, y1) = centre(self.box), centre(detection.box)
            fresh = ((x1 - x0) / elapsed, (y1 - y0) / elapsed)
            keep = _VELOCITY_HALF if self.hits > 1 else 0.0
            self.velocity = (
                keep * self.velocity[0] + (1 - keep) * fresh[0],
                keep * self.velocity[1] + (1 - keep) * fresh[1],
            )
            self.growth = keep * self.growth + (1 - keep) * math.log(size(detection.box) / size(self.box)) / elapsed
        self.steady = self.steady + 1 if elapsed <= _BLIND_S else 0
        self.blind_s = 0.0
        self.box, self.seen = detection.box, time
        self.leaving = self.leaving + 1 if any(self._out_over(picture, _SURELY_LEAVING_PER_S)) else 0
        self.hits += 1
        self.misses = 0
        self.note(detection)
        away = distance(self.box, self.anchor) > _STILL_SHARE
        if away and self.strayed:
            self.anchor, self.anchored = self.box, time
        self.strayed = away

    def note(self, detection: Detection) -> None:
        side = size(detection.box)
        vote = detection.score * side
        self.largest = max(self.largest, side)
        self.votes[detection.label] = self.votes.get(detection.label, 0.0) + vote
        self.scores.append(detection.score)
        self.counts = self.counts or self.hits >= 2 or detection.score >= _SURE

    def expected(self, time: float, ahead_s: float = _AHEAD_S) -> Box:
        """As large as it was, where it should be; no farther than it gets in ``ahead_s``."""
        elapsed = min(time - self.seen, ahead_s)
        dx, dy = self.velocity[0] * elapsed, self.velocity[1] * elapsed
        x1, y1, x2, y2 = self.box
        return x1 + dx, y1 + dy, x2 + dx, y2 + dy

    def after_gap(self, time: float) -> Box:
        """Where and how large it should be when nobody looked since it was seen, or almost."""
        elapsed = min(time - self.seen, MOST_BLIND_S)
        by = min(_MOST_GROWTH, max(1 / _MOST_GROWTH, math.exp(self.growth * elapsed)))
        faster = (by - 1) / math.log(by) if abs(by - 1) > 0.01 else 1.0
        (x, y), (vx, vy) = centre(self.box), self.velocity
        x, y = x + vx * elapsed * faster, y + vy * elapsed * faster
        half_width, half_height = (self.box[2] - self.box[0]) * by / 2, (self.box[3] - self.box[1]) * by / 2
        return x - half_width, y - half_height, x + half_width, y + half_height

    def moves(self) -> bool:
        """Whether it was on its way."""
        return self.hits > 2 and math.hypot(*self.velocity) > _MOVES_PER_S * size(self.box)

    def ahead(self, box: Box) -> bool:
        """Whether ``box`` lies before it on its way, or close by."""
        (x0, y0), (x1, y1) = centre(self.box), centre(box)
        forward = (x1 - x0) * self.velocity[0] + (y1 - y0) * self.velocity[1]
        return forward >= 0 or distance(self.box, box) < _STILL_SHARE

    def lost(self, time: float, lost_after_s: float, picture: tuple[int, int]) -> bool:
        by_now = self.after_gap(time) if self.blind_s else self.expected(time)
        within = not at_edge(by_now, picture) and not at_edge(self.box, picture)
        far_off = size(self.box) < _FAR_OFF * self.largest
        hidden = self.behind or (self.hits >= _KNOWN_HITS and within and not far_off)
        patience_s = lost_after_s * (_HIDDEN_FACTOR if hidden else _GONE_FACTOR if self.leaves(picture) else 1)
        return time - self.seen - self.blind_s > patience_s and self.misses >= (
            _STILL_MISSES if self.still() else _MISSES
        )

    def leaves(self, size: tuple[int, int]) -> bool:
        """Whether it was last seen at an edge of the picture and moving out over it."""
        return any(self._out_over(size, _LEAVING_SHARE_PER_S))

    def _out_over(self, size: tuple[int, int], least: float) -> tuple[bool, bool, bool, bool]:
        """Over which edges, by ``least`` of its size a second: left, top, right, bottom."""
        x1, y1, x2, y2 = self.box
        height, width = size
        right, down = self.velocity[0] / max(1.0, x2 - x1), self.velocity[1] / max(1.0, y2 - y1)
        x, y = width * EDGE_SHARE, height * EDGE_SHARE
        return (
            x1 <= x and right < -least,
            y1 <= y and down < -least,
            x2 >= width - x and right > least,
            y2 >= height - y and down > least,
        )

    def has_left_for(self, box: Box, time: float, size: tuple[int, int]) -> bool:
        """Whether ``box`` is another's, for this one was leaving; never said where its way is not surely known."""
        if self.blind_s or self.steady < _STEADY or self.leaving < _LEAVING:
            return False
        (x1, y1, x2, y2), (left, top, right, bottom) = self.box, self._out_over(size, _SURELY_LEAVING_PER_S)
        across, along = _FARTHER_IN * (x2 - x1), _FARTHER_IN * (y2 - y1)
        if (
            (left and box[2] > x2 + across)
            or (top and box[3] > y2 + along)
            or (right and box[0] < x1 - across)
            or (bottom and box[1] < y1 - along)
        ):
            return True
        now = self.expected(time, math.inf)
        beyond = now[2] <= 0 or now[3] <= 0 or now[0] >= size[1] or now[1] >= size[0]
        return beyond and overlap(self.box, box) < _SAME_SLIVER

    def still(self) -> bool:
        return self.seen - self.anchored >= _STILL_AFTER_S

    def public(self) -> Track:
        scores = [*self.scores, *[0.0] * (_LEAST_SCORES - len(self.scores))]
        return Track(
            id=self.id,
            label=max(self.votes, key=lambda name: self.votes[name]),
            score=statistics.median(scores),
            box=self.box,
            first_seen=self.first_seen,
            seen=self.seen,
            hits=self.hits,
            still=self.still(),
            first_box=self.first_box,
        )


class Tracker:
    """Ids run from 1 and are never given twice."""

    def __init__(self, lost_after_s: float = 3.0) -> None:
        self._lost_after_s = lost_after_s
        self._followed: list[_Followed] = []
        self._given = 0
        self._looked = float("-inf")
        self._was_away = False

    def update(self, time: float, detections: Sequence[Detection], size: tuple[int, int]) -> list[Track]:
        """The tracks that count and are not lost, after what was seen at ``time`` in a picture of ``size``.

        ``time`` in seconds, never going back; ``size`` is height, width.
        """
        free = list(detections)
        if self._was_away:
            self._was_away = False
            self._followed = [each for each in self._followed if _stands(each.box, free)]
        gap_s = time - self._looked if time - self._looked > _BLIND_S else 0.0
        self._looked = time
        for each in self._followed:
            each.misses += 1
            if not each.still():
                each.blind_s += gap_s
        for followed, detection in _pairs(self._followed, free, time, size):
            followed.take(detection, time, size)
            free.remove(detection)
        for detection in free[: _MOST_TRACKS - len(self._followed)]:
            self._begin(detection, time)
        seen = [each.box for each in self._followed if each.seen == time]
        for each in self._followed:
            where = each.expected(time)
            each.behind = each.seen < time and _covered(where, seen)
        self._followed = [f for f in self._followed if not f.lost(time, self._lost_after_s, size)]
        return self.tracks()

    def away(self) -> list[Track]:
        """The camera has given nothing for more than ``MOST_BLIND_S``: those that go on if they stand there still."""
        self._was_away = True
        self._followed = [f for f in self._followed if f.still()]
        return self.tracks()

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        self._looked += by_s
        for followed in self._followed:
            followed.first_seen += by_s
            followed.seen += by_s
            followed.anchored += by_s

    def tracks(self) -> list[Track]:
        """Those that count now, in the order of their ids."""
        return [f.public() for f in self._followed if f.counts]

    def boxes(self, time: float) -> dict[int, Box]:
        """Where everything followed should be at ``time`` by its id, what was seen only once included."""
        return {f.id: f.box if f.seen == time else f.expected(time) for f in self._followed}

    @property
    def candidates(self) -> int:
        """Tracks that were seen and do not count yet."""
        return sum(not f.counts for f in self._followed)

    def _begin(self, detection: Detection, time: float) -> None:
        self._given += 1
        followed = _Followed(self._given, detection.box, detection.box, time, time, anchor=detection.box, anchored=time)
        followed.note(detection)
        self._followed.append(followed)


def at_edge(box: Box, size: tuple[int, int]) -> bool:
    """Whether the box reaches within a fiftieth of the edges of a picture of ``size`` (height, width)."""
    height, width = size
    x, y = width * EDGE_SHARE, height * EDGE_SHARE
    return box[0] <= x or box[1] <= y or box[2] >= width - x or box[3] >= height - y


def size(box: Box) -> float:
    """The mean side in pixels, at least 1."""
    return math.sqrt(max(1.0, (box[2] - box[0]) * (box[3] - box[1])))


def centre(box: Box) -> tuple[float, float]:
    """In pixels."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def distance(a: Box, b: Box) -> float:
    """Of the centres, in mean side lengths of the two boxes: 0 the same place, 1 about one box apart."""
    (ax, ay), (bx, by) = centre(a), centre(b)
    width = max(1.0, (a[2] - a[0] + b[2] - b[0]) / 2)
    height = max(1.0, (a[3] - a[1] + b[3] - b[1]) / 2)
    return float((((ax - bx) / width) ** 2 + ((ay - by) / height) ** 2) ** 0.5)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def inside(box: Box, other: Box) -> float:
    """Share of ``box`` that lies in ``other``."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(0.0, width) * max(0.0, height) / max(1.0, (box[2] - box[0]) * (box[3] - box[1]))


def similar(a: Box, b: Box, apart_s: float = 0.0) -> bool:
    """Whether the one has at most 4.84 times the area of the other, and a quarter of that more a second apart."""
    first, second = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    ratio = max(first, second) / max(1.0, min(first, second))
    return ratio <= _SIZE_RATIO**2 * (1 + _GROWS_PER_S * min(apart_s, MOST_BLIND_S))


def _stands(box: Box, detections: Iterable[Detection]) -> bool:
    return any(overlap(box, each.box) >= _SAME_PLACE for each in detections)


def _covered(box: Box, others: Iterable[Box]) -> bool:
    """Whether one of ``others``, all on the same ground, stands before it."""
    return any(other[3] > box[3] and inside(box, other) >= _HIDDEN for other in others)


def _pairs(
    followed: Sequence[_Followed], detections: Sequence[Detection], time: float, size: tuple[int, int]
) -> list[tuple[_Followed, Detection]]:
    costs = []
    expected = {each.id: each.after_gap(time) for each in followed if each.blind_s}
    for i, each in enumerate(followed):
        hidden = each.blind_s > 0 and _covered(expected[each.id], [b for n, b in expected.items() if n != each.id])
        for j, detection in enumerate(detections):
            cost = _cost_after_gap(each, detection.box, time) if each.blind_s else _cost(each, detection.box, time)
            if cost is not None and not each.has_left_for(detection.box, time, size):
                costs.append((cost + hidden * _MAY_BE_HIDDEN, i, j, each, detection))
    costs.sort(key=lambda cost: cost[:3])
    out: list[tuple[_Followed, Detection]] = []
    used_tracks: set[int] = set()
    used_detections: set[int] = set()
    for _, i, j, each, detection in costs:
        if i not in used_tracks and j not in used_detections:
            used_tracks.add(i)
            used_detections.add(j)
            out.append((each, detection))
    return out


def _cost(each: _Followed, box: Box, time: float) -> float | None:
    expected = each.expected(time)
    near = min(distance(expected, box), distance(each.box, box))
    if near > min(_MOST_REACH, _REACH + _REACH_PER_S * (time - each.seen)):
        return None
    if similar(each.box, box, time - each.seen):
        return near - overlap(expected, box)
    return near + _TURNED if inside(each.box, box) >= _PART else None


def _cost_after_gap(each: _Followed, box: Box, time: float) -> float | None:
    """Who moved is where he should be or waited on his way there, less likely he turned; others are where they were."""
    back = _cost(each, box, time)
    if not each.moves():
        return back
    if not each.ahead(box):
        return None if back is None else back + _TURNED
    expected = each.after_gap(time)
    way = distance(expected, each.box)
    near = min(distance(expected, box), distance(each.box, box) + way / 2)
    if near > _BLIND_REACH + way / 2 or not (similar(expected, box) or similar(each.box, box, time - each.seen)):
        return None
    return near - overlap(expected, box)

"""The gate's camera, what is looked for in it, where the line and the zones lie, and when trucks may leave.

Points are shares of the picture's width and height, from its top left corner.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.pictures import Pictures
from edge_agent.config.polygon import check
from edge_agent.config.section import Name, Point, Seconds, Section, Share

_DAY_MIN = 24 * 60


_WINDOW = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
Window = Annotated[
    str, msgspec.Meta(pattern=_WINDOW, description="hours and minutes, half-width (半角), such as '22:00-05:00'")
]
_LEAST_LOOKS_PER_S = 1.0
_LEAST_LOOKS = 2


class Camera(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``source``: an rtsp:// address, /dev/videoN, a video file or a folder of pictures; a relative path
    begins at the configuration.

    ``policy``: ``newest`` drops frames that nobody took in time, ``every`` waits for the taker (recordings).
    """

    name: Name = "gate"
    source: str
    policy: Literal["newest", "every"] = "newest"
    frames_per_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    silent_after_s: Seconds = 20.0


class Wash(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The wash bay, where a truck's foot point lies while it is washed; leaving after less is ``unwashed_exit``."""

    zone: list[Point]
    min_dwell_s: Seconds = 20.0

    def __post_init__(self) -> None:
        check(self.zone, "zone")


class Spillage(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The road that trucks must leave clean; material that lies on it after one, for ``confirm_s``, is ``spillage``.

    ``zone`` is road surface only. ``min_share``: the least part of the zone, as seen, that it covers.
    """

    zone: list[Point]
    confirm_s: Seconds = 20.0
    min_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01

    def __post_init__(self) -> None:
        check(self.zone, "zone")


class Hours(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When trucks may leave, such as ``permitted = ["22:00-05:00"]``, in the time of ``utc_offset_h``.

    A truck that leaves at another time and is not seen to be empty is ``outside_hours``.
    """

    permitted: list[Window]
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0

    def __post_init__(self) -> None:
        for text in self.permitted:
            if text[:5] == text[6:]:
                raise ValueError(f"permitted: {text!r} begins when it ends; the whole day is '00:00-24:00'")
        taken: set[int] = set()
        for text, minutes in zip(self.permitted, self.windows(), strict=True):
            if not taken.isdisjoint(minutes):
                raise ValueError(f"permitted: {text!r} overlaps another window; join them into one")
            taken.update(minutes)

    def windows(self) -> list[set[int]]:
        """The minutes of the day of each window; one that ends before it begins goes on after midnight."""
        out = []
        for text in self.permitted:
            begin, end = (int(each[:2]) * 60 + int(each[3:]) for each in text.split("-"))
            length = (end - begin) % _DAY_MIN or _DAY_MIN
            out.append({(begin + k) % _DAY_MIN for k in range(length)})
        return out


class Gate(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line is given by two points.

    A truck whose foot point crosses the line towards ``out`` leaves the site; ``out`` names the side seen in the
    picture. ``trucks``: what the detector calls a truck; head-on tippers are easily called bus. Judgements under their
    minimum confidence are ``unknown`` and never a violation.
    """

    camera: Camera
    line: tuple[Point, Point]
    out: Literal["up", "down", "left", "right"] = "down"
    wash: Wash | None = None
    hours: Hours | None = None
    spillage: Spillage | None = None
    detector: str = "truck-detector"
    state: str = "truck-state"
    trucks: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("truck", "bus")
    detect_per_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 2.5
    recheck_s: Seconds = 5.0
    lost_after_s: Seconds = 3.0
    min_score: Share = 0.35
    min_load_confidence: Share = 0.6
    min_wheels_confidence: Share = 0.6
    evidence_pictures: Annotated[int, msgspec.Meta(ge=2, le=6)] = 2
    pictures: Pictures = Pictures()

    def __post_init__(self) -> None:
        (ax, ay), (bx, by) = self.line
        across = abs(ax - bx) if self.out in ("up", "down") else abs(ay - by)
        if across < 0.01:
            raise ValueError(
                f"line: from {[ax, ay]} to {[bx, by]} has no side {self.out!r}; give the feet of the two gate posts, "
                "and out = 'left' or 'right' for a line that runs up the picture"
            )
        looks_per_s = min(self.detect_per_s, self.camera.frames_per_s)
        if looks_per_s < _LEAST_LOOKS_PER_S:
            raise ValueError(
                f"detect_per_s: {self.detect_per_s:g} of camera.frames_per_s {self.camera.frames_per_s:g} are too few "
                f"to follow a truck; each must be at least {_LEAST_LOOKS_PER_S:g}, 2 or more are better"
            )
        if self.lost_after_s < _LEAST_LOOKS / looks_per_s:
            raise ValueError(
                f"lost_after_s: {self.lost_after_s:g} is less than {_LEAST_LOOKS} looks last, so every truck would be "
                f"lost at once; give at least {_LEAST_LOOKS / looks_per_s:g}"
            )
        if self.wash and all(self.outward(*corner) for corner in self.wash.zone):
            raise ValueError(
                f"wash.zone: lies on the side {self.out!r} of the line, where trucks have left already; mend the zone, "
                "the line or out"
            )

    @property
    def heading(self) -> tuple[float, float]:
        """The way ``out`` points in the picture."""
        return {"up": (0.0, -1.0), "down": (0.0, 1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0)}[self.out]

    def outward(self, x: float, y: float) -> bool:
        """Whether a point lies on the side of the line, made longer, that is out."""
        (ax, ay), (bx, by) = self.line
        out_x, out_y = self.heading
        side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        outside = (bx - ax) * out_y - (by - ay) * out_x
        return side * outside > 0

"""The gate's camera, what is looked for in it, and where the line lies."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.config.section import Name, Point, Seconds, Section, Share


class Camera(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``source``: an rtsp:// address, /dev/videoN, a video file or a folder of pictures.

    ``policy``: ``newest`` drops frames that nobody took in time, ``every`` waits for the taker (recordings).
    """

    name: Name = "gate"
    source: str
    policy: Literal["newest", "every"] = "newest"
    frames_per_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    silent_after_s: Seconds = 20.0


class Gate(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line is given by two points in shares of width and height.

    A truck whose foot point crosses the line towards ``out`` leaves the site; ``out`` names the side seen in the
    picture. Judgements under their minimum confidence are ``unknown`` and never a violation.
    """

    camera: Camera
    line: tuple[Point, Point]
    out: Literal["up", "down", "left", "right"] = "down"
    detector: str = "truck-detector"
    state: str = "truck-state"
    detect_per_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 2.5
    recheck_s: Seconds = 5.0
    lost_after_s: Seconds = 3.0
    min_score: Share = 0.35
    min_load_confidence: Share = 0.6
    min_wheels_confidence: Share = 0.6
    evidence_pictures: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2

"""What is kept and sent of a violation's pictures."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Section

ClipSeconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class Pictures(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clip runs from ``clip_before_s`` before the deciding moment to ``clip_after_s`` after it; 0 and 0: no clip.

    Its frames wait in memory, at most ``clip_memory_mb`` of them. ``blur``: in what is sent, vehicles and people that
    did nothing are pixelated; the untouched pictures stay on the device.
    """

    clip_before_s: ClipSeconds = 5.0
    clip_after_s: ClipSeconds = 3.0
    clip_memory_mb: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12
    blur: bool = True

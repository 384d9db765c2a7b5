"""Which violations a judged passage is; a standing truck has done nothing yet.

Mud counts on the way out, an open load both ways, washing and hours on the way out. What could not be judged breaks
no rule. Washing is judged only where a bay is configured and the truck's way through it was followed.
"""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.config.gate import Gate, Hours
from edge_agent.gate.passage import Passage
from edge_agent.messages.gate import Kind, PassageData

_DAY_S = 86400


class Broken(NamedTuple):
    """A rule that was broken; ``of`` is what was judged for it (load, wheels), empty when the way alone tells.

    ``limit``: see ``ViolationData``.
    """

    kind: Kind
    confidence: float
    of: str = ""
    limit: str = ""


def broken(passage: Passage, data: PassageData, section: Gate) -> list[Broken]:
    """At most one of each kind."""
    found: list[Broken] = []
    if data.direction == "standing":
        return found
    leaves = data.direction == "out"
    if leaves and data.wheels.state == "muddy":
        found.append(Broken("muddy_truck", data.wheels.confidence, "wheels"))
    if data.load.state == "uncovered":
        found.append(Broken("uncovered_load", data.load.confidence, "load"))
    score = round(passage.score, 4)
    dwell_s = data.wash_dwell_s
    if leaves and section.wash and dwell_s is not None and dwell_s < section.wash.min_dwell_s:
        found.append(Broken("unwashed_exit", score, limit=f"washed >= {section.wash.min_dwell_s:g} s"))
    loaded = data.load.state != "empty"
    if leaves and loaded and section.hours and not permitted(section.hours, passage.crossings[-1]):
        windows = ", ".join(section.hours.permitted) or "never"
        found.append(Broken("outside_hours", score, limit=f"permitted {windows} (UTC{section.hours.utc_offset_h:+g})"))
    return found


def permitted(hours: Hours, time: float) -> bool:
    """Whether trucks may leave at ``time`` (Unix seconds); a window's last minute is not in it."""
    minute = int((time + hours.utc_offset_h * 3600) % _DAY_S // 60)
    return any(minute in window for window in hours.windows())

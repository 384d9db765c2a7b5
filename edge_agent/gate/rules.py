"""Which violations a judged passage is. Mud counts on the way out; a standing truck has done nothing yet."""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.messages.gate import Judged, Kind, PassageData


class Broken(NamedTuple):
    """A rule that was broken, what of the truck was judged for it, and the verdict."""

    kind: Kind
    of: str
    judged: Judged


def broken(passage: PassageData) -> list[Broken]:
    """At most one of each kind."""
    found = []
    if passage.direction == "out" and passage.wheels.state == "muddy":
        found.append(Broken("muddy_truck", "wheels", passage.wheels))
    if passage.direction != "standing" and passage.load.state == "uncovered":
        found.append(Broken("uncovered_load", "load", passage.load))
    return found

"""What a review changes, and which label it gives. Pure.

A review never edits: its outcome is a correction message that refers to the first, and the newest one holds. What is
corrected must fit together: a violation whose wheels are said to be clean is not a corrected muddy_truck but none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec

from edge_agent.messages.gate import Change, Kind, Load, ReviewAction, Wheels

_GATE_KINDS = ("muddy_truck", "uncovered_load", "unwashed_exit", "outside_hours")
_PROVES = {"muddy_truck": ("wheels", "muddy"), "uncovered_load": ("load", "uncovered")}
_STAY_FIELDS = ("bay", "label", "in_time", "out_time")
_ID = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ReviewCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``review``: what ``by`` says of the ``violation`` or the ``stay`` with that message id.

    ``id`` names the command: sent again it changes nothing. ``kind`` goes with correct, ``load`` and ``wheels`` (what
    the pictures show) with correct and void, ``set`` (bay, label, in_time, out_time) with the correction of a stay.
    """

    id: _ID
    action: ReviewAction
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    violation: Annotated[str, msgspec.Meta(max_length=64)] = ""
    stay: Annotated[str, msgspec.Meta(max_length=64)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    kind: Kind | None = None
    load: Load | None = None
    wheels: Wheels | None = None
    set: dict[str, Annotated[str, msgspec.Meta(max_length=200)]] = {}

    @property
    def of(self) -> str:
        """The id of the message it speaks of."""
        return self.violation or self.stay


@dataclass(frozen=True, slots=True)
class Outcome:
    """``standing``: what holds of the message from now on; ``labels``: what a person saw, ``load`` and ``wheels``."""

    changes: list[Change]
    standing: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)


def standing_of(channel: str, data: Mapping[str, Any]) -> dict[str, str]:
    """What a violation or a stay says of itself that can be corrected, from its decoded data."""
    if channel == "stay":
        return {name: str(data.get(name) or "") for name in _STAY_FIELDS}
    passage = data.get("passage")
    judged = {"load": passage["load"]["state"], "wheels": passage["wheels"]["state"]} if passage else {}
    return {"kind": str(data["kind"]), **judged}


def decide(command: ReviewCommand, standing: Mapping[str, str]) -> Outcome:
    """What follows for a message of which ``standing`` holds. Raises ValueError with what is allowed."""
    if bool(command.violation) == bool(command.stay):
        raise ValueError("name the message that is meant: either violation or stay, with its id")
    if command.action != "confirm" and not command.reason:
        raise ValueError(f"reason is missing; {command.action} needs one")
    asked = _asked(command, standing)
    changes = [Change(field=n, before=standing[n], after=v) for n, v in asked.items() if standing[n] != v]
    after = {**standing, **asked}
    if command.action == "void":
        return Outcome([], dict(standing), _known(asked))
    if command.action == "correct":
        if not changes:
            said = ", ".join(f"{name} {value!r}" for name, value in standing.items())
            raise ValueError(f"nothing would change: it already says {said}; name what differs, or confirm it")
        _consistent(after)
    of, state = _PROVES.get(after.get("kind", ""), ("", ""))
    proven = {of: state} if of and of in standing else {}
    return Outcome(changes, after, _known({**proven, **{n: v for n, v in asked.items() if n != "kind"}}))


def _asked(command: ReviewCommand, standing: Mapping[str, str]) -> dict[str, str]:
    if command.stay:
        if command.kind or command.load or command.wheels:
            raise ValueError(
                f"kind, load and wheels are of a violation; a stay takes set with {', '.join(_STAY_FIELDS)}"
            )
        asked = dict(command.set)
    else:
        if command.set:
            raise ValueError("set is for a stay; a violation takes kind, load, wheels")
        given = {"kind": command.kind, "load": command.load, "wheels": command.wheels}
        asked = {name: str(value) for name, value in given.items() if value is not None}
    allowed = {"confirm": [], "correct": list(standing), "void": [n for n in ("load", "wheels") if n in standing]}
    for name, value in asked.items():
        if name not in allowed[command.action]:
            may = ", ".join(allowed[command.action]) or "nothing else"
            raise ValueError(f"{name} does not go with {command.action} here; allowed: {may}")
        if name.endswith("_time"):
            _moment(name, value)
        if name == "kind" and value != standing["kind"] and not _both_at_gate(value, standing):
            raise ValueError(
                f"kind {standing['kind']!r} cannot become {value!r}: only a truck's passage can be another kind, of "
                f"{', '.join(_GATE_KINDS)}; void it instead"
            )
    return asked


def _both_at_gate(kind: str, standing: Mapping[str, str]) -> bool:
    return "load" in standing and kind in _GATE_KINDS and standing["kind"] in _GATE_KINDS


def _consistent(after: Mapping[str, str]) -> None:
    kind = after.get("kind", "")
    of, state = _PROVES.get(kind, ("", ""))
    if of in after and after[of] != state:
        raise ValueError(
            f"{of} {after[of]!r} is no {kind}, which needs {state!r}; correct the kind too, or void it with that {of}"
        )
    if (
        after.get("in_time")
        and after.get("out_time")
        and _moment("", after["in_time"]) > _moment("", after["out_time"])
    ):
        raise ValueError(f"out_time {after['out_time']!r} is before in_time {after['in_time']!r}")


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{name} {text!r} is no time with a zone, as 2026-07-15T10:00:00+08:00")
    return moment


def _known(labels: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in labels.items() if n in ("load", "wheels") and v != "unknown"}

"""Joins what was judged of a truck in single frames into one verdict for its passage.

Frames are weighed by the quality of their crops and their probabilities averaged: neighbouring frames are not
independent, so they may not add up to a certainty that no single one has. What stays below the minimum confidence, or
rests on nothing fit to judge by, is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.gate import Judged
from edge_agent.vision.state import Judgement

_LEAST_QUALITY = 0.05
_CLEAR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Seen:
    """What was judged at ``time`` (Unix seconds)."""

    time: float
    judgement: Judgement


def join(seen: Sequence[Seen], of: str, least_confidence: float) -> Judged:
    """The verdict on ``of`` (load or wheels). ``frames`` are those that speak for its state."""
    total = sum(each.judgement.quality for each in seen)
    if not seen or max(each.judgement.quality for each in seen) < _LEAST_QUALITY:
        return Judged(state="unknown", confidence=0.0)
    shares: dict[str, float] = {}
    for each in seen:
        for state, share in probabilities(each.judgement, of).items():
            shares[state] = shares.get(state, 0.0) + share * each.judgement.quality / total
    state = max(shares, key=lambda name: shares[name])
    confidence = round(shares[state], 4)
    speaking = [rfc3339(each.time) for each in seen if probabilities(each.judgement, of)[state] >= _CLEAR_SHARE]
    if confidence < least_confidence:
        return Judged(state="unknown", confidence=confidence, frames=speaking)
    return Judged(state=state, confidence=confidence, frames=speaking)


def probabilities(judgement: Judgement, of: str) -> dict[str, float]:
    """Of one frame."""
    return judgement.load if of == "load" else judgement.wheels

"""Joins what was judged of a truck in single frames into one verdict for its passage.

A frame counts by the quality of its crop and by how far it can tell at all: what it calls ``unknown`` says nothing
about the truck and takes nothing from frames that see it. The states of the others are pooled by their logarithms with
weights that sum to 1 (logarithmic opinion pool; Genest and Zidek 1986, §3): neighbouring frames are not independent,
so they do not add up to a certainty that none of them has. The confidence is the pooled share times the surest frame's
share of known. What stays below the least confidence, or rests on nothing fit to judge by, is ``unknown``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.gate import Judged
from edge_agent.vision.state import Judgement

UNKNOWN = "unknown"
_LEAST_QUALITY = 0.05
_LEAST_SHARE = 0.02
_SPEAKS = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What was judged at ``time`` (Unix seconds)."""

    time: float
    judgement: Judgement


def join(seen: Sequence[Seen], of: str, least_confidence: float) -> Judged:
    """The verdict on ``of`` (load or wheels). ``frames`` are those that, where they can tell, say its state."""
    fit = [each for each in seen if each.judgement.quality >= _LEAST_QUALITY]
    told = [(each, known(each.judgement, of)) for each in fit]
    total = sum(share * each.judgement.quality for each, share in told)
    if total <= 0:
        return Judged(state=UNKNOWN, confidence=0.0)
    states = [state for state in probabilities(fit[0].judgement, of) if state != UNKNOWN]
    logs = dict.fromkeys(states, 0.0)
    for each, share in told:
        for state in states:
            logs[state] += share * each.judgement.quality / total * math.log(_within(each.judgement, of, state))
    pooled = {state: math.exp(value) for state, value in logs.items()}
    best = max(states, key=lambda state: pooled[state])
    confidence = round(pooled[best] / sum(pooled.values()) * max(share for _, share in told), 4)
    frames = [rfc3339(e.time) for e, share in told if share * _within(e.judgement, of, best) >= _SPEAKS]
    return Judged(state=best if confidence >= least_confidence else UNKNOWN, confidence=confidence, frames=frames)


def probabilities(judgement: Judgement, of: str) -> dict[str, float]:
    """Of one frame."""
    return judgement.load if of == "load" else judgement.wheels


def known(judgement: Judgement, of: str) -> float:
    """How sure one frame is that it can tell."""
    return 1.0 - probabilities(judgement, of).get(UNKNOWN, 0.0)


def _within(judgement: Judgement, of: str, state: str) -> float:
    """The state's share among those that are known, never 0."""
    shares = probabilities(judgement, of)
    return max(_LEAST_SHARE, shares[state] / max(known(judgement, of), 1e-6))

"""When a person must look at a violation before a case is opened, how grave each kind is, and what is remembered.

The default thresholds follow what was measured. The truck-state model is right in about half of the real pictures and
its confidence does not tell which half, so mud and load need a review below 0.97. Where the way alone tells, the
detector's score stands for the confidence.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Section, Share
from edge_agent.messages.gate import Kind, Severity

SURE: dict[Kind, float] = {
    "muddy_truck": 0.97,
    "uncovered_load": 0.97,
    "unwashed_exit": 0.8,
    "outside_hours": 0.8,
    "spillage": 0.9,
    "illegal_parking": 0.8,
    "dust_exceedance": 0.75,
}

# Urgent: it endangers traffic at once. Major: a law with a penalty names it (大气污染防治法 §70, §115, §116).
GRAVE: dict[Kind, Severity] = {
    "muddy_truck": "major",
    "uncovered_load": "major",
    "unwashed_exit": "major",
    "outside_hours": "minor",
    "spillage": "urgent",
    "illegal_parking": "minor",
    "dust_exceedance": "minor",
}


class Review(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``sure``: from which confidence a kind needs no review, 1.01 for always; ``severity`` of a kind.

    Kinds not named keep their defaults. ``remember`` violations and stays can still be reviewed; ``labels`` reviewed
    crops are kept for adaptation, the oldest go first.
    """

    sure: dict[Kind, Annotated[float, msgspec.Meta(ge=0, le=1.01)]] = {}
    severity: dict[Kind, Severity] = {}
    dust_major_ratio: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.0
    remember: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 5000
    labels: Annotated[int, msgspec.Meta(ge=10, le=1000)] = 100

    def sure_from(self, kind: Kind) -> Share:
        """The least confidence at which ``kind`` needs no review."""
        return self.sure.get(kind, SURE[kind])

    def severity_of(self, kind: Kind) -> Severity:
        """How grave ``kind`` is by itself."""
        return self.severity.get(kind, GRAVE[kind])

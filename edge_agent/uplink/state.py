"""How an uplink stands, as status and health tell it: what all kinds of destination have in common."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """``since`` and ``last_acknowledged`` are Unix seconds, 0 for never; ``error`` is a sentence, empty for none."""

    connected: bool
    address: str
    since: float
    last_acknowledged: float
    sent: int
    acknowledged: int
    refused: int
    connections: int
    error: str


@dataclass(slots=True)
class Traffic:
    """Counted since the agent's start, under the names of ``LinkState``."""

    last_acknowledged: float = 0.0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    connections: int = 0

"""What is said of the whole site: its card, and what was switched on it."""

from __future__ import annotations

import msgspec


class CardData(msgspec.Struct, frozen=True, kw_only=True):
    """The site card (红黄绿牌). ``inputs`` are what the rules judged, ``reasons`` the rules that hold.

    ``watched_s`` is how much of the rules' window has passed since this device first looked; time it was off in between
    counts as time without data.
    """

    colour: str
    since: str
    rules: str
    window_s: float
    watched_s: float
    inputs: dict[str, float]
    reasons: list[str]


class ActuationData(msgspec.Struct, frozen=True, kw_only=True):
    """A relay was switched; ``on_today_s`` is how long it was on since local midnight."""

    actuator: str
    on: bool
    reason: str
    on_today_s: float

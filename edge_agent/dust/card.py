"""The site card: green, yellow or red from what the device itself raised within the rules' window. Pure.

Fed with every draft that is recorded. A violation counts by what the newest correction says: not at all when it was
voided, again when it was confirmed after that, under another kind when it was corrected. The card speaks when the
colour or a count changes and, for fresh availability, once an hour of the data's time. It forgets with a restart:
``watched_s`` says how much of the window it saw.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from edge_agent.config.card import CardRules, Rule
from edge_agent.messages.dust import DustData, ExceedanceData
from edge_agent.messages.envelope import Draft, rfc3339
from edge_agent.messages.gate import CorrectionData, ViolationData
from edge_agent.messages.site import CardData

REPEAT_S = 3600.0
PARTICLES = ("tsp_ug_m3", "pm10_ug_m3", "pm2_5_ug_m3")


@dataclass(slots=True)
class _Event:
    """``key`` is the id of a violation's message."""

    time: float
    name: str
    key: str = ""
    counts: bool = True


class SiteCard:
    """``update`` with each recorded draft, ``tick`` when there is none."""

    def __init__(self, rules: CardRules) -> None:
        self._rules = rules
        self._events: deque[_Event] = deque()
        self._valid: deque[tuple[float, float]] = deque()
        self._base_s: dict[str, float] = {}
        self._first: float | None = None
        self._now = float("-inf")
        self._colour = ""
        self._counts: dict[str, float] = {}
        self._since = 0.0
        self._said = float("-inf")

    def update(self, draft: Draft, key: str = "") -> list[Draft]:
        """The card's message when it changed or is due; ``key`` is the id of the draft's message.

        ``card`` drafts themselves change nothing.
        """
        data = draft.data
        if isinstance(data, ViolationData):
            names = ("violations", f"violations.{data.kind}")
            self._events += [_Event(draft.time, name, key) for name in names]
        elif isinstance(data, CorrectionData):
            self._correct(data)
        elif isinstance(data, ExceedanceData):
            self._count(draft.time, data)
        elif isinstance(data, DustData):
            self._measure(draft.time, data)
        else:
            return []
        return self.tick(draft.time)

    def tick(self, now: float) -> list[Draft]:
        """Judges anew at ``now``; a clock set back by more than a day starts the window anew."""
        if now < self._now - 86400.0:
            self._events.clear()
            self._valid.clear()
            self._first, self._said = None, float("-inf")
            self._now = now
        self._now = max(self._now, now)
        self._first = self._now if self._first is None else self._first
        since = self._now - self._rules.window_s
        while self._events and self._events[0].time <= since:
            self._events.popleft()
        while self._valid and self._valid[0][0] <= since:
            self._valid.popleft()
        inputs = self._inputs()
        colour, reasons = self._judge(inputs)
        counts = {name: value for name, value in inputs.items() if name != "availability"}
        if (colour, counts) == (self._colour, self._counts) and self._now - self._said < REPEAT_S:
            return []
        self._counts = counts
        if colour != self._colour:
            self._colour, self._since = colour, self._now
        self._said = self._now
        data = CardData(
            colour=colour,
            since=rfc3339(self._since),
            rules=self._rules.name,
            window_s=self._rules.window_s,
            watched_s=self._watched_s(),
            inputs=inputs,
            reasons=reasons,
        )
        return [Draft("card", self._now, data)]

    def _correct(self, data: CorrectionData) -> None:
        kind = next((change.after for change in data.changes if change.field == "kind"), "")
        for event in self._events:
            if event.key and event.key == data.of:
                event.counts = data.action != "void"
                if kind and event.name != "violations":
                    event.name = f"violations.{kind}"

    def _count(self, time: float, data: ExceedanceData) -> None:
        if data.state == "started":
            self._events.append(_Event(time, "exceedances"))
        if data.state != "ended":
            self._events.append(_Event(time, "exceeding_windows"))

    def _measure(self, time: float, data: DustData) -> None:
        base_s = self._base_s[data.sensor] = min(data.window_s, self._base_s.get(data.sensor, data.window_s))
        shares = [data.values[name].share for name in PARTICLES if name in data.values]
        if data.window_s != base_s or not shares:
            return
        if self._first is None:
            self._first = datetime.fromisoformat(data.start).timestamp()
        self._valid.append((time, min(shares) * data.window_s))

    def _watched_s(self) -> float:
        assert self._first is not None
        return round(min(self._rules.window_s, self._now - self._first), 3)

    def _inputs(self) -> dict[str, float]:
        inputs = dict.fromkeys(("exceedances", "exceeding_windows", "violations"), 0.0)
        for event in self._events:
            if event.counts:
                inputs[event.name] = inputs.get(event.name, 0.0) + 1
        watched_s = self._watched_s()
        if self._base_s and watched_s >= self._rules.learning_s:
            expected_s = watched_s * len(self._base_s)
            inputs["availability"] = round(min(1.0, sum(valid for _, valid in self._valid) / expected_s), 4)
        return inputs

    def _judge(self, inputs: dict[str, float]) -> tuple[str, list[str]]:
        for colour in ("red", "yellow"):
            holding = [
                _said(rule, inputs) for rule in self._rules.rule if rule.colour == colour and _holds(rule, inputs)
            ]
            if holding:
                return colour, holding
        return "green", []


def _holds(rule: Rule, inputs: dict[str, float]) -> bool:
    value = inputs.get(rule.input, None if rule.input == "availability" else 0.0)
    if value is None:
        return False
    return value >= rule.at_least if rule.at_least is not None else value < (rule.below or 0.0)


def _said(rule: Rule, inputs: dict[str, float]) -> str:
    bound = f"at least {rule.at_least:g}" if rule.at_least is not None else f"below {rule.below:g}"
    return f"{rule.input} {inputs.get(rule.input, 0.0):g}, {rule.colour} when {bound}"

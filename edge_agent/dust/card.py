"""The site card: green, yellow or red from what the device itself raised within the rules' window. Pure.

Fed with every draft that is recorded. A violation counts by what the newest correction says: not at all when it was
voided, again when it was confirmed after that, under another kind when it was corrected. The card speaks when the
colour or a count changes and, for fresh availability, once an hour of the data's time. With ``memory`` and ``recall``
it goes on after a restart; the time in between is time without data. ``watched_s`` is how much of the window has passed
since it first looked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.config.card import CardRules, Rule
from edge_agent.messages.dust import DustData, ExceedanceData
from edge_agent.messages.envelope import Draft, rfc3339
from edge_agent.messages.gate import CorrectionData, ViolationData
from edge_agent.messages.site import CardData

REPEAT_S = 3600.0
SPAN_S = 600.0
PARTICLES = ("tsp_ug_m3", "pm10_ug_m3", "pm2_5_ug_m3")


@dataclass(slots=True)
class Event:
    """``key`` is the id of a violation's message."""

    time: float
    name: str
    key: str = ""
    counts: bool = True


@dataclass(slots=True)
class Span:
    """Some minutes of windows: their valid seconds, of all sensors; ``start`` and ``end`` in Unix seconds."""

    start: float
    end: float
    valid_s: float

    def since(self, time: float) -> float:
        """Valid seconds after ``time``, taken to be spread evenly."""
        return self.valid_s * min(1.0, (self.end - time) / (self.end - self.start))


@dataclass(slots=True)
class CardMemory:
    """What the card must know again after a restart."""

    first: float | None = None
    now: float | None = None
    events: list[Event] = field(default_factory=list)
    valid: list[Span] = field(default_factory=list)
    base_s: dict[str, float] = field(default_factory=dict)
    colour: str = ""
    colour_since: float = 0.0


class SiteCard:
    """``update`` with each recorded draft, ``tick`` when there is none."""

    def __init__(self, rules: CardRules) -> None:
        self._rules = rules
        self._events: deque[Event] = deque()
        self._valid: deque[Span] = deque()
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
            self._violated(draft.time, data.kind, key)
        elif isinstance(data, CorrectionData):
            self._correct(data)
        elif isinstance(data, ExceedanceData):
            self._count(draft.time, data)
        elif isinstance(data, DustData):
            self._measure(data)
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
        while self._valid and self._valid[0].end <= since:
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

    def memory(self) -> CardMemory:
        """As it stands now; it goes on changing, so write it down at once."""
        return CardMemory(
            first=self._first,
            now=self._now if self._first is not None else None,
            events=list(self._events),
            valid=list(self._valid),
            base_s=self._base_s,
            colour=self._colour,
            colour_since=self._since,
        )

    def recall(self, memory: CardMemory, sensors: Collection[str]) -> None:
        """Goes on where ``memory`` was taken; the card is said anew. ``sensors`` are those there are now."""
        self._first = memory.first
        self._now = float("-inf") if memory.now is None else memory.now
        self._events, self._valid = deque(memory.events), deque(memory.valid)
        self._base_s = {name: base_s for name, base_s in memory.base_s.items() if name in sensors}
        self._colour, self._since = memory.colour, memory.colour_since

    def _violated(self, time: float, kind: str, key: str) -> None:
        self._events += [Event(time, "violations", key), Event(time, f"violations.{kind}", key)]

    def _correct(self, data: CorrectionData) -> None:
        kind = next((change.after for change in data.changes if change.field == "kind"), "")
        for event in self._events:
            if event.key and event.key == data.of:
                event.counts = data.action != "void"
                if kind and event.name != "violations":
                    event.name = f"violations.{kind}"

    def _count(self, time: float, data: ExceedanceData) -> None:
        if data.state == "started":
            self._events.append(Event(time, "exceedances"))
        if data.state != "ended":
            self._events.append(Event(time, "exceeding_windows"))

    def _measure(self, data: DustData) -> None:
        base_s = self._base_s[data.sensor] = min(data.window_s, self._base_s.get(data.sensor, data.window_s))
        shares = [data.values[name].share for name in PARTICLES if name in data.values]
        if data.window_s != base_s or not shares:
            return
        start = datetime.fromisoformat(data.start).timestamp()
        if self._first is None:
            self._first = start
        span = self._valid[-1] if self._valid else None
        if span is None or not span.start <= start < span.start + SPAN_S:
            span = Span(start, start, 0.0)
            self._valid.append(span)
        span.end = max(span.end, start + data.window_s)
        span.valid_s += min(shares) * data.window_s

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
            since = self._now - self._rules.window_s
            inputs["availability"] = round(min(1.0, sum(span.since(since) for span in self._valid) / expected_s), 4)
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

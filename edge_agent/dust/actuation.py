"""When a fog cannon or sprinkler runs. Pure: it returns drafts, whoever records them switches the relay.

Off is the safe state: at the start, without valid data, when the day's share is used up. With ``memory`` and ``recall``
the day's share and the least time off go on after a restart. Off for safety does not wait
for ``min_on_s``; off because the air is better does. ``tick`` must be called at least every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge_agent.config.actuator import Actuator
from edge_agent.messages.dust import DustData, ExceedanceData
from edge_agent.messages.envelope import Draft
from edge_agent.messages.site import ActuationData

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class ActuationMemory:
    """``on_today_s`` of the local ``day``, counted since 1970; ``changed`` is when it was switched last, or None."""

    day: int
    on_today_s: float
    changed: float | None = None


class Actuation:
    """One relay. ``update`` with each draft of the device, ``tick`` with the time in between."""

    def __init__(self, settings: Actuator) -> None:
        self._settings = settings
        self._exceeding: set[str] = set()
        self._wanted = False
        self._why = ""
        self._on = False
        self._changed = float("-inf")
        self._valid = float("-inf")
        self._seen = float("-inf")
        self._base_s = float("inf")
        self._day = 0
        self._on_today_s = 0.0

    @property
    def on(self) -> bool:
        """Whether it is to run."""
        return self._on

    def memory(self) -> ActuationMemory:
        """What must be known again after a restart."""
        changed = self._changed if self._changed > float("-inf") else None
        return ActuationMemory(self._day, self._on_today_s, changed)

    def recall(self, memory: ActuationMemory) -> None:
        """Goes on with the day's share and the least time off; the relay itself is off."""
        self._day, self._on_today_s = memory.day, memory.on_today_s
        self._changed = float("-inf") if memory.changed is None else memory.changed

    def update(self, draft: Draft) -> list[Draft]:
        """Takes windows and exceedances of its sensor in."""
        data = draft.data
        if isinstance(data, DustData) and data.sensor == self._settings.sensor:
            self._measure(data)
        elif isinstance(data, ExceedanceData) and data.sensor == self._settings.sensor:
            if data.state == "ended":
                self._exceeding.discard(data.exceedance)
            else:
                self._exceeding.add(data.exceedance)
        else:
            return []
        return self.tick(draft.time)

    def tick(self, now: float) -> list[Draft]:
        """Switches where it is due."""
        if now < self._seen - 60:
            self._changed = min(self._changed, now)
            self._valid = min(self._valid, now)
        self._account(now)
        settings = self._settings
        if now - self._valid > settings.stale_s:
            return self._switch(now, False, f"no valid {settings.value_name} for {settings.stale_s:g} s")
        if self._on_today_s >= settings.max_on_s:
            return self._switch(now, False, f"was on for {settings.max_on_s:g} s today")
        wanted, why = self._wanted, self._why
        if settings.on_exceedance and self._exceeding:
            wanted, why = True, "a limit is exceeded"
        wait_s = settings.min_on_s if self._on else settings.min_off_s
        if wanted == self._on or now - self._changed < wait_s:
            return []
        return self._switch(now, wanted, why)

    def finish(self, now: float) -> list[Draft]:
        """The post stops: off."""
        return self._switch(now, False, "the agent stops")

    def _measure(self, data: DustData) -> None:
        self._base_s = min(self._base_s, data.window_s)
        value = data.values.get(self._settings.value_name)
        if data.window_s != self._base_s or value is None or value.mean is None or value.flag != "N":
            return
        self._valid = datetime.fromisoformat(data.start).timestamp() + data.window_s
        if value.mean > self._settings.on_above:
            self._wanted = True
            self._why = f"{self._settings.value_name} {value.mean:g} above {self._settings.on_above:g}"
        elif value.mean < self._settings.off_below:
            self._wanted = False
            self._why = f"{self._settings.value_name} {value.mean:g} below {self._settings.off_below:g}"

    def _account(self, now: float) -> None:
        """Adds what it was on since the last look, to the local day it belongs to."""
        day = int((now + self._settings.utc_offset_h * 3600) // DAY_S)
        if day != self._day:
            midnight = day * DAY_S - self._settings.utc_offset_h * 3600
            self._day, self._on_today_s = day, 0.0
            self._seen = max(self._seen, midnight) if self._seen > float("-inf") else self._seen
        if self._on and 0 < now - self._seen < DAY_S:
            self._on_today_s += now - self._seen
        self._seen = now

    def _switch(self, now: float, on: bool, why: str) -> list[Draft]:
        if on == self._on:
            return []
        self._on, self._changed = on, now
        data = ActuationData(actuator=self._settings.name, on=on, reason=why, on_today_s=round(self._on_today_s, 1))
        return [Draft("actuation", now, data, subject=self._settings.name)]

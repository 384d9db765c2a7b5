"""What follows from everything a device raises: the site's card and its lamp, and the relays that fight the dust.

Safe for threads: whoever recorded a draft calls ``update`` and records what comes back. Switching takes milliseconds on
GPIO, up to some seconds on a Modbus line that is ill. A relay that is gone is tried again every 10 s and told in
``problems``; it is off whenever it is opened and when the agent stops. One that is there is told its state again every
10 s: a board that lost power meanwhile is set right, one that opens when nobody speaks to it stays closed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from drivers.errors import DeviceLostError
from drivers.relays import Relay, open_relay
from edge_agent.agent.memory import RememberingActuation, RememberingCard
from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.config.card import read_rules
from edge_agent.dust.actuation import Actuation
from edge_agent.dust.card import SiteCard
from edge_agent.messages import Draft
from edge_agent.messages.site import ActuationData, CardData

log = logging.getLogger(__name__)

_AGAIN_S = 10.0


class Site:
    """Nothing, where neither a card nor an actuator is configured."""

    def __init__(self, config: Config, file: Path, clock: Clock) -> None:
        """Raises ConfigError for card rules, BadSettingError for relay ports that are none."""
        self._lock = threading.Lock()
        self._card = _card(config, file) if config.card else None
        lamp = config.card.lamp if config.card else {}
        self._lamp = {colour: _Switch(f"lamp {colour}", port, False, clock) for colour, port in lamp.items()}
        self._actuations = [
            (
                RememberingActuation(Actuation(section), Path(config.device.data_dir, f"{section.name}.relay")),
                _Switch(section.name, section.port, section.active_low, clock),
            )
            for section in config.actuator
        ]

    def update(self, draft: Draft, key: str = "") -> list[Draft]:
        """What follows from a recorded draft, whose message has the id ``key``."""
        if isinstance(draft.data, CardData | ActuationData):
            return []
        with self._lock:
            drafts = self._lit(self._card.update(draft, key)) if self._card else []
            for actuation, switch in self._actuations:
                drafts += _switched(actuation.update(draft), switch)
        return drafts

    def tick(self, now: float) -> list[Draft]:
        """What follows from the time alone; about once a second."""
        with self._lock:
            drafts = self._lit(self._card.tick(now)) if self._card else []
            for actuation, switch in self._actuations:
                drafts += _switched(actuation.tick(now), switch)
            for switch in self._switches():
                switch.again()
        return drafts

    def close(self, now: float) -> list[Draft]:
        """Everything off."""
        with self._lock:
            drafts = [draft for actuation, _ in self._actuations for draft in actuation.finish(now)]
            if self._card:
                self._card.close()
            for switch in self._switches():
                switch.close()
        return drafts

    def problems(self) -> list[str]:
        """Relays that cannot be switched."""
        return [f"{switch.name}: {switch.problem}" for switch in self._switches() if switch.problem]

    def state(self) -> dict[str, bool]:
        """Relays by name, and whether they are on."""
        return {switch.name: switch.on for switch in self._switches()}

    def _switches(self) -> list[_Switch]:
        return [*self._lamp.values(), *(switch for _, switch in self._actuations)]

    def _lit(self, drafts: list[Draft]) -> list[Draft]:
        for draft in drafts:
            if isinstance(draft.data, CardData):
                for colour, switch in self._lamp.items():
                    switch.turn(colour == draft.data.colour)
        return drafts


def _card(config: Config, file: Path) -> RememberingCard:
    assert config.card
    card = SiteCard(read_rules(config.card.rules, file))
    return RememberingCard(card, Path(config.device.data_dir, "site.card"), {sensor.name for sensor in config.dust})


class _Switch:
    """A relay that may be away; it gets the newest state when it is back."""

    def __init__(self, name: str, port: str, active_low: bool, clock: Clock) -> None:
        self.name = name
        self.on = False
        self.problem = ""
        self._open: Callable[[], Relay] = lambda: open_relay(port, active_low=active_low, now=clock.time)
        self._clock = clock
        self._relay: Relay | None = None
        self._tried = float("-inf")
        self.again()

    def turn(self, on: bool) -> None:
        if on != self.on:
            self.on = on
            self._apply()

    def again(self) -> None:
        """Opens a relay that is away, and tells one that is there its state, every 10 s."""
        if self._clock.monotonic() - self._tried < _AGAIN_S:
            return
        self._tried = self._clock.monotonic()
        try:
            self._relay = self._relay or self._open()
        except DeviceLostError as error:
            self._fail(error)
        else:
            self._apply()

    def close(self) -> None:
        self.on = False
        relay, self._relay = self._relay, None
        if relay is not None:
            try:
                relay.close()
            except DeviceLostError as error:
                self._fail(error)

    def _apply(self) -> None:
        if self._relay is None:
            return
        try:
            self._relay.switch(self.on)
            self.problem = ""
        except DeviceLostError as error:
            relay, self._relay = self._relay, None
            with contextlib.suppress(DeviceLostError):
                relay.close()
            self._fail(error)

    def _fail(self, error: DeviceLostError) -> None:
        if str(error) != self.problem:
            log.error("%s: %s", self.name, error)
        self.problem = str(error)


def _switched(drafts: list[Draft], switch: _Switch) -> list[Draft]:
    for draft in drafts:
        if isinstance(draft.data, ActuationData):
            switch.turn(draft.data.on)
    return drafts

"""What goes on after a restart: a dust watch's windows and exceedances, these under their ids and with their one
violation, the windows that wait for the city's air and the last of that; the last day of the site card; how long a
relay was on today.

Each is written to a file of the data folder, after what came of it was recorded. The watch's is written once a minute
where a window has closed, and with the next reading where more than that happened: a power cut costs at worst the last
minute of open windows, and a second "started" of the same exceedance, never a lost one. The card's is written when
something was counted, before the card that says so is recorded, and once a minute for its availability: a cut costs at
worst the event that was just committed, and a minute. A file that cannot be read is replaced by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from drivers.readings import Reading
from edge_agent.dust.actuation import Actuation, ActuationMemory
from edge_agent.dust.card import CardMemory, SiteCard
from edge_agent.dust.city import CityAir
from edge_agent.dust.quality import Mark
from edge_agent.dust.watch import DustWatch, WatchMemory
from edge_agent.evidence.files import Files
from edge_agent.messages import Draft

log = logging.getLogger(__name__)

_EVERY_S = 60.0
T = TypeVar("T")


class _Kept(Generic[T]):
    """One memory of form ``form`` at ``path``; ``lost`` says what becomes of it where the file cannot be used."""

    def __init__(self, path: Path, form: type[T], lost: str, files: Files | None) -> None:
        self._path, self._form, self._lost = path, form, lost
        self._files = files or Files()

    def read(self) -> T | None:
        """What was written last; None where nothing was, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=self._form)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read (%s); %s", self._path, error, self._lost)
            return None

    def write(self, memory: T) -> None:
        """Puts it in the place of the last one."""
        try:
            self._files.replace(self._path, msgspec.json.encode(memory))
        except OSError as error:
            log.warning("%s cannot be written (%s); after a restart %s", self._path, error, self._lost)


class RememberingWatch:
    """As ``DustWatch``, with ``path`` for its memory."""

    def __init__(self, watch: DustWatch, path: Path, files: Files | None = None) -> None:
        self._watch = watch
        self._kept = _Kept(path, WatchMemory, "exceedances begin anew", files)
        self._due = False
        self._closed = False
        self._waiting = 0
        self._written = float("-inf")
        memory = self._kept.read()
        if memory is not None:
            watch.recall(memory)

    def update(self, reading: Reading) -> list[Draft]:
        """Takes one reading in."""
        self._write(reading.time)
        return self._noted(self._watch.update(reading))

    def tick(self, now: float) -> list[Draft]:
        """See ``DustWatch.tick``."""
        self._write(now)
        return self._noted(self._watch.tick(now))

    def city(self, air: CityAir) -> list[Draft]:
        """See ``DustWatch.city``."""
        drafts = self._noted(self._watch.city(air))
        self._due = True
        return drafts

    def mark(self, mark: Mark | None) -> None:
        """See ``DustWatch.mark``."""
        self._watch.mark(mark)

    def finish(self) -> list[Draft]:
        """Pauses: longer windows go on after the restart. The memory is written at once, for nothing follows."""
        drafts = self._watch.pause()
        self._due = True
        self._write(self._written)
        return drafts

    def state(self) -> dict[str, Any]:
        """See ``DustWatch.state``."""
        return self._watch.state()

    def _noted(self, drafts: list[Draft]) -> list[Draft]:
        if drafts:
            self._closed = True
            waiting = self._watch.waiting
            self._due |= waiting != self._waiting or any(draft.channel != "dust" for draft in drafts)
            self._waiting = waiting
        return drafts

    def _write(self, now: float) -> None:
        if not (self._due or (self._closed and abs(now - self._written) >= _EVERY_S)):
            return
        self._due = self._closed = False
        self._written = now
        self._kept.write(self._watch.memory())


class RememberingCard:
    """As ``SiteCard`` of a site with ``sensors``, with ``path`` for its memory."""

    def __init__(self, card: SiteCard, path: Path, sensors: Collection[str], files: Files | None = None) -> None:
        self._card = card
        self._kept = _Kept(path, CardMemory, "the site card's day begins anew", files)
        self._written = float("-inf")
        memory = self._kept.read()
        if memory is not None:
            card.recall(memory, sensors)

    def update(self, draft: Draft, key: str = "") -> list[Draft]:
        """See ``SiteCard.update``."""
        drafts = self._card.update(draft, key)
        if draft.channel != "dust" or abs(draft.time - self._written) >= _EVERY_S:
            self._write(draft.time)
        return drafts

    def tick(self, now: float) -> list[Draft]:
        """See ``SiteCard.tick``."""
        return self._card.tick(now)

    def close(self) -> None:
        """Writes what is not yet written."""
        self._write(self._written)

    def _write(self, time: float) -> None:
        self._written = time
        self._kept.write(self._card.memory())


class RememberingActuation:
    """As ``Actuation``, with ``path`` for its memory: written with every switch, and once a minute while it is on."""

    def __init__(self, actuation: Actuation, path: Path, files: Files | None = None) -> None:
        self._actuation = actuation
        self._kept = _Kept(path, ActuationMemory, "the relay's day begins anew", files)
        self._written = float("-inf")
        memory = self._kept.read()
        if memory is not None:
            actuation.recall(memory)

    def update(self, draft: Draft) -> list[Draft]:
        """See ``Actuation.update``."""
        return self._noted(self._actuation.update(draft), draft.time)

    def tick(self, now: float) -> list[Draft]:
        """See ``Actuation.tick``."""
        return self._noted(self._actuation.tick(now), now)

    def finish(self, now: float) -> list[Draft]:
        """See ``Actuation.finish``."""
        return self._noted(self._actuation.finish(now), now)

    def _noted(self, drafts: list[Draft], now: float) -> list[Draft]:
        if drafts or (self._actuation.on and abs(now - self._written) >= _EVERY_S):
            self._written = now
            self._kept.write(self._actuation.memory())
        return drafts

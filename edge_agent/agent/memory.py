"""A dust watch that goes on after a restart: an exceedance that outlasts it keeps its id and its one violation.

What the limits must know is written to a file of the data folder, after what came of it was recorded: with the next
reading, some seconds later at most. A power cut in between costs at worst a second "started" of the same exceedance,
never a lost one. A file that cannot be read is set aside by being written anew.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec

from drivers.readings import Reading
from edge_agent.dust.city import CityAir
from edge_agent.dust.limits import LimitMemory
from edge_agent.dust.watch import DustWatch
from edge_agent.evidence.files import Files
from edge_agent.messages import Draft

log = logging.getLogger(__name__)


class RememberingWatch:
    """As ``DustWatch``, with ``path`` for its memory."""

    def __init__(self, watch: DustWatch, path: Path, files: Files | None = None) -> None:
        self._watch = watch
        self._path = path
        self._files = files or Files()
        self._due = False
        try:
            watch.recall(msgspec.json.decode(path.read_bytes(), type=dict[str, LimitMemory]))
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read (%s); exceedances begin anew", path, error)

    def update(self, reading: Reading) -> list[Draft]:
        """Takes one reading in."""
        self._write()
        return self._noted(self._watch.update(reading))

    def tick(self, now: float) -> list[Draft]:
        """See ``DustWatch.tick``."""
        self._write()
        return self._noted(self._watch.tick(now))

    def city(self, air: CityAir) -> list[Draft]:
        """See ``DustWatch.city``."""
        return self._noted(self._watch.city(air))

    def finish(self) -> list[Draft]:
        """Closes all windows; the memory is written at once, for nothing follows."""
        drafts = self._noted(self._watch.finish())
        self._write()
        return drafts

    def state(self) -> dict[str, Any]:
        """See ``DustWatch.state``."""
        return self._watch.state()

    def _noted(self, drafts: list[Draft]) -> list[Draft]:
        self._due = self._due or any(draft.channel != "dust" for draft in drafts)
        return drafts

    def _write(self) -> None:
        if not self._due:
            return
        self._due = False
        new = self._path.with_suffix(".new")
        try:
            self._files.write(new, msgspec.json.encode(self._watch.memory()))
            self._files.move(new, self._path)
            self._files.sync_folder(self._path.parent)
        except OSError as error:
            log.warning("%s cannot be written (%s); after a restart exceedances begin anew", self._path, error)

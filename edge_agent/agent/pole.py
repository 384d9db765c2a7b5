"""A pole's watch that goes on after a restart or a power cut: no stay is lost, none begins twice.

What the watch knows is written to a file of the data folder before what came of it is recorded, together with what is
still to be recorded: after a kill in between it is recorded at the next start, with the same ``stay`` and ``phase`` and
at worst once more. States that merely hold are written every 5 minutes, so that after an outage a vehicle that left is
known to have been there until then. A file that cannot be read is set aside by being written anew.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from drivers.frames import Frame
from edge_agent.errors import ConfigError
from edge_agent.evidence.files import Files
from edge_agent.messages import CHANNELS, Draft, Picture
from edge_agent.parking.watch import PoleMemory, PoleWatch

if TYPE_CHECKING:
    from edge_agent.config import Pole
    from edge_agent.vision.network import Image

log = logging.getLogger(__name__)

_EVERY_S = 300.0
_KEPT = ("stay", "violation")


class Pending(msgspec.Struct):
    """A draft that may not have been recorded; ``data`` is the JSON of its channel's class."""

    channel: str
    time: float
    data: bytes
    subject: str
    pictures: list[Picture] = []


class Memory(msgspec.Struct):
    """The file, in MessagePack."""

    watch: PoleMemory
    pending: list[Pending] = []


class RememberingPole:
    """As ``PoleWatch``, with ``path`` for its memory."""

    def __init__(self, watch: PoleWatch, path: Path, files: Files | None = None) -> None:
        self._watch = watch
        self._path = path
        self._files = files or Files()
        self._pending: list[Draft] = []
        self._again: list[Draft] = []
        self._written = float("-inf")
        try:
            memory = msgspec.msgpack.decode(path.read_bytes(), type=Memory)
            self._again = [_draft(pending) for pending in memory.pending]
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, KeyError) as error:
            log.warning("%s cannot be read (%s); bays and stays begin anew", path, error)
            return
        watch.recall(memory.watch)

    def update(self, frame: Frame) -> list[Draft]:
        """Takes one frame in; what it returned last time was recorded by now."""
        recorded, self._pending = self._pending, []
        again, self._again = self._again, []
        drafts = self._watch.update(frame)
        self._pending = [draft for draft in [*again, *drafts] if draft.channel in _KEPT]
        changed = any(draft.channel == "bay" for draft in drafts)
        if self._pending or recorded or changed or abs(frame.time - self._written) >= _EVERY_S:
            self._write(frame.time)
        return [*again, *drafts]

    def finish(self) -> list[Draft]:
        """Stopped: stays go on when it is started again."""
        self._pending = []
        drafts = self._watch.finish()
        self._write(self._written)
        return drafts

    def state(self) -> dict[str, Any]:
        """See ``PoleWatch.state``."""
        return self._watch.state()

    def problems(self) -> list[str]:
        """See ``PoleWatch.problems``."""
        return self._watch.problems()

    def _write(self, time: float) -> None:
        self._written = time
        memory = Memory(self._watch.memory(), [_pending(draft) for draft in self._pending])
        try:
            self._files.replace(self._path, msgspec.msgpack.encode(memory))
        except OSError as error:
            log.warning("%s cannot be written (%s); a restart now would begin all stays anew", self._path, error)


def pole_watch(section: Pole, file: Path) -> PoleWatch:
    """The watch of a configured pole; ``file`` is where its configuration was read. Raises ModelError, ConfigError."""
    return PoleWatch(section, reference=reference_of(section, file))


def reference_of(section: Pole, file: Path) -> Image | None:
    """The reference picture of a pole, found beside the configuration. Raises ConfigError."""
    if not section.reference:
        return None
    from drivers.opencv import read_picture
    from edge_agent.vision.registration import Registration

    path = file.parent / section.reference
    image = read_picture(path) if path.is_file() else None
    key = f"pole of camera {section.camera.name!r}: reference"
    if image is None:
        todo = "give a picture of this camera, taken when the bays were drawn"
        raise ConfigError(file, key, f"{path} is no picture that can be read; {todo}")
    try:
        Registration(image)
    except ValueError as error:
        raise ConfigError(file, key, f"{path}: {error}") from error
    return image


def _pending(draft: Draft) -> Pending:
    return Pending(draft.channel, draft.time, msgspec.json.encode(draft.data), draft.subject, list(draft.pictures))


def _draft(pending: Pending) -> Draft:
    data = msgspec.json.decode(pending.data, type=CHANNELS[pending.channel].data)
    return Draft(pending.channel, pending.time, data, pending.subject, tuple(pending.pictures))

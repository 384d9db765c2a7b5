"""Marks on a dust sensor: for some time its data is not to be taken as measured, because a person says so.

A mark is a file in the data folder, so it outlasts restarts and can be set by the command ``mark`` of a platform and by
``edge-agent mark`` on the box alike; the sensor's source looks every second. It is seen in the windows, in their flag
and reason, and in the device's problems for as long as it holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.readings import Quality
from edge_agent.dust.quality import Mark
from edge_agent.evidence.files import Files

log = logging.getLogger(__name__)

LONGEST_S = 31 * 86400.0
_LOOK_S = 1.0


class MarkCommand(msgspec.Struct, frozen=True, kw_only=True):
    """``mark``: for ``for_s`` a sensor's data is M (maintenance), C (calibration), F (out of service), S (set by hand).

    N ends the mark. ``sensor`` may be left out where there is one. ``reason`` goes into the windows.
    """

    id: str = ""
    flag: Literal["M", "C", "F", "S", "N"]
    sensor: str = ""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    for_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 3600.0


def mark(asked: MarkCommand, sensors: Collection[str], data_dir: Path, now: float, files: Files | None = None) -> str:
    """Sets or ends a mark; a sentence about what holds now.

    Raises ValueError for a sensor that is none and for a missing reason, OSError.
    """
    sensor = asked.sensor or (next(iter(sensors)) if len(sensors) == 1 else "")
    if sensor not in sensors:
        there = ", ".join(sorted(sensors)) or "none"
        raise ValueError(f"no dust sensor is named {asked.sensor!r}; there are: {there}")
    path = data_dir / f"{sensor}.mark"
    if asked.flag == "N":
        path.unlink(missing_ok=True)
        return f"{sensor} is taken as measured"
    if not asked.reason.strip():
        raise ValueError("a reason is missing; it goes to the city with the data")
    found = Mark(Quality(asked.flag), asked.reason.strip(), now, now + asked.for_s)
    new, files = path.with_name(f"{path.name}.new"), files or Files()
    files.write(new, msgspec.json.encode(found))
    new.chmod(0o644)  # root's mark is the agent's to read
    files.move(new, path)
    files.sync_folder(data_dir)
    return said(sensor, found)


def said(sensor: str, found: Mark) -> str:
    """A mark in a sentence."""
    until = datetime.fromtimestamp(found.until, UTC).astimezone()
    return f"{sensor} is marked {found.flag} ({found.reason}) until {until:%Y-%m-%d %H:%M %z}"


def handler(sensors: Collection[str], data_dir: Path, now: Callable[[], float]) -> Callable[[bytes], str]:
    """Answers the command ``mark``."""

    def handle(payload: bytes) -> str:
        try:
            return mark(msgspec.json.decode(payload, type=MarkCommand), sensors, data_dir, now())
        except OSError as error:
            raise ValueError(f"the mark cannot be written: {error}") from error

    return handle


class MarkFile:
    """One sensor's mark as it stands in the data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._due = float("-inf")
        self.mark: Mark | None = None

    def poll(self, now: float) -> bool:
        """Whether the mark is another one than before; looks every second of ``now`` (monotonic)."""
        if now < self._due:
            return False
        self._due = now + _LOOK_S
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_ino)
            if version == self._version:
                return False
            self.mark, self._version = msgspec.json.decode(self._path.read_bytes(), type=Mark), version
        except FileNotFoundError:
            changed = self.mark is not None
            self.mark = self._version = None
            return changed
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read: %s; write it anew: edge-agent mark", self._path, error)
            self._due = now + 60.0
            return False
        return True

"""The city's air from a file that somebody else renews: a CSV with the fields of the command ``city-air``.

Columns: ``start`` (RFC 3339 with time zone), any value names such as ``pm10_ug_m3``, and, where known, ``window_s``,
``aqi``, ``primary``. Empty cells are left out. The file is read anew when it changes; renew it by renaming a whole one
over it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from edge_agent.agent.commands import CityAirCommand
from edge_agent.dust.city import CityAir
from edge_agent.errors import ConfigError

_LOOK_S = 30.0
_FIELDS = ("start", "window_s", "aqi", "primary")


def read_city(path: Path | str) -> list[CityAir]:
    """The records of the file. Raises ConfigError with the line that is wrong."""
    file = Path(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(file, "", f"cannot be read: {error}") from error
    return [_record(file, number, row) for number, row in enumerate(rows, 2)]


def _record(file: Path, number: int, row: dict[str, str | None]) -> CityAir:
    given = {name: text.strip() for name, text in row.items() if name and isinstance(text, str) and text.strip()}
    fields = {name: given.pop(name) for name in _FIELDS if name in given}
    try:
        return msgspec.convert(fields | {"values": given}, CityAirCommand, strict=False).air()
    except ValueError as error:
        raise ConfigError(file, f"line {number}", str(error)) from error


class CityFiles:
    """``poll`` about once a second; each file's records go to its ``tell``."""

    def __init__(self, files: Iterable[tuple[str, Callable[[CityAir], None]]]) -> None:
        self._files = [(Path(name), tell) for name, tell in files if name]
        self._seen: dict[tuple[int, Path], tuple[int, int]] = {}
        self._problems: dict[Path, str] = {}
        self._due = float("-inf")

    def poll(self, now: float) -> None:
        """Looks every 30 s of ``now`` (monotonic) whether a file has changed."""
        if now < self._due:
            return
        self._due = now + _LOOK_S
        for number, (path, tell) in enumerate(self._files):
            try:
                found = path.stat()
                version = (found.st_mtime_ns, found.st_ino)
                if self._seen.get((number, path)) == version:
                    continue
                for air in read_city(path):
                    tell(air)
            except OSError as error:
                self._problems[path] = f"{path}: {error.strerror}; limits that need the city's air are not judged"
            except ConfigError as error:
                self._problems[path] = f"{error}; limits that need the city's air are not judged"
            else:
                self._seen[number, path] = version
                self._problems.pop(path, None)

    def problems(self) -> list[str]:
        """Files that cannot be used, and what follows from it."""
        return list(self._problems.values())

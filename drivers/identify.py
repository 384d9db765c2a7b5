"""Tells by its bytes which driver and model a recording was made with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from drivers.driver import Driver
from drivers.errors import DriverError
from drivers.recording import chunks_of
from drivers.table import driver_of, names

_BEGINNING = 1 << 18


class Match(NamedTuple):
    """A driver and model that find so many measurements."""

    driver: str
    model: str
    measurements: int


def identify(file: Path) -> list[Match]:
    """The drivers that find measurements in the first 256 KiB of a recording, most first; ties by ``likely_first``.

    Raises BadRecordingError when it cannot be read.
    """
    return identify_bytes(_beginning(file))


def reads(file: Path, driver: str, model: str) -> bool:
    """Whether this driver and model, which may be a register map of one's own, find a measurement there.

    Raises BadRecordingError when it cannot be read, UnknownDriverError, BadSettingError.
    """
    return _count(driver_of(driver, model), _beginning(file)) > 0


def identify_bytes(data: bytes) -> list[Match]:
    """As ``identify``; models that find equally much are told by the first."""
    matches = [_best_model(name, data) for name in likely_first()]
    return sorted((match for match in matches if match.measurements), key=lambda match: -match.measurements)


def likely_first() -> list[str]:
    """All drivers, Plantower before Honeywell: where their frames look alike, the common one is likelier."""
    return sorted(names(), key=lambda name: (name == "honeywell", name))


def _beginning(file: Path) -> bytes:
    beginning = bytearray()
    for _, block in chunks_of(file):
        beginning += block
        if len(beginning) >= _BEGINNING:
            break
    return bytes(beginning)


def _best_model(name: str, data: bytes) -> Match:
    matches = [Match(name, model, _count(driver_of(name, model), data)) for model in driver_of(name).models]
    return max(matches, key=lambda match: match.measurements)


def _count(driver: Driver, data: bytes) -> int:
    framer = driver.framer()
    queries = tuple(driver.queries()) or (b"",)
    count = 0
    for frame in [*framer.feed(data), *framer.end()]:
        try:
            count += driver.decode(frame, queries[count % len(queries)]) is not None
        except DriverError:
            continue
    return count

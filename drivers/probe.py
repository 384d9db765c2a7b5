"""Finds out what is plugged in: listens first, then asks in every protocol there is.

A sensor that sends by itself at 9600 bit/s is named within ``LISTEN_S``; then every driver's device is woken and asked,
which takes about a second each; last, other bit rates are listened to. Some ten seconds in all where nothing answers.
Asking may wake a device and change its mode; that does not matter, for opening sets it. Honeywell's frames sent by
themselves look like Plantower's: who answers Honeywell's question is Honeywell's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from drivers.driver import Driver, Mode, Sample
from drivers.errors import DriverError
from drivers.framer import Framer
from drivers.identify import likely_first
from drivers.port import Line
from drivers.serial_port import SerialPort
from drivers.table import driver_of

LISTEN_S = 1.5
ANSWER_S = 0.8
AWAKE_S = 3.0
_TELLING = 5
_SENT_BY_BOTH = b"\x42\x4d"

_PLACES = ("/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*", "/dev/serial0")


@dataclass(frozen=True, slots=True)
class Found:
    """What answers on a port; ``models`` are those that this frame could come from, the likeliest first."""

    port: str
    driver: str
    models: tuple[str, ...]
    mode: Mode
    values: dict[str, float]

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value:g}" for name, value in list(self.values.items())[:4])
        return f"driver {self.driver}, model {' or '.join(self.models)}, mode {self.mode} ({values})"


def serial_ports() -> list[str]:
    """The serial devices of this machine, each once, by its most lasting name."""
    found: dict[Path, str] = {}
    for place in _PLACES:
        for path in sorted(Path("/").glob(place.lstrip("/"))):
            found.setdefault(path.resolve(), str(path))
    return list(found.values())


def probe(port: str, *, monotonic: Callable[[], float]) -> Found | None:
    """What is plugged into ``port``, or None.

    Raises DeviceLostError when the port cannot be opened or dies.
    """
    usual, *others = dict.fromkeys(driver.line for driver in _drivers())
    heard = _listen(port, usual, monotonic)
    if heard is not None:
        if heard.driver != "plantower":
            return heard
        return _ask(port, driver_of("honeywell"), monotonic, ignoring=_SENT_BY_BOTH) or heard
    for driver in _drivers():
        answered = _ask(port, driver, monotonic)
        if answered is not None:
            return answered
    return next((heard for line in others if (heard := _listen(port, line, monotonic)) is not None), None)


def _drivers() -> Iterator[Driver]:
    """Every driver once for each way its models set the line or ask."""
    seen = set()
    for name in likely_first():
        for model in driver_of(name).models:
            driver = driver_of(name, model)
            way = (name, driver.line, tuple(driver.queries()))
            if way not in seen:
                seen.add(way)
                yield driver


def _listen(port: str, line: Line, monotonic: Callable[[], float]) -> Found | None:
    framers = [
        (driver, driver.framer()) for driver in _drivers() if driver.line == line and Mode.ACTIVE in driver.modes
    ]
    with closing(SerialPort(port, line)) as opened:
        until = monotonic() + LISTEN_S
        while framers and (left_s := until - monotonic()) > 0:
            data = opened.read(4096, left_s)
            for driver, framer in framers:
                for frame in framer.feed(data):
                    found = _found(port, driver, frame, Mode.ACTIVE)
                    if found is not None:
                        return found
    return None


def _ask(port: str, driver: Driver, monotonic: Callable[[], float], ignoring: bytes | None = None) -> Found | None:
    """Wakes and asks; any other frame of ``_TELLING`` bytes or more is reason to ask on for ``AWAKE_S``."""
    if Mode.QUERY not in driver.modes:
        return None
    query = driver.queries()[0]
    framer = driver.framer()
    with closing(SerialPort(port, driver.line)) as opened:
        for command in driver.opening(Mode.QUERY):
            opened.write(command.data)
            _frames_within(opened, framer, command.settle_s, monotonic)
        began = monotonic()
        until = began + ANSWER_S
        asked_at = float("-inf")
        while (now := monotonic()) < until:
            if now - asked_at > ANSWER_S / 2:
                opened.write(query)
                asked_at = now
            for frame in _frames_within(opened, framer, 0.05, monotonic):
                if ignoring is not None and frame.startswith(ignoring):
                    continue
                found = _found(port, driver, frame, Mode.QUERY, query)
                if found is not None:
                    return found
                if len(frame) >= _TELLING:
                    until = began + AWAKE_S
    return None


def _frames_within(port: SerialPort, framer: Framer, duration_s: float, monotonic: Callable[[], float]) -> list[bytes]:
    frames = []
    until = monotonic() + duration_s
    while (left_s := until - monotonic()) > 0:
        frames += framer.feed(port.read(4096, left_s))
    return frames


def _found(port: str, driver: Driver, frame: bytes, mode: Mode, query: bytes = b"") -> Found | None:
    fitting = _fitting(driver, frame, query)
    if not fitting:
        return None
    return Found(port, driver.name, tuple(model for model, _ in fitting), mode, dict(fitting[0][1].values))


def _fitting(driver: Driver, frame: bytes, query: bytes) -> list[tuple[str, Sample]]:
    """The models that understand ``frame`` and what they read in it."""
    fitting = []
    for model in driver.models:
        try:
            sample = driver_of(driver.name, model).decode(frame, query)
        except DriverError:
            continue
        if sample is not None:
            fitting.append((model, sample))
    return fitting

"""The drivers there are, by name, and how to open them. Importing this imports no driver, no OpenCV, no pyserial.

Sensors::

    port = "/dev/serial/by-id/usb-…"
    with open_sensor("plantower", port, name="dust", now=clock.time, monotonic=clock.monotonic) as session:
        reading = session.read(1.0)        # Reading, or None when none came within 1 s

``port`` is a serial device, or ``simulated:`` and what to simulate: ``simulated:?pm10=180&pm2_5=90`` answers as the
named driver over a pseudo-terminal, ``simulated:nova?pm10=steps:0=40,60=300`` as another one (profiles:
``drivers.simulated.profile``), or any object with the interface of ``drivers.port.Port``.
After DeviceLostError or DeviceSilentError close the session and open a new one, with back-off. ``rejected``,
``skipped`` and ``readings`` are its counters.

Recorded bytes: ``open_recording("nova", Path("SDS01x.hexdump"), …)`` gives the same session; its readings carry the
recording's time, and ``read`` raises EndOfRecording after the last one.

Cameras: ``open_camera("rtsp://…", name="gate", …)``, see ``drivers.camera``.

Third parties add drivers by the entry-point group ``edge_agent.drivers``: name = "module:DriverClass".
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.camera import open_camera
from drivers.errors import BadSettingError, UnknownDriverError

if TYPE_CHECKING:
    from drivers.driver import Driver
    from drivers.port import Line, Port
    from drivers.sensor import SensorSession
    from drivers.simulated.device import SimulatedSensor

__all__ = ["GROUP", "SENSORS", "driver_of", "names", "open_camera", "open_recording", "open_sensor", "simulated_sensor"]

GROUP = "edge_agent.drivers"
SIMULATED = "simulated:"


class Entry(NamedTuple):
    """Where a driver and its simulation live: module and class."""

    module: str
    driver: str
    simulated: str


SENSORS: dict[str, Entry] = {
    "honeywell": Entry("honeywell", "Honeywell", "SimulatedHoneywell"),
    "modbus-station": Entry("modbus_station", "ModbusStation", "SimulatedModbusStation"),
    "nmea": Entry("nmea", "Nmea", "SimulatedNmea"),
    "nova": Entry("nova", "Nova", "SimulatedNova"),
    "plantower": Entry("plantower", "Plantower", "SimulatedPlantower"),
    "sensirion": Entry("sensirion", "Sensirion", "SimulatedSensirion"),
}


def names() -> list[str]:
    """All drivers that can be opened, own and third parties'."""
    return sorted({*SENSORS, *_third_parties()})


def driver_of(name: str, model: str = "") -> Driver:
    """A fresh driver; raises UnknownDriverError, or BadSettingError for an unknown model."""
    if name in SENSORS:
        entry = SENSORS[name]
        found: type[Driver] = getattr(importlib.import_module(f"drivers.{entry.module}"), entry.driver)
        return found(model)
    others = _third_parties()
    if name in others:
        found = others[name].load()
        return found(model)
    raise _unknown(name)


def simulated_sensor(text: str, model: str = "", default: str = "") -> SimulatedSensor:
    """What ``simulated:name?value=profile&…`` describes; raises UnknownDriverError or BadSettingError."""
    from drivers.simulated.profile import parse_all

    name, _, query = text.removeprefix(SIMULATED).partition("?")
    name = name or default
    if name not in SENSORS:
        raise UnknownDriverError(f"nothing simulates {name!r}; allowed: {', '.join(sorted(SENSORS))}")
    entry = SENSORS[name]
    found: type[SimulatedSensor] = getattr(
        importlib.import_module(f"drivers.simulated.{entry.module}"), entry.simulated
    )
    return found(model, parse_all(query))


def open_sensor(
    driver: str,
    port: str | Port,
    *,
    name: str,
    model: str = "",
    mode: str = "",
    interval_s: float = 1.0,
    warm_up_s: float = 30.0,
    silent_after_s: float | None = None,
    now: Callable[[], float],
    monotonic: Callable[[], float],
) -> SensorSession:
    """Opens the port, wakes the sensor and sets its mode (``""``: the driver's usual one); takes up to some seconds.

    ``interval_s``: a reading is wanted this often; a device that sends faster is thinned, in query mode it is asked
    this often. ``silent_after_s``: what counts as silence, else what the driver promises or three intervals.
    Raises UnknownDriverError, BadSettingError (the configuration must change), DeviceLostError (try again later).
    """
    from drivers.sensor import SensorSession

    found = driver_of(driver, model)
    found.check_mode(mode)
    opened = _open_port(port, driver, found.model, found.line) if isinstance(port, str) else port
    try:
        return SensorSession(
            found,
            opened,
            name=name,
            mode=mode,
            interval_s=interval_s,
            warm_up_s=warm_up_s,
            silent_after_s=silent_after_s,
            now=now,
            monotonic=monotonic,
        )
    except BaseException:
        opened.close()
        raise


def open_recording(
    driver: str,
    file: Path,
    *,
    name: str,
    model: str = "",
    mode: str = "",
    start: float = 0.0,
    interval_s: float = 1.0,
    warm_up_s: float = 0.0,
) -> SensorSession:
    """A session over captured bytes (forms: ``drivers.recording``).

    Where the file holds no times, reading k has the Unix time ``start + k * interval_s``; every reading in the file is
    returned.
    Raises UnknownDriverError, BadSettingError, BadRecordingError.
    """
    from drivers.recording import RecordedTime, ReplayPort, chunks_of
    from drivers.sensor import SensorSession

    found = driver_of(driver, model)
    found.check_mode(mode)
    port = ReplayPort(chunks_of(file))
    clock = RecordedTime(port, start, interval_s)
    clock.session = SensorSession(
        found, port, name=name, mode=mode, interval_s=0.0, warm_up_s=warm_up_s, now=clock, monotonic=clock
    )
    return clock.session


def _open_port(text: str, driver: str, model: str, line: Line) -> Port:
    if text.startswith(SIMULATED):
        from drivers.simulated.device import SimulatedPort

        return SimulatedPort(simulated_sensor(text, model, driver), line)
    if not text:
        raise BadSettingError("port is empty: name a serial device (/dev/serial/by-id/…) or simulated:")
    from drivers.serial_port import SerialPort

    return SerialPort(text, line)


def _third_parties() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _unknown(name: str) -> UnknownDriverError:
    known = names()
    near = difflib.get_close_matches(name.lower(), known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UnknownDriverError(f"no driver is named {name!r}; {hint}Allowed: {', '.join(known)}")

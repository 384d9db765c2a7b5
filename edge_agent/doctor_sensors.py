"""What ``check`` looks at in sensors and receivers: their limits, whether they speak, and what is plugged in instead.

A sensor that speaks is read once, within some seconds; one that is silent or refuses is looked for in every protocol
there is, which takes some ten seconds more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from drivers.errors import DeviceRefusedError, EdgeAgentError
from drivers.readings import Quality
from drivers.table import driver_of
from edge_agent import config
from edge_agent.agent.city import read_city
from edge_agent.agent.devices import check_receiver, open_dust, open_receiver
from edge_agent.agent.marks import MarkFile, said
from edge_agent.clock import Clock
from edge_agent.config.limits import limits_of
from edge_agent.finding import Finding

_WITHIN_S = 6.0


def limits(sensor: config.DustSensor, file: Path) -> Iterator[Finding]:
    """What the sensor is held against, and whether that was read in the standard itself."""
    driver_of(sensor.driver, sensor.model).check_mode(sensor.mode)
    chosen = limits_of(sensor, file)
    what = f"limits {sensor.name}"
    if not chosen:
        yield Finding(what, "warn", "none: this post measures and never reports an exceedance", "name a set in limits")
        return
    if sensor.city_file:
        yield Finding(what, "ok", f"{len(read_city(sensor.city_file))} records of the city's air in {sensor.city_file}")
    yield Finding(what, "ok", ", ".join(f"{v.value_name} {v.value:g} over {v.window_s:g} s" for v in chosen))
    for limit in chosen:
        if limit.background and not sensor.city_file:
            found = f"{limit.value_name} is judged above the city's {limit.background}, and no city_file is set"
            yield Finding(what, "warn", found, "set city_file, or have the platform send the command city-air")
        if not limit.confirmed:
            whose = limit.standard or "a limit of this configuration"
            found = f"{whose}: {limit.value_name} {limit.value:g} was not confirmed in the standard's own text"
            yield Finding(what, "warn", found, "have a person with the standard check it before it counts in a case")


def sensor(section: config.DustSensor, whole: config.Config, file: Path) -> Iterator[Finding]:
    """One reading, whether it is good, and whether it has what limits, corrections and relays need."""
    what = f"sensor {section.name}"
    session = open_dust(section, Clock(), warm_up_s=0.0)
    try:
        reading = session.read(_WITHIN_S)
        problem = f"{section.port} is there, but {session.complaint(_WITHIN_S)}" if reading is None else ""
    except DeviceRefusedError as error:
        reading, problem = None, str(error)
    finally:
        session.close()
    if reading is None:
        other = "" if section.port.startswith("simulated:") else _plugged_into(section.port) or _on_the_line(section)
        yield Finding(what, "fail", problem, f"configure what answers there: {other}" if other else "")
        return
    values = ", ".join(f"{name} {value:g}" for name, value in reading.values.items() if not name.endswith("_per_cm3"))
    yield Finding(what, "ok", f"{section.driver} {session.driver.model}: {values}")
    if reading.quality is not Quality.NORMAL:
        todo = "look at the sensor, its place and its map's range and scale; such values are not averaged"
        yield Finding(what, "warn", f"flag {reading.quality}: {reading.reason}", todo)
    marks = MarkFile(Path(whole.device.data_dir, f"{section.name}.mark"))
    if marks.poll(0.0) and marks.mark and marks.mark.holds(time.time()):
        todo = f"when the work is done: edge-agent mark {file} N --sensor {section.name}"
        yield Finding(what, "warn", f"{said(section.name, marks.mark)}: it is held against no limit until then", todo)
    measured = reading.values.keys()
    for name in sorted({limit.value_name for limit in limits_of(section, file)} - measured):
        todo = "use a sensor that measures it, or other limits"
        yield Finding(what, "warn", f"a limit on {name} is configured, and this sensor does not measure it", todo)
    if section.quality.humidity_correction != "none" and "humidity_percent" not in measured:
        found = "humidity_correction is set, and this sensor measures no humidity: nothing is corrected"
        yield Finding(what, "warn", found, "take it out, or use a station that measures humidity_percent")
    for actuator in whole.actuator:
        if actuator.sensor == section.name and actuator.value_name not in measured:
            found = f"actuator {actuator.name} goes by {actuator.value_name}, which this sensor does not measure"
            yield Finding(
                what, "warn", f"{found}: it stays off", f"set its value_name to one of: {', '.join(measured)}"
            )


def receiver_settings(section: config.Position) -> Iterator[Finding]:
    """Whether the driver tells a position."""
    check_receiver(section)
    yield from ()


def position(section: config.Position) -> Iterator[Finding]:
    """Where the receiver says that it is."""
    with open_receiver(section, Clock()) as session:
        reading = session.read(_WITHIN_S)
    if reading is None:
        found = f"{section.port} is there, but no sentence came within {_WITHIN_S:.0f} s"
        rate = section.model or "9600"
        todo = f"check power and wires, and position.model, the bit rate, now {rate} (4800 and 9600 are usual)"
        if not section.port.startswith("simulated:") and (other := _plugged_into(section.port)):
            todo = f"another device answers there: {other}"
        yield Finding("position", "fail", found, todo)
    elif reading.quality is not Quality.NORMAL:
        yield Finding("position", "warn", reading.reason, "the first fix takes a minute under open sky")
    else:
        values = reading.values
        yield Finding("position", "ok", f"{values['latitude_deg']:.6f}, {values['longitude_deg']:.6f} (WGS-84)")


def unused_ports(ports: Sequence[str]) -> Iterator[Finding]:
    """Serial devices that nothing uses, and what answers there."""
    from drivers.probe import serial_ports

    used = {Path(port).resolve() for port in ports}
    for port in serial_ports():
        if Path(port).resolve() not in used and (found := _plugged_into(port)):
            todo = "add a [[dust]] table, or for a satellite receiver [position]"
            yield Finding(f"port {port}", "warn", f"nothing reads it, and there answers: {found}", todo)


def _plugged_into(port: str) -> str:
    from drivers.probe import probe

    try:
        found = probe(port, monotonic=time.monotonic)
    except EdgeAgentError:
        return ""
    return str(found) if found else ""


def _on_the_line(sensor: config.DustSensor) -> str:
    """Modbus stations at other addresses and bit rates than the configured one's."""
    from drivers.bus import stations

    if sensor.driver != "modbus-station":
        return ""
    try:
        return "; ".join(map(str, stations(sensor.port, sensor.model, time.monotonic)))
    except EdgeAgentError:
        return ""

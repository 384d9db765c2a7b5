"""Reads and checks a configuration file; a refusal names the file, the key path, what was given and what is allowed."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from drivers.relays import serial_device
from edge_agent.config.actuator import Actuator
from edge_agent.config.card import Card
from edge_agent.config.device import Device
from edge_agent.config.dust import DustSensor, shortest_window_s
from edge_agent.config.events import Events
from edge_agent.config.evidence import Evidence
from edge_agent.config.form import formed
from edge_agent.config.gate import Gate
from edge_agent.config.hj212 import Hj212
from edge_agent.config.outbox import Outbox
from edge_agent.config.parking import Pole, read_bays
from edge_agent.config.position import Position
from edge_agent.config.review import Review
from edge_agent.config.section import Section
from edge_agent.config.uplink import Mqtt
from edge_agent.errors import ConfigError

Watched = TypeVar("Watched", Gate, Pole)


class Config(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device. Lists are written with double brackets: ``[[dust]]``, ``[[gate]]``, ``[[pole]]``, ``[[mqtt]]``."""

    device: Device
    position: Position | None = None
    dust: list[DustSensor] = []
    gate: list[Gate] = []
    pole: list[Pole] = []
    outbox: Outbox = Outbox()
    evidence: Evidence = Evidence()
    mqtt: list[Mqtt] = []
    hj212: list[Hj212] = []
    review: Review = Review()
    events: Events | None = None
    card: Card | None = None
    actuator: list[Actuator] = []


def load(file: Path | str) -> Config:
    """The checked configuration in ``file``.

    Raises ConfigError when the file cannot be read, is no TOML, or holds an unknown key, a wrong type or a value out
    of range.
    """
    path = Path(file)
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except OSError as error:
        hint = "; name a TOML file; ready ones to copy are in the folder config"
        raise ConfigError(path, "", f"cannot be read: {error.strerror}{hint}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, "", f"is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, "", f"is not TOML: {error}{_line_of(text, str(error))}") from error
    config = formed(raw, Config, path)
    poles = [_seen_from(path, _with_bays(path, n, pole)) for n, pole in enumerate(config.pole)]
    config = msgspec.structs.replace(config, gate=[_seen_from(path, gate) for gate in config.gate], pole=poles)
    for sections in (("dust", "gate", "pole"), ("mqtt", "hj212"), ("actuator",)):
        _unique(path, config, sections)
    _sensors_there(path, config)
    _own_ports(path, config)
    _minutes_of_windows(path, config)
    return config


def _minutes_of_windows(path: Path, config: Config) -> None:
    """An HJ 212 minute record is joined of whole windows."""
    for index, platform in enumerate(config.hj212):
        for sensor in config.dust:
            served = not platform.sensors or sensor.name in platform.sensors
            if served and "minute" in platform.send and platform.min_interval_min * 60 % shortest_window_s(sensor):
                key = f"hj212[{index}].min_interval_min"
                problem = (
                    f"{platform.min_interval_min} minutes are no multiple of the windows of "
                    f"{shortest_window_s(sensor):g} s that sensor {sensor.name!r} reports; change its report_window_s"
                )
                raise ConfigError(path, key, problem)


def _own_ports(path: Path, config: Config) -> None:
    """A serial device belongs to one reader: two programs asking on one line read each other's answers."""
    ports = [(f"dust[{index}].port", sensor.port) for index, sensor in enumerate(config.dust)]
    ports += [("position.port", config.position.port)] if config.position else []
    readers: dict[str, str] = {}
    for key, port in ports:
        if not port.startswith("simulated:"):
            _refuse_shared(path, key, port, readers.setdefault(os.path.realpath(port), key))
    relays = [(f"actuator[{index}].port", actuator.port) for index, actuator in enumerate(config.actuator)]
    relays += [(f"card.lamp.{colour}", port) for colour, port in (config.card.lamp if config.card else {}).items()]
    for key, port in relays:
        if serial_device(port):
            device = os.path.realpath(serial_device(port))
            _refuse_shared(path, key, port, readers.get(device, key))


def _refuse_shared(path: Path, key: str, port: str, reader: str) -> None:
    if reader != key:
        problem = f"{port!r} is also {reader}; give each its own adapter"
        if key.startswith("dust"):
            problem += ", or read stations on one RS-485 line as one sensor by a map whose blocks name their unit"
        raise ConfigError(path, key, problem)


def _sensors_there(path: Path, config: Config) -> None:
    names = [sensor.name for sensor in config.dust]
    for index, actuator in enumerate(config.actuator):
        if actuator.sensor not in names:
            problem = f"no [[dust]] sensor is named {actuator.sensor!r}; there are: {', '.join(names) or 'none'}"
            raise ConfigError(path, f"actuator[{index}].sensor", problem)


def _seen_from(path: Path, watched: Watched) -> Watched:
    """``watched`` with a camera that is a file found beside the configuration, unless its path is whole."""
    source = watched.camera.source
    if "://" in source or Path(source).is_absolute():
        return watched
    camera = msgspec.structs.replace(watched.camera, source=str(path.parent / source))
    return msgspec.structs.replace(watched, camera=camera)


def _with_bays(path: Path, index: int, pole: Pole) -> Pole:
    """``pole`` with the bays of its ``bays_file``; that and the reference stand beside the configuration."""
    key = f"pole[{index}]"
    if pole.reference and not (path.parent / pole.reference).is_file():
        todo = "give a picture of this camera as it is aimed now, or take the key out"
        raise ConfigError(path, f"{key}.reference", f"there is no file {path.parent / pole.reference}; {todo}")
    if not pole.bays_file:
        return pole
    file = path.parent / pole.bays_file
    if not file.is_file():
        todo = f"write it with: edge-agent bays PICTURES... --config {path} --write, or take the key out"
        raise ConfigError(path, f"{key}.bays_file", f"there is no file {file}; {todo}")
    bays = read_bays(file)
    try:
        return msgspec.structs.replace(pole, bay=[*pole.bay, *bays])
    except ValueError as error:
        raise ConfigError(path, key, f"with bays_file {pole.bays_file!r}: {error}") from error


def _unique(path: Path, config: Config, sections: tuple[str, ...]) -> None:
    names: list[str] = []
    for section in sections:
        for index, item in enumerate(getattr(config, section)):
            key, name = (
                (f"{section}[{index}].camera", item.camera.name)
                if section in ("gate", "pole")
                else (f"{section}[{index}]", item.name)
            )
            if name in names:
                raise ConfigError(path, f"{key}.name", f"{name!r} is used twice; give each its own name")
            names.append(name)


def _line_of(text: str, problem: str) -> str:
    """The line a TOML error points at, and what an input method may have put there."""
    at = re.search(r"at line (\d+)", problem)
    if not at:
        return ""
    line = text.split("\n")[int(at.group(1)) - 1].strip()
    wide = re.search("[“”‘’＂＇＝［］，。]", line)
    return f": {line}" + (f"; write the plain character for {wide.group()}" if wide else "")

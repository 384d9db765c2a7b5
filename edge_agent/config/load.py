"""Reads and checks a configuration file; a refusal names the file, the key path, what was given and what is allowed."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.config.actuator import Actuator
from edge_agent.config.card import Card
from edge_agent.config.device import Device
from edge_agent.config.dust import DustSensor
from edge_agent.config.events import Events
from edge_agent.config.evidence import Evidence
from edge_agent.config.gate import Gate
from edge_agent.config.hj212 import Hj212
from edge_agent.config.outbox import Outbox
from edge_agent.config.parking import Pole, read_bays
from edge_agent.config.position import Position
from edge_agent.config.review import Review
from edge_agent.config.section import Section
from edge_agent.config.uplink import Mqtt
from edge_agent.errors import ConfigError

_STRUCT = msgspec.inspect.StructType


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
    try:
        config = msgspec.convert(raw, Config, strict=True)
    except msgspec.ValidationError as error:
        raise _explained(path, raw, str(error)) from error
    config = msgspec.structs.replace(config, pole=[_with_bays(path, n, pole) for n, pole in enumerate(config.pole)])
    for sections in (("dust", "gate", "pole"), ("mqtt", "hj212"), ("actuator",)):
        _unique(path, config, sections)
    _sensors_there(path, config)
    _own_ports(path, config)
    return config


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
        if port.startswith("modbus:"):
            device = os.path.realpath(port.removeprefix("modbus:").partition("?")[0])
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


def _with_bays(path: Path, index: int, pole: Pole) -> Pole:
    """``pole`` with the bays of its ``bays_file``, which stands beside the configuration unless its path is whole."""
    if not pole.bays_file:
        return pole
    bays = read_bays(path.parent / pole.bays_file)
    try:
        return msgspec.structs.replace(pole, bay=[*pole.bay, *bays])
    except ValueError as error:
        raise ConfigError(path, f"pole[{index}]", f"with bays_file {pole.bays_file!r}: {error}") from error


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


def _explained(path: Path, raw: dict[str, Any], text: str) -> ConfigError:
    problem, _, where = text.partition(" - at `")
    key = where.removeprefix("key` in `").rstrip("`").removeprefix("$").removeprefix(".")
    unknown = re.match(r"Object contains unknown field `(.+)`", problem)
    if unknown:
        name = unknown.group(1)
        allowed = [field.name for field in getattr(_type_at(key), "fields", ())]
        near = difflib.get_close_matches(name, allowed, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return ConfigError(path, _join(key, name), f"is not a key here{hint} Allowed: {', '.join(allowed)}")
    missing = re.match(r"Object missing required field `(.+)`", problem)
    if missing:
        return ConfigError(path, _join(key, missing.group(1)), "is missing and must be given")
    kind = _type_at(key)
    table = re.sub(r"\[\d+\]", "", key)
    if problem == "Expected `array`, got `object`" and isinstance(getattr(kind, "item_type", None), _STRUCT):
        return ConfigError(path, key, f"may be there several times: write [[{table}]], not [{table}]")
    if problem == "Expected `object`, got `array`" and isinstance(kind, _STRUCT):
        return ConfigError(path, key, f"is there once: write [{table}], not [[{table}]]")
    described = (getattr(kind, "extra_json_schema", None) or {}).get("description", "")
    if isinstance(kind, msgspec.inspect.LiteralType):
        problem = "Expected one of " + ", ".join(repr(value) for value in kind.values)
    elif problem.startswith("Expected `str` matching regex"):
        problem = f"Expected {described or 'a text of another form'}"
    elif described:
        problem = f"{problem} ({described})"
    given = _value_at(raw, key)
    return ConfigError(path, key, problem if isinstance(given, dict) else f"{problem}, given {given!r}")


def _line_of(text: str, problem: str) -> str:
    """The line a TOML error points at, and what an input method may have put there."""
    at = re.search(r"at line (\d+)", problem)
    if not at:
        return ""
    line = text.split("\n")[int(at.group(1)) - 1].strip()
    wide = re.search("[“”‘’＂＇＝［］，。]", line)
    return f": {line}" + (f"; write the plain character for {wide.group()}" if wide else "")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _parts(key: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", key)]


def _value_at(raw: Any, key: str) -> Any:
    value = raw
    for part in _parts(key):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _type_at(key: str) -> Any:
    kind: Any = msgspec.inspect.type_info(Config)
    for part in _parts(key):
        if isinstance(part, str):
            kind = next((field.type for field in getattr(kind, "fields", ()) if field.name == part), None)
        else:
            kind = kind.item_types[part] if hasattr(kind, "item_types") else getattr(kind, "item_type", None)
        if isinstance(kind, msgspec.inspect.UnionType):
            kind = next((t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)), None)
    return kind

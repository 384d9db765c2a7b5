"""What was read from a file, as the form it must have; a refusal names the file, the key path, what was given and what
is allowed.

A form that refuses values together says which key is meant first, as ``zone: crosses itself``.
"""

from __future__ import annotations

import copy
import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_agent.errors import ConfigError

_OWN_KEY = re.compile(r"(\w+)[\w.\[\]]*: ")
_STRUCT = msgspec.inspect.StructType
_T = TypeVar("_T")


def formed(raw: Any, form: type[_T], path: Path) -> _T:
    """``raw``, read from ``path``, as ``form``. Raises ConfigError."""
    try:
        return msgspec.convert(raw, form, strict=True)
    except msgspec.ValidationError as error:
        raise _explained(path, raw, form, str(error)) from error


def _explained(path: Path, raw: Any, form: Any, text: str) -> ConfigError:
    problem, _, where = text.partition(" - at `")
    key = where.removeprefix("key` in `").rstrip("`").removeprefix("$").removeprefix(".")
    key = _entry(raw, form, key)
    unknown = re.match(r"Object contains unknown field `(.+)`", problem)
    if unknown:
        name = unknown.group(1)
        allowed = [field.name for field in getattr(_type_at(form, key), "fields", ())]
        return ConfigError(path, _join(key, name), _no_key(name, allowed))
    missing = re.match(r"Object missing required field `(.+)`", problem)
    if missing:
        return ConfigError(path, _join(key, missing.group(1)), "is missing and must be given")
    kind = _type_at(form, key)
    wrong = re.match(r"Invalid enum value '(.+)'", problem)
    if wrong and isinstance(kind, msgspec.inspect.DictType):
        values = list(map(str, getattr(kind.key_type, "values", ())))
        return ConfigError(path, _join(key, wrong[1]), _no_key(wrong[1], values))
    own = _OWN_KEY.match(problem)
    if own and any(own[1] == field.name for field in getattr(kind, "fields", ())):
        return ConfigError(path, _join(key, own[0].removesuffix(": ")), problem[own.end() :])
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


def _no_key(name: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(name, allowed, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"is not a key here{hint} Allowed: {', '.join(allowed)}"


def _entry(raw: Any, form: Any, key: str) -> str:
    """``key`` with the name of the entry of a table that msgspec writes as ``[...]``: the one that is refused alone."""
    before, dots, after = key.partition("[...]")
    table = _value_at(raw, before) if dots else None
    if not isinstance(table, dict):
        return key
    alone = copy.deepcopy(raw)
    held = _value_at(alone, before)
    for name, value in table.items():
        held.clear()
        held[name] = value
        try:
            msgspec.convert(alone, form, strict=True)
        except msgspec.ValidationError:
            return _entry(raw, form, f"{_join(before, name)}{after}")
    return key


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


def _type_at(form: Any, key: str) -> Any:
    kind: Any = msgspec.inspect.type_info(form)
    for part in _parts(key):
        if isinstance(kind, msgspec.inspect.DictType):
            kind = kind.value_type
        elif isinstance(part, str):
            kind = next((field.type for field in getattr(kind, "fields", ()) if field.name == part), None)
        else:
            kind = kind.item_types[part] if hasattr(kind, "item_types") else getattr(kind, "item_type", None)
        if isinstance(kind, msgspec.inspect.UnionType):
            kind = next((t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)), None)
    return kind

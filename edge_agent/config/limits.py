"""Named sets of dust limits: files of ``config/limits``, one a standard."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

from edge_agent.config.dust import DustSensor, Limit
from edge_agent.config.form import formed
from edge_agent.config.section import Section
from edge_agent.errors import ConfigError
from edge_agent.files import shipped

SHORTEST_BASE_MS = 200


class LimitSet(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One standard's limits; ``notes`` say what a person must know before relying on them."""

    name: str
    title: str
    notes: str = ""
    limit: list[Limit]


def limits_of(sensor: DustSensor, file: Path | str = "") -> list[Limit]:
    """The limits that hold for ``sensor``: its own, or those of the named set that belong to its ``limits_case``.

    ``sensor.limits`` is the name of a shipped set or the path of a file of the same form. Raises ConfigError (with
    ``file`` as the place) for an unknown set, a missing or unknown case, and window lengths that share no base.
    """
    limits = sensor.limits
    if isinstance(limits, str):
        limits = _of_case(read_set(limits, file), sensor, file)
    lengths = [sensor.report_window_s, *sensor.long_windows_s, *(limit.window_s for limit in limits)]
    base_ms = math.gcd(*(round(length * 1000) for length in lengths))
    if base_ms < SHORTEST_BASE_MS:
        given = ", ".join(f"{length:g}" for length in sorted(set(lengths)))
        problem = (
            f"windows of {given} s share no base of {SHORTEST_BASE_MS / 1000} s or more; choose multiples of each other"
        )
        raise ConfigError(file, f"dust.{sensor.name}.report_window_s", problem)
    return limits


def read_set(name: str, file: Path | str = "") -> LimitSet:
    """The set called ``name``, or in the file of that path; ``file`` is where the name was written."""
    path = Path(name) if name.endswith(".toml") else shipped("config", "limits", f"{name}.toml")
    try:
        return formed(tomllib.loads(path.read_text(encoding="utf-8")), LimitSet, path)
    except OSError as error:
        allowed = ", ".join(names())
        raise ConfigError(file, "limits", f"{name!r} is no limit set ({error.strerror}); allowed: {allowed}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, "", f"is no TOML: {error}") from error


def names() -> list[str]:
    """The shipped sets."""
    return sorted(path.stem for path in shipped("config", "limits").glob("*.toml"))


def _of_case(whole: LimitSet, sensor: DustSensor, file: Path | str) -> list[Limit]:
    cases = sorted({limit.case for limit in whole.limit if limit.case})
    if cases and sensor.limits_case not in cases:
        key = f"dust.{sensor.name}.limits_case"
        raise ConfigError(file, key, f"{whole.name} needs one of: {', '.join(cases)}; given {sensor.limits_case!r}")
    return [limit for limit in whole.limit if limit.case in ("", sensor.limits_case)]

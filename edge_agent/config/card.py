"""The site card (红黄绿牌): by which rules a site is green, yellow or red. Files of ``config/card``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge_agent.config.form import formed
from edge_agent.config.section import Name, Section
from edge_agent.errors import ConfigError
from edge_agent.files import shipped

Colour = Literal["green", "yellow", "red"]
INPUTS = ("exceedances", "exceeding_windows", "violations", "availability")


class Rule(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``colour`` when ``input`` is at least ``at_least`` or below ``below``; give one of the two.

    Inputs over the rules' window: ``exceedances`` (that began in it), ``exceeding_windows``, ``violations`` of all
    kinds that were not voided, ``violations.<kind>``, ``availability`` (the share of the time with valid dust data, 0
    to 1).
    """

    colour: Literal["yellow", "red"]
    input: str
    at_least: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.below is None):
            raise ValueError("give either at_least or below")
        if self.input not in INPUTS and not self.input.startswith("violations."):
            raise ValueError(f"input {self.input!r} is not one of {', '.join(INPUTS)}, violations.<kind>")


class CardRules(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first red rule that holds makes red, else the first yellow one yellow, else green.

    ``learning_s``: availability is not judged before a post has been watched for so long.
    """

    name: Name
    title: str = ""
    source: str = ""
    window_s: Annotated[float, msgspec.Meta(ge=3600, le=7 * 86400)] = 86400.0
    learning_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 3600.0
    rule: list[Rule]


class Card(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``rules`` is the name of a shipped file or a path; ``lamp`` names a relay port for each colour."""

    rules: str = "default"
    lamp: dict[Colour, str] = {}


def read_rules(name: str, file: Path | str = "") -> CardRules:
    """The rules called ``name``, or in the file of that path. Raises ConfigError."""
    path = Path(name) if name.endswith(".toml") else shipped("config", "card", f"{name}.toml")
    try:
        return formed(tomllib.loads(path.read_text(encoding="utf-8")), CardRules, path)
    except OSError as error:
        allowed = ", ".join(sorted(each.stem for each in shipped("config", "card").glob("*.toml")))
        raise ConfigError(
            file, "card.rules", f"{name!r} are no rules ({error.strerror}); allowed: {allowed}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, "", f"is no TOML: {error}") from error

"""The city's event codes: which code a kind of violation has there, and how long the city gives. ``config/events``.

No single table is universal (GB/T 30428.2 is extended by every city), so a map is a file. What nobody read in the
city's own table says ``confirmed = false``, and so does every case made by it.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from edge_agent.config.form import formed
from edge_agent.config.section import Name, Section
from edge_agent.errors import ConfigError
from edge_agent.files import shipped
from edge_agent.messages.gate import Kind

_DAY_MIN = 24 * 60
_DIGITS = "^[0-9]{{{}}}$"
_T = TypeVar("_T", bound=Section)

_WINDOW = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
Window = Annotated[str, msgspec.Meta(pattern=_WINDOW, description="hours and minutes such as '08:00-12:00'")]
Serial = Annotated[int, msgspec.Meta(ge=1, le=99999)]


class Events(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``codes`` and ``holidays`` name a shipped file of ``config/events`` or a path.

    ``district`` is the 行政区划 code (GB/T 2260, Nantong 3206xx); without it no event ids are given. ``serials``: the
    first and last serial this device may give, so that several devices of one district never give the same id; after
    the last it begins anew. Kinds in ``without_case`` are sent without a case.
    """

    codes: str
    district: Annotated[str, msgspec.Meta(pattern="^([0-9]{6})?$", description="6 digits")] = ""
    serials: tuple[Serial, Serial] = (1, 99999)
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0
    holidays: str = ""
    without_case: list[Kind] = []

    def __post_init__(self) -> None:
        if self.serials[0] > self.serials[1]:
            raise ValueError(f"serials: {list(self.serials)}, the first is after the last")


class Code(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind in the city's words. ``class_code`` and ``type_code`` are the 大类 and 小类 of the 16-character id.

    ``limit_h`` is in working hours (1 工作日 = 8), round the clock where ``urgent`` (紧急); 0 for none.
    """

    code: str
    category: str
    name: str
    class_code: Annotated[str, msgspec.Meta(pattern=_DIGITS.format(2), description="2 digits")]
    type_code: Annotated[str, msgspec.Meta(pattern=_DIGITS.format(3), description="3 digits")]
    limit_h: Annotated[float, msgspec.Meta(ge=0, le=2000)] = 0.0
    urgent: bool = False
    confirmed: bool = False
    limit_confirmed: bool = False
    fields: dict[str, str] = {}
    note: str = ""


class CodeMap(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A city's map. ``working_hours`` are the windows of a working day; ``id_confirmed``: the parts of the ids are."""

    name: Name
    title: str = ""
    source: str = ""
    notes: str = ""
    id_confirmed: bool = False
    working_hours: Annotated[tuple[Window, ...], msgspec.Meta(min_length=1)] = ("08:00-12:00", "14:00-18:00")
    kind: dict[Kind, Code]

    def __post_init__(self) -> None:
        end = 0
        for text, (begin, after) in zip(self.working_hours, self.windows_min(), strict=True):
            if begin < end or after <= begin:
                raise ValueError(f"working_hours: {text!r} is not after the window before it, within one day")
            end = after

    def windows_min(self) -> list[tuple[int, int]]:
        """The windows as minutes of the day, begin and end."""
        pairs = [text.split("-") for text in self.working_hours]
        return [(_minute(begin), _minute(end)) for begin, end in pairs]


class Holidays(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days off and, where the state moves them, weekend days that are worked (调休).

    ``years`` are those it is complete for; a deadline that reaches into another year is unconfirmed.
    """

    title: str = ""
    source: str = ""
    years: list[int]
    holidays: list[date]
    workdays: list[date] = []
    confirmed: bool = False

    def __post_init__(self) -> None:
        both = sorted(set(self.holidays) & set(self.workdays))
        if both:
            raise ValueError(f"workdays: {both[0]} is a holiday too")
        outside = sorted(day for day in {*self.holidays, *self.workdays} if day.year not in self.years)
        if outside:
            raise ValueError(f"years: {outside[0]} lies in none of {self.years}")


def read_codes(events: Events, file: Path | str = "") -> CodeMap:
    """The map called ``events.codes``; ``file`` is where it was named. Raises ConfigError."""
    return _read(events.codes, CodeMap, file, "events.codes")


def read_holidays(events: Events, file: Path | str = "") -> Holidays | None:
    """The days of ``events.holidays``, None where none are named. Raises ConfigError."""
    return _read(events.holidays, Holidays, file, "events.holidays") if events.holidays else None


def _read(name: str, form: type[_T], file: Path | str, key: str) -> _T:
    path = Path(name) if name.endswith(".toml") else shipped("config", "events", f"{name}.toml")
    try:
        return formed(tomllib.loads(path.read_text(encoding="utf-8")), form, path)
    except OSError as error:
        stems = sorted(each.stem for each in shipped("config", "events").glob("*.toml"))
        allowed = ", ".join(each for each in stems if each.startswith("holidays") == (form is Holidays))
        problem = f"{name!r} cannot be read ({error.strerror}); allowed: a path, or one of {allowed}"
        raise ConfigError(file, key, problem) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, "", f"is no TOML: {error}") from error


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])

"""Says what a raised violation is for the city: severity, whether a person must look, and its case. Pure.

Nothing is dropped for being uncertain, and nothing uncertain is sent as certain: below the threshold of its kind, by a
limit whose figure is unconfirmed, or outside permitted hours by a clock that was not trusted, a violation
``needs_review``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.config import Config
from edge_agent.config.events import CodeMap, Events, read_codes, read_holidays
from edge_agent.config.review import Review
from edge_agent.errors import ConfigError
from edge_agent.events.working_time import Calendar, deadline
from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.gate import CaseData, Kind, Severity, ViolationData


class Cases:
    """One device's way from violations to cases."""

    def __init__(self, config: Config, file: Path | str = "") -> None:
        """Raises ConfigError for maps that cannot be read or lack a kind in use."""
        self._review = config.review
        self._coder = Coder(config.events, file) if config.events else None
        if self._coder:
            self._coder.check(kinds_in_use(config), file)

    def code(self, kind: str) -> str:
        """The city's code of ``kind``, empty where it has none."""
        codes = self._coder.codes.kind if self._coder else {}
        return next((code.code for name, code in codes.items() if name == kind), "")

    def raised(
        self, data: ViolationData, time: float, serial: Callable[[], int | None], *, trusted: bool = True
    ) -> ViolationData:
        """``data`` with all that follows from it; ``serial`` is asked for a number where an event id is given.

        Where it has none (None), the case goes without an id. ``trusted``: whether ``time`` can be.
        """
        by_the_clock = data.kind == "outside_hours" and not trusted
        return msgspec.structs.replace(
            data,
            severity=severity(data, self._review),
            needs_review=by_the_clock or needs_review(data, self._review),
            case=self._coder.case(data.kind, time, serial) if self._coder else None,
        )

    def redated(self, data: ViolationData, time: float) -> ViolationData:
        """``data`` with the deadline of its case counted anew, for it was in truth raised at ``time``."""
        if self._coder is None or data.case is None:
            return data
        anew = self._coder.case(data.kind, time, lambda: None)
        if anew is None:
            return data
        case = msgspec.structs.replace(data.case, deadline=anew.deadline, confirmed=anew.confirmed)
        return msgspec.structs.replace(data, case=case)


def severity(data: ViolationData, review: Review) -> Severity:
    """That of the kind; an exceedance of a multiple of its limit is major."""
    of_kind = review.severity_of(data.kind)
    exceedance = data.exceedance
    if of_kind == "minor" and exceedance and exceedance.peak >= review.dust_major_ratio * exceedance.limit:
        return "major"
    return of_kind


def needs_review(data: ViolationData, review: Review) -> bool:
    """Whether a person must look before a case is opened."""
    if data.exceedance and not data.exceedance.confirmed:
        return True
    certainty = min(data.confidence, data.exceedance.valid_share if data.exceedance else 1.0)
    return certainty < review.sure_from(data.kind)


class Coder:
    """A code map with the calendar it counts by."""

    def __init__(self, events: Events, file: Path | str = "") -> None:
        """Raises ConfigError."""
        self._events = events
        self.codes: CodeMap = read_codes(events, file)
        self.holidays = read_holidays(events, file)
        self._calendar = Calendar(
            self.codes.windows_min(),
            frozenset(self.holidays.holidays if self.holidays else ()),
            frozenset(self.holidays.workdays if self.holidays else ()),
            frozenset(self.holidays.years if self.holidays else ()),
            events.utc_offset_h,
        )

    def check(self, kinds: set[Kind], file: Path | str = "") -> None:
        """Raises ConfigError where one of ``kinds`` has neither a code nor was said to need none."""
        missing = sorted(kinds - set(self.codes.kind) - set(self._events.without_case))
        if missing:
            problem = (
                f"the code map {self.codes.name!r} has no code for {', '.join(missing)}, which this configuration can "
                "raise; add [kind." + missing[0] + "] to a copy of the map, or name the kind in events.without_case"
            )
            raise ConfigError(file, f"events.codes.kind.{missing[0]}", problem)

    def case(self, kind: Kind, time: float, serial: Callable[[], int | None]) -> CaseData | None:
        """The case of a violation raised at ``time`` (Unix seconds); None for a kind that gets none."""
        code = self.codes.kind.get(kind)
        if code is None or kind in self._events.without_case:
            return None
        event, confirmed = "", code.confirmed
        if self._events.district:
            number = serial()
            if number is not None:
                event = f"{self._events.district}{code.class_code}{code.type_code}{number:05d}"
            confirmed = confirmed and self.codes.id_confirmed
        due = ""
        if code.limit_h:
            if code.urgent:
                end = time + code.limit_h * 3600.0
            else:
                end = deadline(time, code.limit_h, self._calendar)
                known = self.holidays is not None and self.holidays.confirmed and self._calendar.knows(time, end)
                confirmed = confirmed and known
            due = rfc3339(end)
            confirmed = confirmed and code.limit_confirmed
        return CaseData(
            codes=self.codes.name,
            code=code.code,
            category=code.category,
            name=code.name,
            event=event,
            limit_h=code.limit_h or None,
            urgent=code.urgent,
            deadline=due,
            fields=code.fields,
            confirmed=confirmed,
        )


def kinds_in_use(config: Config) -> set[Kind]:
    """The kinds of violation that a device so configured can raise."""
    kinds: set[Kind] = set()
    if any(sensor.limits for sensor in config.dust):
        kinds.add("dust_exceedance")
    for gate in config.gate:
        kinds |= {"muddy_truck", "uncovered_load"}
        if gate.wash:
            kinds.add("unwashed_exit")
        if gate.hours:
            kinds.add("outside_hours")
        if gate.spillage:
            kinds.add("spillage")
    if any(pole.zone for pole in config.pole):
        kinds.add("illegal_parking")
    return kinds

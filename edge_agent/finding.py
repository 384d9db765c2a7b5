"""One line of what ``check`` found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from drivers.errors import EdgeAgentError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    result: Literal["ok", "warn", "fail"]
    found: str
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def each(what: str, look: Callable[..., Iterator[Finding]]) -> Iterator[Finding]:
    """What ``look`` finds; an error it raises is what is wrong with ``what``."""
    try:
        yield from look()
    except EdgeAgentError as error:
        yield Finding(what, "fail", str(error))

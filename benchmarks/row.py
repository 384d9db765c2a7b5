"""One line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``what`` was measured, on what and how often; ``value`` with unit; ``against`` the peer or limit; ``met``."""

    what: str
    value: str
    against: str
    met: bool | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """For a Markdown table."""
        return self.what, self.value, self.against, {True: "yes", False: "no", None: "–"}[self.met]

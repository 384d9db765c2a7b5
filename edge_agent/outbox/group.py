"""Telemetry that waits to be committed together: within the configured seconds and rows, by a thread of its own.

What is in the group when power is cut was never recorded: its sequences are issued again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge_agent.config.outbox import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.outbox.row import Row

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_STOP_WITHIN_S = 10.0


class Group:
    """All under ``lock``, which ``commit`` takes as well; ``commit`` empties ``rows``, or raises OutboxError."""

    def __init__(self, lock: threading.RLock, bounds: Bounds, commit: Callable[[], None]) -> None:
        self.rows: list[Row] = []
        self._bounds = bounds
        self._commit = commit
        self._changed = threading.Condition(lock)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="outbox-commit", daemon=True)

    @property
    def overfull(self) -> bool:
        """Whether so much waits, because it cannot be committed, that no more is taken."""
        return len(self.rows) >= 2 * self._bounds.telemetry_commit_rows

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def add(self, row: Row) -> None:
        """Commits at once where the group is full with it, else in time. Raises OutboxError."""
        self.rows.append(row)
        if len(self.rows) >= self._bounds.telemetry_commit_rows or self._bounds.telemetry_commit_s == 0:
            self._commit()
        elif len(self.rows) == 1:
            self._changed.notify()

    def close(self) -> None:
        """Ends the thread; what is left is the caller's to commit. Not under the lock."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_STOP_WITHIN_S)

    def _run(self) -> None:
        with self._changed:
            while not self._closing:
                if not self.rows:
                    self._changed.wait()
                    continue
                self._changed.wait_for(lambda: self._closing or not self.rows, self._bounds.telemetry_commit_s)
                if self._closing:
                    return
                try:
                    self._commit()
                except OutboxError as error:
                    log.error("%s", error)
                    self._changed.wait(_RETRY_S)

"""Deletes what was acknowledged in a thread of its own, so that sending goes on meanwhile.

At most 500 rows are deleted while recording waits, and at most 4000 wait to be deleted: who brings more has to wait.
A crash before a deletion only means that those rows are sent twice.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from edge_agent.errors import OutboxError
from edge_agent.outbox.row import Row

log = logging.getLogger(__name__)

CHUNK = 500
_MOST_CHUNKS = 8
_STOP_WITHIN_S = 10.0


class Sweeper:
    """``delete`` is called with a destination's bit and at most ``CHUNK`` rows, in the order they were brought."""

    def __init__(self, delete: Callable[[int, list[Row]], None]) -> None:
        self._delete = delete
        self._waiting: queue.Queue[tuple[int, list[Row]] | None] = queue.Queue(_MOST_CHUNKS)
        self._thread = threading.Thread(target=self._run, name="outbox-sweep", daemon=True)
        self._thread.start()

    def bring(self, bit: int, rows: list[Row]) -> None:
        """``bit`` waits for these no longer."""
        for start in range(0, len(rows), CHUNK):
            self._waiting.put((bit, rows[start : start + CHUNK]))

    def finish(self) -> None:
        """Waits until all that was brought is deleted. Not with a lock in hand that ``delete`` takes."""
        self._waiting.join()

    def close(self) -> None:
        """Once; deletes what is left."""
        self._waiting.put(None)
        self._thread.join(_STOP_WITHIN_S)

    def _run(self) -> None:
        while (found := self._waiting.get()) is not None:
            try:
                self._delete(*found)
            except OutboxError as error:
                log.error("%s", error)
            finally:
                self._waiting.task_done()

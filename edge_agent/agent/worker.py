"""A thread with an owner, a stop event, a deadline and a sign of progress.

A body that raises is started again after a wait that grows from 1 s to 60 s with jitter, for as long as the owner
wants; what it raised is told in ``problem``. A body that returns is finished. A worker whose last beat is older than
its deadline is stuck; nobody can kill a thread, so the watchdog of systemd does it for the process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from drivers.errors import Action, EdgeAgentError
from edge_agent.backoff import back_off
from edge_agent.clock import Clock

log = logging.getLogger(__name__)

_BACK_OFF_MAX_S = 60.0


class Worker:
    """Runs ``body(worker)`` in a thread of its own until it returns or ``stop`` is set."""

    def __init__(self, name: str, body: Callable[[Worker], None], *, clock: Clock, deadline_s: float = 120.0) -> None:
        self.name = name
        self.stop = threading.Event()
        self.problem = ""
        self.restarts = 0
        self._body = body
        self._clock = clock
        self._deadline_s = deadline_s
        self._last_beat = clock.monotonic()
        self._wait_s = back_off(1.0, _BACK_OFF_MAX_S)
        self._failures = 0
        self._returned = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def beat(self) -> None:
        """Called by the body whenever something came, went, or was honestly tried."""
        self._last_beat = self._clock.monotonic()

    def well(self) -> None:
        """Called by the body when data flows: forgets the problem and the back-off."""
        self.beat()
        self.problem = ""
        self._failures = 0

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether it was started, has not returned, and gave no sign within its deadline; so is one that died."""
        started = self._thread.ident is not None and not self._returned
        return started and self._clock.monotonic() - self._last_beat > self._deadline_s

    def join(self, timeout_s: float) -> bool:
        """Waits for the end; False when the thread did not make it in time."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self.alive

    def _run(self) -> None:
        while not self.stop.is_set():
            self.beat()
            try:
                self._body(self)
            except EdgeAgentError as error:
                self._failed(str(error), expected=error.action is not Action.GIVE_UP)
            except Exception as error:
                log.exception("%s failed", self.name)
                self._failed(f"{type(error).__name__}: {error}", expected=False)
            else:
                break
        self._returned = True

    def _failed(self, problem: str, *, expected: bool) -> None:
        if problem != self.problem:
            log.log(logging.WARNING if expected else logging.ERROR, "%s: %s", self.name, problem)
        self.problem = problem
        self.restarts += 1
        self._failures += 1
        self.stop.wait(self._wait_s(self._failures))

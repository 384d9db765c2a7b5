"""A clock that moves only when told, and a port that plays a script by it."""

from __future__ import annotations

from collections import deque

from drivers.errors import DeviceLostError


class FakeClock:
    def __init__(self) -> None:
        self.moment = 1000.0

    def monotonic(self) -> float:
        return self.moment

    def time(self) -> float:
        return self.moment + 1.7e9


class ScriptedPort:
    """Delivers (monotonic time, bytes) when their time has come; waiting moves the clock. ``answers`` follow writes."""

    live = True

    def __init__(self, clock: FakeClock, script: list[tuple[float, bytes]], answers: dict[bytes, bytes] | None = None):
        self.clock = clock
        self.script = deque(script)
        self.answers = answers or {}
        self.written: list[bytes] = []
        self.closed = False
        self.lost = False

    def read(self, size: int, timeout_s: float) -> bytes:
        if self.lost:
            raise DeviceLostError("pulled")
        until = self.clock.moment + timeout_s
        if not self.script or self.script[0][0] > until:
            self.clock.moment = until
            return b""
        time, data = self.script.popleft()
        self.clock.moment = max(self.clock.moment, time)
        assert len(data) <= size
        return data

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if data in self.answers:
            self.script.appendleft((self.clock.moment + 0.05, self.answers[data]))

    def close(self) -> None:
        self.closed = True

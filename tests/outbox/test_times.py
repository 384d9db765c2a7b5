"""Times of messages taken before the clock could be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from edge_agent.clock import Clock, Trust, kernel_trust
from edge_agent.messages import Draft, DustData, TimeTrust, rfc3339
from edge_agent.outbox import Row
from tests.house import opened, violation

REAL = 1_800_000_000.0


class PlayedClock(Clock):
    """A machine without a clock of its own: at power-up it says 1970, until somebody sets it."""

    def __init__(self) -> None:
        super().__init__()
        self.real = REAL
        self.up = 10.0
        self.wrong_by = -REAL
        self.trusted = False
        self.boots = 0
        self._boot = "boot-0"

    def time(self) -> float:
        return self.real + self.wrong_by

    def monotonic(self) -> float:
        return self.up

    def ask(self) -> Trust:
        return Trust(True, 0.005) if self.trusted else Trust(False, float("inf"))

    def expects_trust(self) -> bool:
        return not self.trusted

    def run(self, seconds: float) -> None:
        """Time passes."""
        self.real += seconds
        self.up += seconds

    def synchronise(self) -> None:
        """NTP sets the clock."""
        self.run(2)
        self.wrong_by, self.trusted = 0.0, True

    def reboot(self, after_s: float, *, wrong_by: float = -REAL) -> None:
        """Power was away for ``after_s``; ten seconds later the agent runs."""
        self.run(after_s)
        self.run(10)
        self.up, self.wrong_by, self.trusted = 10.0, wrong_by, False
        self.boots += 1
        self._boot = f"boot-{self.boots}"
        self._asked, self._stretches = float("-inf"), []


def taken(folder: Path, clock: Clock) -> dict[str, Row]:
    """What an uplink would be given now, by subject."""
    with opened(folder, clock=clock) as recorder:
        return {r.subject: r for r in recorder.outbox.queue("broker").take(100)}


def test_messages_before_trust_are_corrected_once_it_comes_in_the_same_boot(tmp_path: Path) -> None:
    clock = PlayedClock()
    with opened(tmp_path, clock=clock) as recorder:
        at = clock.real
        window = DustData(sensor="s", start=rfc3339(clock.time() - 60), window_s=60.0, values={})
        message = recorder.record(Draft("dust", clock.time(), window, subject="before"))
        recorder.outbox.flush()
        assert message.timetrust is TimeTrust.UNTRUSTED
        clock.run(600)
        clock.synchronise()
        recorder.record(violation(1, clock.time()))
        rows = {r.subject: r for r in recorder.outbox.queue("broker").take(10)}
    before, after = rows["before"], rows["v1"]
    assert (before.trust, before.time) == (TimeTrust.CORRECTED, pytest.approx(at, abs=0.01))
    assert before.error_s == pytest.approx(0.005)
    assert json.loads(before.data)["start"] == rfc3339(at - 60)
    assert str(before.envelope("x").id) == message.id
    assert (after.trust, after.time) == (TimeTrust.TRUSTED, pytest.approx(clock.real, abs=0.01))


def test_a_boot_that_was_never_trusted_is_estimated_between_its_neighbours(tmp_path: Path) -> None:
    clock = PlayedClock()
    clock.synchronise()
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(1, clock.time()))
        known = clock.real
    clock.reboot(after_s=3600)
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(2, clock.time()))
        at = clock.real
        clock.run(100)
        recorder.record(violation(3, clock.time()))
    clock.reboot(after_s=60)
    clock.synchronise()
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(4, clock.time()))
    rows = taken(tmp_path, clock)
    assert [rows[f"v{n}"].trust for n in (1, 2, 3, 4)] == [
        TimeTrust.TRUSTED, TimeTrust.ESTIMATED, TimeTrust.ESTIMATED, TimeTrust.TRUSTED]  # fmt: skip
    assert rows["v3"].time - rows["v2"].time == pytest.approx(100, abs=0.01)
    assert at <= rows["v2"].time <= at + 61
    assert rows["v2"].time - rows["v2"].error_s <= at
    assert rows["v2"].time - rows["v2"].error_s >= known


def test_a_clock_that_is_never_synchronised_says_so(tmp_path: Path) -> None:
    clock = PlayedClock()
    clock.wrong_by = 0.0
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(1, clock.time()))
        (row,) = recorder.outbox.queue("broker").take(1)
    message = row.envelope("x")
    assert (message.timetrust, message.timeerrorms) == (TimeTrust.UNTRUSTED, -1)


def test_a_step_backwards_breaks_neither_order_nor_sequence(tmp_path: Path) -> None:
    clock = PlayedClock()
    clock.synchronise()
    with opened(tmp_path, clock=clock) as recorder:
        for n, step in enumerate((0.0, -86400.0, 3600.0, -5.0)):
            clock.wrong_by += step
            clock.run(2)
            recorder.record(violation(n, clock.time()))
        rows = recorder.outbox.queue("broker").take(10)
        assert [r.subject for r in rows] == ["v0", "v1", "v2", "v3"]
        assert [r.sequence for r in rows] == [1, 2, 3, 4]
        assert [r.monotonic for r in rows] == sorted(r.monotonic for r in rows)


def test_a_time_from_before_a_step_is_placed_before_it() -> None:
    clock = PlayedClock()
    clock.trust()
    clock.run(50)
    taken_at, monotonic = clock.time(), clock.monotonic()
    clock.synchronise()
    assert clock.place(taken_at).monotonic == pytest.approx(monotonic)
    assert not clock.place(taken_at).trusted
    assert clock.place(clock.time()).trusted


def test_the_kernel_is_really_asked() -> None:
    trust = kernel_trust()
    assert trust.error_s > 0
    assert trust.trusted == (trust.error_s != float("inf"))
    assert msgspec.json.encode(trust.trusted) in (b"true", b"false")

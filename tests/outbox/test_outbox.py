"""The outbox on a real SQLite file."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.config import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.messages import CHANNELS, Draft, Priority
from edge_agent.messages.system import LossData
from edge_agent.outbox import Lane, OutboxRecorder, Queue, ReplayRecorder, Row
from edge_agent.outbox.eviction import join
from tests.house import DEVICE, dust, health, opened, violation, wait_until


def drained(queue: Queue) -> list[Row]:
    """Everything the queue has, acknowledged."""
    out: list[Row] = []
    while rows := queue.take(100):
        out += rows
        queue.acknowledge([row.sequence for row in rows])
    queue.settle()
    return out


def test_more_important_classes_go_first_and_each_keeps_its_order(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        for n in range(3):
            recorder.record(health(n))
            recorder.record(dust(n))
            recorder.record(violation(n, pictures=(b"jpeg",)))
        rows = drained(recorder.outbox.queue("broker"))
        assert [r.subject for r in rows if r.channel != "evidence"] == [f"{c}{n}" for c in "vdh" for n in range(3)]
        assert [r.channel for r in rows][3:6] == ["evidence"] * 3
        assert sorted(r.sequence for r in rows) == list(range(1, 13))


def test_a_slow_destination_neither_holds_back_nor_loses(tmp_path: Path) -> None:
    with opened(tmp_path, destinations=("fast", "slow")) as recorder:
        for n in range(10):
            recorder.record(violation(n))
        fast = recorder.outbox.queue("fast")
        assert [r.subject for r in drained(fast)] == [f"v{n}" for n in range(10)]
        assert recorder.outbox.depth().messages == 10
        recorder.record(violation(10))
        assert [r.subject for r in drained(fast)] == ["v10"]
        assert [r.subject for r in drained(recorder.outbox.queue("slow"))] == [f"v{n}" for n in range(11)]
        assert recorder.outbox.depth().messages == 0


def test_sequences_go_on_after_everything_was_delivered_and_reopened(tmp_path: Path) -> None:
    expected = 0
    for _ in range(3):
        with opened(tmp_path) as recorder:
            for n in range(2):
                expected += 1
                assert recorder.record(violation(n)).sequence == expected
            drained(recorder.outbox.queue("broker"))
            assert recorder.outbox.depth().messages == 0
    with opened(tmp_path) as recorder:
        assert drained(recorder.outbox.queue("broker")) == []


def test_what_is_taken_and_not_acknowledged_comes_again_in_order(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        for n in range(10):
            recorder.record(violation(n))
        queue = recorder.outbox.queue("broker")
        first = queue.take(6)
        queue.acknowledge([first[0].sequence, first[3].sequence])
        queue.rewind()
        assert [r.sequence for r in drained(queue)] == [2, 3, 5, 6, 7, 8, 9, 10]


def test_without_a_destination_messages_wait_for_the_first_one(tmp_path: Path) -> None:
    with opened(tmp_path, destinations=()) as recorder:
        recorder.record(violation(1))
    with opened(tmp_path, destinations=("a", "b")) as recorder:
        assert [r.subject for r in drained(recorder.outbox.queue("a"))] == ["v1"]
        assert drained(recorder.outbox.queue("b")) == []


def test_a_destination_taken_out_of_the_configuration_keeps_its_messages_and_is_told(tmp_path: Path) -> None:
    with opened(tmp_path, destinations=("old",)) as recorder:
        recorder.record(violation(1))
    with opened(tmp_path, destinations=("new",)) as recorder:
        assert any("1 messages wait for 'old'" in p for p in recorder.outbox.problems())
        assert drained(recorder.outbox.queue("new")) == []
    with opened(tmp_path, destinations=("new", "old")) as recorder:
        assert [r.subject for r in drained(recorder.outbox.queue("old"))] == ["v1"]


def test_telemetry_is_committed_in_groups_and_a_violation_takes_it_along(tmp_path: Path) -> None:
    bounds = Bounds(free_disk_floor_mb=0, telemetry_commit_s=60, telemetry_commit_rows=10)
    with opened(tmp_path, bounds=bounds) as recorder:
        outbox = recorder.outbox
        for n in range(9):
            recorder.record(dust(n))
        assert outbox.commits == 0
        recorder.record(dust(9))
        assert outbox.commits == 1
        recorder.record(dust(10))
        recorder.record(violation(1))
        assert outbox.commits == 2
        assert [r.sequence for r in outbox.queue("broker").take(20)] == [12, *range(1, 12)]


def test_a_group_is_committed_after_its_time_and_wakes_who_waits(tmp_path: Path) -> None:
    with opened(tmp_path, bounds=Bounds(free_disk_floor_mb=0, telemetry_commit_s=0.1)) as recorder:
        recorder.record(dust(1))
        assert recorder.outbox.wait(10, 0) == 1
        assert len(recorder.outbox.queue("broker").take(5)) == 1


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(
        st.tuples(st.sampled_from("dddddddhv"), st.integers(0, 60_000), st.booleans()), min_size=40, max_size=150
    )
)
def test_every_sequence_is_delivered_waits_or_is_reported(plan: list[tuple[str, int, bool]], tmp_path: Path) -> None:
    """With a bound of 1 MB: nothing vanishes unreported, the bound holds, no violation goes before telemetry."""
    folder = tmp_path / str(time.monotonic_ns())
    bounds = Bounds(max_mb=1, free_disk_floor_mb=0, telemetry_commit_s=60, telemetry_commit_rows=3)
    delivered: set[int] = set()
    reported: list[tuple[int, int]] = []
    issued = 0
    with opened(folder, bounds=bounds) as recorder:
        queue = recorder.outbox.queue("broker")
        for n, (kind, size, acknowledge) in enumerate(plan):
            pictures = (b"p" * size,) if size % 3 == 0 and size else ()
            before = recorder.outbox.depth()
            try:
                issued = recorder.record(draft_of(kind, n, size, pictures)).sequence
            except OutboxError:
                assert kind != "v"
            after = recorder.outbox.depth()
            assert after.bytes + after.evidence_bytes <= 1 << 20
            if after.by_class.get("violation", 0) < before.by_class.get("violation", 0):
                assert not {"dust", "health", "passage"} & set(after.by_class)
            if acknowledge:
                rows = queue.take(2)
                delivered.update(r.sequence for r in rows)
                reported += ranges_of(rows)
                queue.acknowledge([r.sequence for r in rows])
                queue.settle()
        recorder.outbox.flush()
        queue.rewind()
        rows = drained(queue)
    delivered.update(r.sequence for r in rows)
    reported = join([*reported, *ranges_of(rows)])
    lost = {n for a, b in reported for n in range(a, b + 1)}
    assert delivered | lost >= set(range(1, issued + 1))
    assert not lost & {r.sequence for r in rows}


def draft_of(kind: str, n: int, size: int, pictures: tuple[bytes, ...]) -> Draft:
    """One of the three sorts."""
    if kind == "v":
        return violation(n, None, pictures)
    return dust(n, size=size) if kind == "d" else health(n)


def ranges_of(rows: list[Row]) -> list[tuple[int, int]]:
    """What the loss messages among ``rows`` report."""
    found = [msgspec.json.decode(r.data, type=LossData) for r in rows if r.channel == "loss"]
    return [(a, b) for data in found for a, b in data.ranges]


@pytest.mark.slow
def test_an_evicted_report_hands_its_ranges_on(tmp_path: Path) -> None:
    bounds = Bounds(max_mb=1, free_disk_floor_mb=0)
    with opened(tmp_path, bounds=bounds) as recorder:
        for n in range(30):
            recorder.record(dust(n, size=50_000))
        for n in range(40):
            recorder.record(violation(n, pictures=(b"p" * 50_000,)))
        for n in range(6000):
            recorder.record(violation(n))
        rows = drained(recorder.outbox.queue("broker"))
        lost = {n for a, b in join(ranges_of(rows)) for n in range(a, b + 1)}
        held = {r.sequence for r in rows}
        assert held | lost == set(range(1, max(held) + 1))
        assert not held & lost
        assert set(recorder.outbox.depth().lost["outbox-full"]) >= {"dust", "evidence", "violation"}


def test_a_message_refused_too_often_is_set_aside_reported_and_tried_at_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1))
        recorder.record(violation(2))
        queue = recorder.outbox.queue("broker")
        queue.take(2)
        assert not queue.reject(1, "refused", 3)
        assert not queue.reject(1, "refused", 3)
        assert queue.reject(1, "not authorised", 3)
        queue.acknowledge([2])
        (report,) = queue.take(5)
        loss = msgspec.json.decode(report.data, type=LossData)
        assert (loss.reason, loss.ranges, loss.destination, loss.detail) == (
            "rejected", [(1, 1)], "broker", "not authorised")  # fmt: skip
        queue.acknowledge([report.sequence])
        queue.settle()
        assert recorder.outbox.depth().lost == {"rejected": {"violation": 1}}
    with opened(tmp_path) as recorder:
        assert [r.subject for r in recorder.outbox.queue("broker").take(5)] == ["v1"]


def test_losing_the_connection_is_no_refusal(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1))
        queue = recorder.outbox.queue("broker")
        for _ in range(20):
            assert [r.rejections for r in queue.take(5)] == [0]
            queue.rewind()


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OutboxError, match="another process"), opened(tmp_path):
        pass


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(OutboxError, match="newer version"), opened(tmp_path):
        pass


def test_the_backlog_of_an_earlier_boot_is_historical_and_the_rest_is_live(tmp_path: Path) -> None:
    from tests.outbox.test_times import PlayedClock

    clock = PlayedClock()
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(1, clock.time()))
    clock.reboot(after_s=5)
    with opened(tmp_path, clock=clock) as recorder:
        recorder.record(violation(2, clock.time()))
        queue = recorder.outbox.queue("broker")
        assert [(r.subject, r.historical) for r in queue.take(5, Lane.BACKLOG)] == [("v1", True)]
        assert [(r.subject, r.historical) for r in queue.take(5, Lane.LIVE)] == [("v2", False)]


def test_a_replay_gives_what_a_live_run_would_have_committed(tmp_path: Path) -> None:
    drafts = [dust(0, 1_700_000_000.0), violation(1, 1_700_000_001.5, (b"a", b"b")), dust(2, 1_700_000_002.0)]
    replays = [[ReplayRecorder("north", "post-1").record(d) for d in drafts] for _ in range(2)]
    first = ReplayRecorder("north", "post-1")
    replayed = [first.record(d) for d in drafts]
    with opened(tmp_path) as recorder:
        live = [recorder.record(d) for d in drafts]
    assert [(m.sequence, m.type, m.subject, m.time, m.data) for m in replayed] == [
        (m.sequence, m.type, m.subject, m.time, m.data) for m in live
    ]
    assert [m.sequence for m in replayed] == [1, 2, 5]
    assert replays[0][0].id == replays[1][0].id
    assert {m.boot for m in replayed} == {"replay"}


def test_a_draft_that_does_not_fit_its_channel_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        with pytest.raises(ValueError, match="takes DustData"):
            recorder.record(Draft("dust", 0.0, violation(0).data))
        with pytest.raises(ValueError, match="not a channel to record on"):
            recorder.record(Draft("status", 0.0, violation(0).data))
        assert recorder.record(dust(1)).sequence == 1


def test_every_channel_has_a_class_and_only_telemetry_is_grouped() -> None:
    assert {name for name, c in CHANNELS.items() if c.priority.telemetry} >= {"dust", "health"}
    assert not Priority.PASSAGE.telemetry
    assert CHANNELS["loss"].priority is Priority.VIOLATION


def test_depth_counts_what_waits(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1, pictures=(b"x" * 100,)))
        recorder.record(dust(1))
        wait_until(lambda: recorder.outbox.depth().by_class == {"violation": 1, "evidence": 1, "dust": 1})
        assert recorder.outbox.depth().evidence_bytes == 100
        assert isinstance(recorder, OutboxRecorder)
        assert recorder.outbox.device == DEVICE.id

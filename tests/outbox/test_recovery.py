"""What the outbox does with a disk that failed it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.config import Mqtt
from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore
from edge_agent.messages.system import LossData
from edge_agent.outbox import OutboxRecorder, Row, database
from edge_agent.outbox.database import MIGRATIONS, connect
from edge_agent.uplink.ledger import unpack
from edge_agent.uplink.mqtt_feed import Feed
from edge_agent.uplink.mqtt_packets import Packets
from tests.house import dust, opened, violation


def waiting(folder: Path) -> list[Row]:
    """What is in the outbox after opening it again."""
    with opened(folder) as recorder:
        return recorder.outbox.queue("broker").take(10_000)


def losses(rows: list[Row]) -> list[LossData]:
    """The reports among ``rows``."""
    return [msgspec.json.decode(r.data, type=LossData) for r in rows if r.channel == "loss"]


def break_in_the_middle(file: Path) -> None:
    """One page of noise."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = os.urandom(4096)
    file.write_bytes(content)


def test_a_file_that_is_no_database_is_set_aside_and_sequences_go_on(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        last = [recorder.record(violation(n)).sequence for n in range(5)][-1]
    (tmp_path / "outbox.db").write_bytes(b"\0" * 50_000)
    with opened(tmp_path) as recorder:
        assert any("damaged and set aside as outbox.db.broken-1" in p for p in recorder.outbox.problems())
        assert recorder.record(violation(9)).sequence > last
        (report,) = losses(recorder.outbox.queue("broker").take(10))
        assert report.reason == "damaged"
        assert report.ranges[0][0] <= 1 <= last <= report.ranges[0][1]
    assert (tmp_path / "outbox.db.broken-1").exists()


def test_a_database_that_vanished_does_not_make_sequences_begin_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        last = recorder.record(violation(1)).sequence
    (tmp_path / "outbox.db").unlink()
    with opened(tmp_path) as recorder:
        assert recorder.record(violation(2)).sequence > last
        assert losses(recorder.outbox.queue("broker").take(10))[0].reason == "damaged"


def test_what_can_be_read_of_a_damaged_database_is_carried_over(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        for n in range(300):
            recorder.record(dust(n, size=500))
        recorder.outbox.flush()
    break_in_the_middle(tmp_path / "outbox.db")
    rows = waiting(tmp_path)
    carried = {r.subject for r in rows if r.channel == "dust"}
    assert 150 < len(carried) < 300


def test_a_database_that_breaks_while_in_use_is_replaced_and_the_agent_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        for n in range(3000):
            recorder.record(dust(n, size=2000))
        recorder.outbox.flush()
        recorder.outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (tmp_path / "outbox.db").open("r+b") as file:
            file.seek(2 << 20)
            file.write(os.urandom(1 << 20))
        queue = recorder.outbox.queue("broker")
        came = []
        with contextlib.suppress(OutboxError):
            while rows := queue.take(500):
                came += rows
        queue.rewind()
        last = recorder.record(violation(1))
        while rows := queue.take(500):
            came += rows
        assert any("damaged and set aside" in p for p in recorder.outbox.problems())
        assert "v1" in {r.subject for r in came}
        assert len({r.subject for r in came if r.channel == "dust"}) > 1000
        assert last.sequence > 3000
        assert [loss.reason for loss in losses(came)][:1] == ["damaged"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), holes=st.integers(1, 30), cut=st.booleans())
def test_no_damage_keeps_the_agent_from_starting(tmp_path: Path, seed: int, holes: int, cut: bool) -> None:
    """Bytes flipped, pages zeroed, files cut, in database and journal alike."""
    chance = random.Random(seed)
    folder = tmp_path / str(time.monotonic_ns())
    with opened(folder) as recorder:
        issued = [recorder.record(violation(n, pictures=(b"x" * 50,))).sequence for n in range(20)][-1] + 1
        snapshot = folder.with_name(folder.name + "-snapshot")
        shutil.copytree(folder, snapshot)
    for file in (snapshot / "outbox.db", snapshot / "outbox.db-wal"):
        content = bytearray(file.read_bytes())
        for _ in range(holes):
            at = chance.randrange(len(content))
            length = chance.choice((1, 8, 512, 4096))
            content[at : at + length] = bytes(chance.randrange(256) for _ in content[at : at + length])
        if cut:
            del content[chance.randrange(len(content)) :]
        file.write_bytes(content)
    with opened(snapshot) as recorder:
        fresh = recorder.record(violation(99))
        rows = recorder.outbox.queue("broker").take(1000)
        assert fresh.sequence in {r.sequence for r in rows}
        if any("damaged and set aside" in p for p in recorder.outbox.problems()):
            assert fresh.sequence > issued


# What a database may hold where a card, or a person, changed it: any column, any value.
COLUMNS = ("id", "channel", "priority", "subject", "time", "boot", "monotonic", "trusted", "error_s", "data", "piece",
           "size", "dead", "rejections", "historical")  # fmt: skip
VALUES = st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=20) | st.binary(max_size=40)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(COLUMNS), st.integers(1, 8), VALUES), min_size=1, max_size=3))
def test_no_value_in_a_row_keeps_the_other_rows_from_being_sent(
    tmp_path: Path, changes: list[tuple[str, int, object]]
) -> None:
    """Each is sent, is reported lost, or waits; nothing that was changed inside goes out under its number."""
    folder = tmp_path / str(time.monotonic_ns())
    with opened(folder) as recorder:
        for n in range(4):
            recorder.record(violation(n, pictures=(b"x" * 50,)))
    committed = {row.sequence: row for row in waiting(folder)}
    touched = set()
    with sqlite3.connect(folder / "outbox.db") as db:
        for column, sequence, value in changes:
            try:
                db.execute(f"UPDATE message SET {column} = ? WHERE sequence = ?", (value, sequence))
            except sqlite3.IntegrityError:
                continue
            touched.add(sequence)
    settings = msgspec.convert({"broker": "mqtt://127.0.0.1", "backfill_per_s": 0}, Mqtt)
    with opened(folder) as recorder:
        fresh = recorder.record(violation(99)).sequence
        queue = recorder.outbox.queue("broker")
        made = Packets("north", "post-1", recorder.outbox.evidence)
        sent: dict[int, bytes] = {}
        reported: set[int] = set()
        replaced = 0
        while True:
            feed = Feed(queue, made, settings, recorder.outbox.clock, limit=100_000, window=50, packs=False)
            try:
                while packet := feed.next(50):
                    sent[packet.sequence] = packet.payload
                    (message,) = unpack(packet.payload)
                    if message.type == "edge.loss.v1":
                        for first, last in msgspec.convert(message.data, LossData).ranges:
                            reported |= set(range(first, last + 1))
                    queue.acknowledge(feed.done(packet.sequence))
                break
            except OutboxError:
                replaced += 1
                queue.rewind()
        assert replaced <= 1
        assert fresh in sent
        assert set(committed) - touched <= set(sent)
        for sequence in set(sent) & set(committed):
            row = committed[sequence]
            (message,) = unpack(sent[sequence])
            assert message.id == row.envelope("").id
            if not row.piece:
                assert msgspec.json.encode(message.data) == msgspec.json.encode(msgspec.json.decode(row.data))
        still = {row.sequence for row in queue_of(recorder)}
        assert set(committed) <= set(sent) | reported | still | touched


def queue_of(recorder: OutboxRecorder) -> list[Row]:
    """What waits now."""
    return recorder.outbox.queue("broker").take(1000)


def test_of_databases_set_aside_the_newest_three_are_kept(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / "outbox.db").write_bytes(bytes([n]) * 20_000)
        with opened(tmp_path):
            pass
    aside = sorted(tmp_path.glob("*.broken-*"))
    assert [file.name for file in aside] == [f"outbox.db.broken-{n}" for n in (3, 4, 5)]
    assert [file.read_bytes()[0] for file in aside] == [2, 3, 4]


def test_how_much_was_lost_is_still_known_after_the_database_broke(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1))
        queue = recorder.outbox.queue("broker")
        queue.take(1)
        assert queue.reject(1, "refused", 1)
        for n in range(300):
            recorder.record(dust(n, size=500))
    break_in_the_middle(tmp_path / "outbox.db")
    with opened(tmp_path) as recorder:
        assert any("damaged and set aside" in p for p in recorder.outbox.problems())
        assert recorder.outbox.depth().lost == {"rejected": {"violation": 1}}


def test_a_large_database_is_not_read_through_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card reads 40 MB a second: with 2 GB the watchdog would bark before the agent runs."""
    with opened(tmp_path) as recorder:
        for n in range(50):
            recorder.record(dust(n, size=1000))
    seen: list[str] = []
    real = sqlite3.connect

    def watched(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection = real(*arguments, **more)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    with opened(tmp_path):
        assert "PRAGMA quick_check(1)" in seen
    seen.clear()
    monkeypatch.setattr(database, "_CHECKED_BYTES", 1000)
    with opened(tmp_path):
        assert "PRAGMA quick_check(1)" not in seen


def test_evidence_without_a_violation_is_found_counted_and_the_first_to_go(tmp_path: Path) -> None:
    with opened(tmp_path):
        store = EvidenceStore(tmp_path / "evidence")
        draft = violation(1, pictures=(b"x" * 1000,))
        store.keep("never-raised", draft.time, draft.pictures)
        (tmp_path / "evidence/2026/01/01/.half").mkdir(parents=True)
    with opened(tmp_path) as recorder:
        assert any("1 evidence files belong to no violation" in p for p in recorder.outbox.problems())
        assert recorder.outbox.depth().evidence_bytes == 1000
        assert not (tmp_path / "evidence/2026/01/01/.half").exists()
    with opened(tmp_path) as recorder:
        assert recorder.outbox.problems() == []


def test_a_violation_whose_evidence_is_missing_is_still_sent_and_the_loss_reported(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1, pictures=(b"x" * 1000, b"y" * 1000)))
    first, second = sorted((tmp_path / "evidence").glob("*/*/*/*/*.jpg"))
    first.unlink()
    second.write_bytes(b"y" * 10)
    with opened(tmp_path) as recorder:
        rows = recorder.outbox.queue("broker").take(10)
        assert [r.channel for r in rows] == ["violation", "loss"]
        assert losses(rows)[0].ranges == [(2, 3)]
        assert rows[1].sequence == 4


def test_an_empty_folder_and_every_old_schema_come_to_the_newest(tmp_path: Path) -> None:
    for version in range(len(MIGRATIONS) + 1):
        path = tmp_path / f"v{version}.db"
        with sqlite3.connect(path) as db:
            for statements in MIGRATIONS[:version]:
                for statement in statements:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={version}")
        connection = connect(path)
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert connection.execute("SELECT count(*) FROM message").fetchone()[0] == 0
        connection.close()


def test_a_crash_between_two_commits_leaves_no_gap_in_the_sequences(tmp_path: Path) -> None:
    """Telemetry that was grouped and not committed never left, so its numbers are used again."""
    with opened(tmp_path) as recorder:
        recorder.record(violation(1))
        snapshot = tmp_path.with_name(tmp_path.name + "-crashed")
        recorder.outbox._group._bounds = msgspec.structs.replace(recorder.outbox._bounds, telemetry_commit_s=60)
        with recorder.outbox.lock:
            assert recorder.record(dust(1)).sequence == 2
            shutil.copytree(tmp_path, snapshot)
    with opened(snapshot) as recorder:
        assert recorder.record(violation(2)).sequence == 2

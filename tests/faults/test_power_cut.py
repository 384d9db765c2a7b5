"""A power cut at any moment: nothing committed is missing, whatever became of what was not synced."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge_agent.config import Outbox as Bounds
from edge_agent.evidence import EvidenceStore
from edge_agent.evidence.packs import open_packs
from edge_agent.evidence.verify import chains, judge
from edge_agent.messages import EvidenceData, Message
from edge_agent.outbox import Outbox, OutboxRecorder, database
from tests.faults.tape import Leftover, RecordingFiles, Tape, recording
from tests.house import DEVICE, dust, seal_of, violation

BOUNDS = Bounds(free_disk_floor_mb=0, telemetry_commit_s=60, telemetry_commit_rows=4)


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine has that: thousands of files are written."""
    shm = Path("/dev/shm")
    folder = shm / f"power-cut-{os.getpid()}" if os.access(shm, os.W_OK) else tmp_path / "cut"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def open_outbox(folder: Path, files: RecordingFiles | None = None) -> Outbox:
    """As the agent would; the key is in a safe place beside the folder."""
    seal = seal_of(folder.parent)
    return Outbox.open(
        folder / "outbox.db",
        device=DEVICE.id,
        destinations={"broker": None},
        evidence=EvidenceStore(folder / "evidence", files, seal),
        bounds=BOUNDS,
    )


def recorded_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tape:
    """A run with pictures, telemetry, acknowledgements and checkpoints, on tape."""
    folder.mkdir()
    tape = Tape(folder)
    monkeypatch.setattr(database, "sync_folder", RecordingFiles(tape).sync_folder)
    with recording(tape):
        outbox = open_outbox(folder, RecordingFiles(tape))
        recorder = OutboxRecorder(outbox, DEVICE.site)
        queue = outbox.queue("broker")
        for n in range(12):
            pictures = (os.urandom(700), os.urandom(300)) if n % 3 == 0 else ()
            tape.events.append(("committed", recorder.record(violation(n, pictures=pictures))))
            waiting = [recorder.record(dust(10 * n + k, size=200)) for k in range(4)]
            tape.events.extend(("committed", message) for message in waiting)
            if n % 4 == 3:
                outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if n in (5, 8):
                rows = queue.take(3)
                queue.acknowledge([r.sequence for r in rows])
                queue.settle()
                tape.events.append(("delivered", [r.sequence for r in rows]))
        outbox.close()
    return tape


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_committed_is_missing_after_a_cut_at_any_write_or_sync(
    fast_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = recorded_run(fast_folder / "run", monkeypatch)
    monkeypatch.undo()
    delivered: dict[int, set[int]] = {}
    events = []
    gone: set[int] = set()
    for event in tape.events:
        if event[0] == "delivered":
            gone |= set(event[1])
            delivered[len(events)] = set(gone)
        else:
            events.append(event)
    tape.events = events
    assert {e[0] for e in events} >= {"write", "sync", "rename", "sync_folder", "committed", "truncate"}
    cuts = taken_back = 0
    start = next(n for n, e in enumerate(events) if e[0] == "committed")
    for upto in range(start, len(events) + 1):
        committed = [e[1] for e in events[:upto] if e[0] == "committed"]
        may_be_gone = set().union(*[s for n, s in delivered.items() if n <= upto + 40], set())
        for leftover in Leftover:
            if upto < len(events) and events[upto - 1][0] == "committed" and leftover is not Leftover.GONE:
                continue
            folder = fast_folder / "after"
            lay_out(tape.disk(upto, leftover), folder)
            taken_back += check(
                folder, committed, may_be_gone, f"cut before event {upto} ({events[upto - 1][0]}), {leftover}"
            )
            shutil.rmtree(folder)
            cuts += 1
    assert cuts > 300
    assert taken_back > 3


def lay_out(disk: dict[str, bytes], folder: Path) -> None:
    """Writes a simulated disk."""
    for path, content in disk.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def check(folder: Path, committed: list[Message], may_be_gone: set[int], where: str) -> bool:
    """Starts an agent's outbox on what is left; whether it took back a pack whose message was never raised."""
    outbox = open_outbox(folder)
    try:
        assert not any("damaged" in p for p in outbox.problems()), where
        rows = {r.sequence: r for r in outbox.queue("broker").take(1000)}
        for message in committed:
            if message.sequence in may_be_gone:
                continue
            assert message.sequence in rows, f"{where}: {message.sequence} of {message.type} is missing"
            row = rows[message.sequence]
            assert row.envelope(message.source).id == message.id, where
            assert msgspec.json.decode(row.data) == msgspec.to_builtins(message.data), where
            for ref in getattr(message.data, "evidence", []):
                if message.sequence + ref.n in may_be_gone:
                    continue
                piece = rows[message.sequence + ref.n]
                assert msgspec.json.decode(piece.data, type=EvidenceData).sha256 == ref.sha256, where
                assert hashlib.sha256(outbox.evidence.read(piece.piece)).hexdigest() == ref.sha256, where
        fresh = OutboxRecorder(outbox, DEVICE.site).record(violation(999, pictures=(b"fresh",)))
        assert fresh.sequence > max([m.sequence for m in committed], default=0), where
        check_chain(folder, outbox, [*committed, fresh], where)
        return any("taken back" in problem for problem in outbox.problems())
    finally:
        outbox.close()


def check_chain(folder: Path, outbox: Outbox, raised: list[Message], where: str) -> None:
    """Every pack that was raised is a link, none was given a number twice, and the newest is the head."""
    with open_packs(folder / "evidence") as found:
        reports = [judge(pack, whole=True) for pack in found.packs]
    assert all(report.verdict != "not proven" for report in reports), f"{where}: {reports}"
    (chain,) = chains(reports, complete=True)
    assert chain.problems == [], where
    assert chain.first == 1, where
    assert outbox.head is not None
    assert outbox.head.number == chain.last, where
    sealed = {m.id for m in raised if getattr(m.data, "evidence", [])}
    assert {report.message for report in reports} >= sealed, where


def test_the_tape_itself_sees_a_missing_sync(fast_folder: Path) -> None:
    """The same check finds the loss when SQLite is told not to sync: the test can fail."""
    folder = fast_folder / "run"
    folder.mkdir()
    tape = Tape(folder)
    with recording(tape):
        db = sqlite3.connect(folder / "x.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (n)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("INSERT INTO t VALUES (1)")
        tape.events.append(("sync_folder", "."))
        upto = len(tape.events)
        db.close()
    lay_out(tape.disk(upto, Leftover.GONE), fast_folder / "after")
    with sqlite3.connect(fast_folder / "after" / "x.db") as left:
        assert left.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    lay_out(tape.disk(upto, Leftover.KEPT), fast_folder / "kept")
    with sqlite3.connect(fast_folder / "kept" / "x.db") as left:
        assert left.execute("SELECT count(*) FROM t").fetchone()[0] == 1

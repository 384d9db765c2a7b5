"""How long evidence stays, what is left when it goes, and how it is asked for again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from edge_agent.agent.commands import answer
from edge_agent.agent.evidence import EvidenceCommand, EvidenceKeeper
from edge_agent.cli.main import main
from edge_agent.config import Config, Evidence
from edge_agent.config import Outbox as Bounds
from edge_agent.evidence.manifest import MANIFEST, REMOVED
from edge_agent.messages import AckData, Draft, EvidenceData, Message, Picture
from edge_agent.outbox import Lane, OutboxRecorder
from tests.agent.test_commands import publish
from tests.brokers import Mosquitto
from tests.house import DEVICE, Receiver, opened, uplink, violation, wait_until
from tests.outbox.test_times import PlayedClock
from tests.uplink.test_listen import wait_for_subscription

DAY_S = 86_400.0


def pack_of(recorder: OutboxRecorder, message: Message) -> set[str]:
    """The names of the files that are left of it."""
    folder = recorder.outbox.evidence.root / recorder.outbox.evidence.pack(message.id)
    return {f.name for f in folder.iterdir()} if folder.exists() else set()


def acknowledge(recorder: OutboxRecorder, count: int = 1000) -> None:
    """The broker takes the next ``count``."""
    queue = recorder.outbox.queue("broker")
    queue.acknowledge([row.sequence for row in queue.take(count)])
    queue.settle()


def reasons(recorder: OutboxRecorder, message: Message) -> dict[str, str]:
    """Why files went, as the note in the pack says."""
    folder = recorder.outbox.evidence.root / recorder.outbox.evidence.pack(message.id)
    note = json.loads((folder / REMOVED).read_bytes().split(b"\n")[0])
    return {entry["name"]: entry["reason"] for entry in note["removed"]}


def test_pictures_go_after_their_days_and_the_manifest_stays(tmp_path: Path) -> None:
    clock = PlayedClock()
    clock.synchronise()
    keep = Evidence(keep_days=2)
    with opened(tmp_path, clock=clock, sealed=True) as recorder:
        first = recorder.record(violation(1, clock.time(), (b"one", b"two")))
        clock.run(9 * DAY_S)
        recorder.outbox.retain(keep)
        assert pack_of(recorder, first) == {"1.jpg", "2.jpg", MANIFEST}, "never while it is not acknowledged"
        acknowledge(recorder)
        recorder.outbox.retain(keep)
        second = recorder.record(violation(2, clock.time(), (b"three",)))
        acknowledge(recorder)
        clock.run(DAY_S)
        recorder.outbox.retain(keep)
        assert pack_of(recorder, first) == {"1.jpg", "2.jpg", MANIFEST}, "its days run from the acknowledgement"
        clock.run(1.5 * DAY_S)
        before = recorder.outbox.depth().evidence_bytes
        recorder.outbox.retain(keep)
        assert pack_of(recorder, first) == {MANIFEST, REMOVED}
        assert reasons(recorder, first) == {"1.jpg": "keep_days", "2.jpg": "keep_days"}
        assert before - recorder.outbox.depth().evidence_bytes == 6
        assert pack_of(recorder, second) == {"1.jpg", MANIFEST}
    with opened(tmp_path, clock=clock, sealed=True) as recorder:
        assert recorder.outbox.problems() == []
        recorder.record(violation(3, clock.time(), (b"four",)))
    assert main(["verify", "--whole", "--span", "1-3", str(tmp_path / "evidence")]) == 0


def test_nothing_ages_by_a_clock_nobody_set(tmp_path: Path) -> None:
    clock = PlayedClock()
    with opened(tmp_path, clock=clock, sealed=True) as recorder:
        message = recorder.record(violation(1, clock.time(), (b"one",)))
        acknowledge(recorder)
        recorder.outbox.retain(Evidence(keep_days=1))
        clock.synchronise()
        clock._asked = float("-inf")
        recorder.outbox.retain(Evidence(keep_days=1))
        assert pack_of(recorder, message) == {"1.jpg", MANIFEST}


def test_the_oldest_acknowledged_go_when_they_are_too_much(tmp_path: Path) -> None:
    with opened(tmp_path, sealed=True) as recorder:
        packs = [recorder.record(violation(n, 1.8e9 + n, (b"x" * 600_000,))) for n in range(3)]
        acknowledge(recorder)
        waits = recorder.record(violation(9, 1.7e9, (b"x" * 600_000,)))
        recorder.outbox.retain(Evidence(keep_mb=1))
        assert [len(pack_of(recorder, m) & {"1.jpg"}) for m in [*packs, waits]] == [0, 0, 1, 1]
        assert reasons(recorder, packs[0]) == {"1.jpg": "keep_mb"}


def test_the_oldest_bare_manifests_go_when_they_are_too_many(tmp_path: Path) -> None:
    clock = PlayedClock()
    clock.synchronise()
    with opened(tmp_path, clock=clock, sealed=True) as recorder:
        packs = [recorder.record(violation(n, clock.time() + n, (b"x",))) for n in range(5)]
        acknowledge(recorder)
        for _ in range(2):
            recorder.outbox.retain(Evidence(keep_days=1, keep_manifests=2))
            clock.run(2 * DAY_S)
        recorder.outbox.retain(Evidence(keep_days=1, keep_manifests=2))
        assert [pack_of(recorder, m) for m in packs] == [set()] * 3 + [{MANIFEST, REMOVED}] * 2
        assert recorder.outbox.head is not None
        assert recorder.outbox.head.number == 5


@pytest.mark.slow
def test_a_device_that_ran_out_of_room_still_has_a_chain_that_verifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, sealed=True, bounds=Bounds(max_mb=1, free_disk_floor_mb=0)) as recorder:
        for n in range(40):
            recorder.record(violation(n, 1.8e9 + n, (b"x" * 60_000, b"y" * 40_000)))
    assert main(["verify", "--whole", "--span", "1-40", "--json", str(tmp_path / "evidence")]) == 0
    *packs, end = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    states = [{f["state"] for f in pack["pack"]["files"]} for pack in packs]
    assert states[0] == {"removed"}
    assert states[-1] == {"unchanged"}
    assert end["summary"]["verdict"] == "unchanged"


def test_a_cut_while_old_pictures_are_removed_leaves_no_riddle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database has forgotten them, the files are still there: kept until room is needed, and then noted."""
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(violation(1, 1.8e9, (b"x" * 2_000_000,)))
        acknowledge(recorder)
        monkeypatch.setattr(recorder.outbox.evidence, "remove", lambda *_: None)
        recorder.outbox.retain(Evidence(keep_mb=1))
    with opened(tmp_path, sealed=True) as recorder:
        assert pack_of(recorder, message) == {"1.jpg", MANIFEST}
        recorder.outbox.retain(Evidence(keep_mb=1))
        assert pack_of(recorder, message) == {MANIFEST, REMOVED}


@pytest.mark.slow
def test_a_pack_is_sent_again_on_request_with_what_was_local(mosquitto: Mosquitto, tmp_path: Path) -> None:
    draft = violation(1, None, (b"sent" * 30,))
    local = Picture("full", draft.time, "image/png", b"original", 4, 3, local=True)
    draft = Draft("violation", draft.time, draft.data, draft.subject, (*draft.pictures, local))
    received = tmp_path / "received"
    command = [sys.executable, "-m", "edge_agent", "listen", "--broker", mosquitto.url, "--packs", str(received)]
    with opened(tmp_path / "device", sealed=True) as recorder, Receiver(mosquitto.url) as receiver:
        listener = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)
        wait_for_subscription(mosquitto)
        keeper = EvidenceKeeper(Config(device=DEVICE), recorder)

        def on_command(name: str, payload: bytes) -> None:
            recorder.record(Draft("ack", time.time(), answer(name, payload, {"evidence": keeper.command})))

        with uplink(recorder, mosquitto.url, on_command):
            message = recorder.record(draft)
            pack = received / "north" / "post-1" / message.id
            wait_until(lambda: (pack / MANIFEST).exists() and recorder.outbox.depth().messages == 0)
            assert {f.name for f in pack.iterdir()} == {"1.jpg", MANIFEST}
            assert main(["verify", str(pack)]) == 0
            assert main(["verify", "--whole", str(pack)]) == 1
            publish(mosquitto, "evidence", json.dumps({"id": "c1", "violation": message.id}))
            wait_until(lambda: bool(receiver.of("ack")))
            ack = msgspec.convert(receiver.of("ack")[0].data, AckData)
            assert (ack.ok, ack.id) == (True, "c1")
            assert ack.detail.startswith("queued: 1.jpg, 2.png, manifest.jsonl, ")
            wait_until((pack / "2.png").exists)
            assert main(["verify", "--whole", str(pack)]) == 0
            wait_until(lambda: recorder.outbox.depth().messages == 0)
        listener.terminate()
        listener.communicate(timeout=20)
        again = [m for m in receiver.of("evidence") if m.historical]
        assert [msgspec.convert(m.data, EvidenceData).n for m in again] == [1, 2, 3]
        assert receiver.ledger.complete


def test_only_the_roles_asked_for_are_queued_and_none_twice(tmp_path: Path) -> None:
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(violation(1, None, (b"one",)))
        assert recorder.send_again(message.id) == "already waiting to be acknowledged: 1.jpg, manifest.jsonl"
        acknowledge(recorder)
        assert recorder.send_again(message.id, ["full"]) == "queued: 1.jpg, 3 bytes"
        rows = recorder.outbox.queue("broker").take(10)
        assert [(row.channel, Path(row.piece).name, row.historical) for row in rows] == [("evidence", "1.jpg", True)]
        recorder.outbox.retain(Evidence(keep_mb=1, keep_days=0.0))
        with pytest.raises(ValueError, match="has no clip; it has full, manifest"):
            recorder.send_again(message.id, ["clip"])


def test_what_is_asked_for_again_waits_behind_what_is_new(tmp_path: Path) -> None:
    """It is backlog, so it goes at the backlog's rate."""
    with opened(tmp_path, sealed=True) as recorder:
        queue = recorder.outbox.queue("broker")
        old = recorder.record(violation(1, None, (b"one",)))
        queue.acknowledge([row.sequence for row in queue.take(100)])
        queue.settle()
        assert not queue.backlog_waits
        recorder.send_again(old.id)
        new = recorder.record(violation(2, None, (b"two",)))
        assert queue.backlog_waits
        live = queue.take(100, Lane.LIVE)
        assert [row.subject for row in live] == ["v2", new.id, new.id]
        again = queue.take(100, Lane.BACKLOG)
        assert [(row.subject, row.historical) for row in again] == [(old.id, True), (old.id, True)]
        queue.rewind()
        assert len(queue.take(100, Lane.LIVE)) == 3
        assert len(queue.take(100, Lane.BACKLOG)) == 2


def test_what_is_gone_is_told_with_its_reason(tmp_path: Path) -> None:
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(violation(1, 1.8e9, (b"x" * 2_000_000,)))
        acknowledge(recorder)
        recorder.outbox.retain(Evidence(keep_mb=1))
        with pytest.raises(ValueError, match=r"gone: 1\.jpg \(keep_mb, 20"):
            recorder.send_again(message.id, ["full"])
        assert "gone: 1.jpg (keep_mb" in recorder.send_again(message.id)
        never = "019b0000-0000-7000-8000-000000000000"
        with pytest.raises(ValueError, match="no sealed evidence of"):
            recorder.send_again(never)
        for wrong in ("../../../etc/passwd", never.upper() + "F", "x" * 36):
            with pytest.raises(ValueError, match="no id of a message"):
                recorder.send_again(wrong)


def test_a_request_is_answered_by_the_agents_command(tmp_path: Path) -> None:
    with opened(tmp_path, sealed=True) as recorder:
        keeper = EvidenceKeeper(Config(device=DEVICE), recorder)
        message = recorder.record(violation(1, None, (b"one",)))
        acknowledge(recorder)
        asked = {"id": "c1", "violation": message.id}
        ack = answer("evidence", json.dumps(asked).encode(), {"evidence": keeper.command})
        assert ack == AckData(command="evidence", ok=True, detail=ack.detail, id="c1")
        assert ack.detail.startswith("queued: 1.jpg, manifest.jsonl")
        wrong = answer("evidence", json.dumps(asked | {"violation": 5}).encode(), {"evidence": keeper.command})
        assert not wrong.ok
        assert msgspec.json.decode(json.dumps(asked), type=EvidenceCommand).roles == []
        assert keeper.state()["number"] == 1

"""The process that is killed: records known messages and sends them, and keeps a journal of what was committed.

``python -m tests.faults.worker FOLDER BROKER JOURNAL SEED MODE``; MODE is ``work`` (until killed), ``drain`` (records
one fresh violation, sends everything, ends) or ``count:N`` (records N violations without sending, ends).
A journal line is written after ``record`` returned; one of telemetry only after a later commit took it along.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

import msgspec

from edge_agent.clock import Clock, Trust
from edge_agent.config import Device, Mqtt
from edge_agent.config import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore
from edge_agent.evidence.seal import KEY_FILE, Seal
from edge_agent.messages import Message
from edge_agent.outbox import Outbox, OutboxRecorder
from edge_agent.uplink.mqtt import MqttUplink
from tests.house import dust, health, violation


class SteppingClock(Clock):
    """The wall clock is set back and forth at random, and is trusted now and then."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._by = chance.choice((0.0, -3600.0, 7200.0, -1.7e9))
        self._is_trusted = False

    def step(self) -> None:
        """Somebody sets the clock."""
        self._by = self._chance.choice((0.0, -3600.0, 7200.0, 30.0, -0.5))
        self._is_trusted = self._chance.random() < 0.5
        self._asked = float("-inf")

    def time(self) -> float:
        return time.time() + self._by

    def ask(self) -> Trust:
        return Trust(True, 0.01) if self._is_trusted else Trust(False, float("inf"))

    def expects_trust(self) -> bool:
        return False


def digest(message: Message) -> str:
    """Of what must arrive unchanged. Times inside the data may be corrected, so they are not part of it."""
    data = {k: v for k, v in msgspec.to_builtins(message.data).items() if k not in ("time", "start")}
    for piece in data.get("evidence", []):
        del piece["time"]
    known = {"subject": message.subject, "type": message.type, "data": data}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


class Journal:
    """Appended with one write a line; a killed process loses nothing of it."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._waiting: list[Message] = []

    def committed(self, message: Message) -> None:
        """``message`` and all telemetry recorded before it."""
        lines = [
            json.dumps({"id": m.id, "sequence": m.sequence, "type": m.type, "sha": digest(m)})
            for m in (*self._waiting, message)
        ]
        self._waiting.clear()
        os.write(self._handle, ("\n".join(lines) + "\n").encode())

    def grouped(self, message: Message) -> None:
        """Telemetry that waits for a commit."""
        self._waiting.append(message)


def main(folder: Path, broker: str, journal_path: Path, seed: int, mode: str) -> None:
    """See above."""
    chance = random.Random(seed)
    clock = SteppingClock(chance)
    outbox = Outbox.open(
        folder / "outbox.db",
        device="post-1",
        destinations={"broker": None},
        evidence=EvidenceStore(folder / "evidence", seal=Seal("north", "post-1", folder / KEY_FILE)),
        clock=clock,
        bounds=Bounds(max_mb=8, free_disk_floor_mb=0, telemetry_commit_s=0.05, telemetry_commit_rows=20),
    )
    recorder = OutboxRecorder(outbox, "north")
    journal = Journal(journal_path)
    settings = msgspec.convert(
        {
            "broker": broker,
            "retry_max_s": 0.3,
            "keepalive_s": 5,
            "backfill_per_s": 0.0,
            "max_packet_kb": 16,
            "pack_backfill": chance.random() < 0.5,
        },
        Mqtt,
    )
    link = MqttUplink(settings, Device(id="post-1", site="north", kind="gate"), outbox)
    stop = threading.Event()
    sender = threading.Thread(target=link.run, args=(stop,), daemon=True)
    if not mode.startswith("count"):
        sender.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if mode == "work":
        n = 0
        while True:
            n += 1
            work(recorder, journal, clock, chance, n)
    for n in range(int(mode.partition(":")[2] or 1)):
        journal.committed(recorder.record(violation(n, clock.time())))
    if mode == "drain":
        while outbox.depth().messages:
            outbox.wait(0.1, outbox.commits)
        stop.set()
        link.wake()
        sender.join()
    outbox.close()


def work(recorder: OutboxRecorder, journal: Journal, clock: SteppingClock, chance: random.Random, n: int) -> None:
    """One message, and now and then a step of the clock."""
    kind = chance.random()
    try:
        if kind < 0.15:
            pictures = tuple(chance.randbytes(chance.choice((10, 3000, 40_000))) for _ in range(chance.randrange(3)))
            journal.committed(recorder.record(violation(chance.getrandbits(60), clock.time(), pictures)))
        else:
            draft = dust(chance.getrandbits(60), clock.time()) if kind < 0.8 else health(chance.getrandbits(60))
            journal.grouped(recorder.record(draft))
    except OutboxError as error:
        sys.stderr.write(f"{error}\n")
        time.sleep(0.05)
    if chance.random() < 0.02:
        clock.step()
    time.sleep(chance.choice((0.0, 0.0, 0.001, 0.01)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])

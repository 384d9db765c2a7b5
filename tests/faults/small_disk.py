"""Run on a small file system: fills it, records on, frees it, and tells what became of everything."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import msgspec

from edge_agent.config import Outbox as Bounds
from edge_agent.errors import OutboxError
from edge_agent.messages.system import LossData
from tests.faults.oracle import chain_failures
from tests.house import dust, opened, violation


def main(folder: Path) -> None:
    """Prints one JSON object."""
    filler = folder / "filler"
    with opened(
        folder / "data", sealed=True, bounds=Bounds(max_mb=64, free_disk_floor_mb=0, telemetry_commit_s=60)
    ) as recorder:
        issued = []
        for n in range(500):
            issued.append(recorder.record(dust(n, size=10_000)).sequence)
        for n in range(10):
            issued.append(recorder.record(violation(n, pictures=(os.urandom(20_000),))).sequence)
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        refused = 0
        while_full = 0
        for n in range(100, 130):
            try:
                recorder.record(violation(n, pictures=(os.urandom(30_000),)))
                while_full += 1
            except OutboxError as error:
                sys.stderr.write(f"{error}\n")
            try:
                recorder.record(dust(n, size=2000))
            except OutboxError:
                refused += 1
        filler.unlink()
        after = 0
        for n in range(50):
            recorder.record(dust(1000 + n))
            after += 1
        recorder.outbox.flush()
        last = recorder.record(violation(999)).sequence
        rows = []
        queue = recorder.outbox.queue("broker")
        while found := queue.take(500):
            rows += found
            queue.acknowledge([r.sequence for r in found])
        losses = [msgspec.json.decode(r.data, type=LossData) for r in rows if r.channel == "loss"]
        explained = {r.sequence for r in rows} | {n for d in losses for a, b in d.ranges for n in range(a, b + 1)}
        sys.stdout.write(
            json.dumps(
                {
                    "unexplained": sorted(set(range(1, last + 1)) - explained),
                    "violations_while_full": while_full,
                    "refused": refused,
                    "evicted": recorder.outbox.depth().lost,
                    "telemetry_after_space_returned": after,
                    "chain": chain_failures(folder / "data/evidence"),
                }
            )
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

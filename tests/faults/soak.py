"""``make soak KILLS=1000``: the conservation oracle for as long as one likes, with progress and a summary."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.oracle import Oracle, Result

_ROUND = 100


def main() -> int:
    """0 when nothing was lost, made up or changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how often the agent's process is killed")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    began = time.monotonic()
    total = Result()

    def progress(result: Result) -> None:
        done = total.kills + result.kills
        filled = 40 * done // arguments.kills
        spent = time.monotonic() - began
        left = spent / done * (arguments.kills - done)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done}/{arguments.kills} kills, {left:.0f} s left  ")
        sys.stderr.flush()

    while total.kills < arguments.kills and not total.failures:
        with tempfile.TemporaryDirectory(prefix="edge-agent-soak-") as folder:
            oracle = Oracle(Path(folder), arguments.seed + total.kills, progress)
            result = oracle.run(min(_ROUND, arguments.kills - total.kills))
        for field in dataclasses.fields(Result):
            setattr(total, field.name, getattr(total, field.name) + getattr(result, field.name))
    sys.stderr.write("\n")
    sys.stdout.write(json.dumps({"seed": arguments.seed, **dataclasses.asdict(total)}, indent=1) + "\n")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""``make bench``: every part's rows as one Markdown table; ``--write`` keeps it in docs/performance.md."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.row import Row

PARTS = ("gate", "parking", "evidence", "latency", "dust_post", "outbox", "dust", "decoding")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    args = parser.parse_args()
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in args.parts or PARTS:
        print(f"measuring {part} …", file=sys.stderr)
        rows += importlib.import_module(f"benchmarks.{part}").rows()
    text = _table(rows)
    print(text)
    if args.write:
        Path("docs/performance.md").write_text(f"# Speed and size\n\n{_machine()}\n\n{text}", encoding="utf-8")
    return 0


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    day = datetime.now(UTC).date().isoformat()
    return f"`make bench ARGS=--write` on {day}: {os.cpu_count()} cores, {model}, Python {platform.python_version()}."


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()


def _table(rows: list[Row]) -> str:
    lines = ["| what | measured | against | met |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row.cells())} |" for row in rows]) + "\n"


if __name__ == "__main__":
    sys.exit(main())

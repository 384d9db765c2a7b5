"""`python -m models.evaluate.passages FOLDER`: passages the gate counts in recordings, beside those a person counted.

FOLDER holds videos and `counts.csv` (columns file, count: trucks that drive by), or is one recording itself: pictures
in the order of their names, `--interval` seconds apart. Every recording goes through the gate's own detector, tracker
and passages, once for each of `--looks` a second. Told are the trucks followed to their end and, of those, the
passages: those that crossed the line, and those that stood. Exit 1 when there is nothing to count.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter
from pathlib import Path

from drivers.errors import DriverError, EndOfRecording
from drivers.table import open_camera
from edge_agent.config import Camera, Gate
from edge_agent.config.pictures import Pictures
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import PassageData

TRUTH = "counts.csv"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate.passages", description="Count passages.")
    parser.add_argument("folder", type=Path, help="videos with counts.csv, or pictures of one recording")
    parser.add_argument("--line", default="0,0.7,1,0.7", help="x1,y1,x2,y2 in shares of the picture")
    parser.add_argument("--out", default="down", choices=("up", "down", "left", "right"), help="the street's side")
    parser.add_argument("--looks", default="2.5,10", help="looks of the detector a second, several with commas")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two pictures of a folder")
    given = parser.parse_args()
    try:
        truth = _truth(given.folder)
        x1, y1, x2, y2 = (float(each) for each in given.line.split(","))
        looks = [float(each) for each in given.looks.split(",")]
    except (OSError, ValueError, KeyError) as error:
        print(f"{given.folder}: {error!r}; see --help for what is expected", file=sys.stderr)
        return 1
    print("| recording | counted by eye | " + " | ".join(f"{each:g} looks a second" for each in looks) + " |")
    print("|---" * (2 + len(looks)) + "|")
    for name, count in truth.items():
        cells = []
        for each in looks:
            section = Gate(
                camera=Camera(source="none"),
                line=((x1, y1), (x2, y2)),
                out=given.out,
                detect_per_s=each,
                pictures=Pictures(clip_before_s=0, clip_after_s=0),
            )
            try:
                cells.append(_told(*passages(given.folder / name, section, given.interval)))
            except DriverError as error:
                cells.append(str(error))
        print(f"| {name or given.folder.name} | {count} | " + " | ".join(cells) + " |", flush=True)
    return 0


def passages(source: Path, section: Gate, interval_s: float) -> tuple[int, Counter[str]]:
    """Trucks followed to their end in a recording, and passages by direction. Raises DriverError."""
    watch = GateWatch(section)
    camera = open_camera(
        str(source), name="gate", frames_per_s=max(5.0, section.detect_per_s), policy="every",
        now=lambda: 0.0, monotonic=time.monotonic, picture_interval_s=interval_s,
    )  # fmt: skip
    drafts = []
    try:
        while True:
            frame = camera.read(1.0)
            if frame is not None:
                drafts += watch.update(frame)
    except EndOfRecording:
        drafts += watch.finish()
    finally:
        camera.close()
    directions = Counter(draft.data.direction for draft in drafts if isinstance(draft.data, PassageData))
    return int(watch.state()["tracks"]), directions


def _truth(folder: Path) -> dict[str, str]:
    """Counts by file; the folder itself, uncounted, where it holds pictures. Raises OSError, KeyError."""
    if not (folder / TRUTH).exists():
        if not any(folder.glob("*.jpg")):
            raise FileNotFoundError(f"neither {TRUTH} nor pictures")
        return {"": "–"}
    with (folder / TRUTH).open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["count"] for row in csv.DictReader(file)}


def _told(followed: int, counts: Counter[str]) -> str:
    standing = f", {counts['standing']} standing" if counts["standing"] else ""
    return f"{followed} followed, {counts['in'] + counts['out']} crossed{standing}"


if __name__ == "__main__":
    sys.exit(main())

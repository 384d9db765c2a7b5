"""Draw recall and false boxes against time: `python -m models.detector.plot --record FILE --out FILE.svg`.

`--record` is a run's record whose `measured` holds what `models.detector.evaluate` printed, with `ms`. Times are shown
relative to YOLOX-nano 416, measured in the same run: ratios hold under load and elsewhere, milliseconds do not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCE = "YOLOX-nano 416"
BOXED = ("trucks-eval, first 150", "trucks-eval, next 54")
EMPTY = "trucks-eval, none"
WIDTH, HEIGHT, MARGIN = 640, 300, 56
COLOURS = ("#1b5e9b", "#b23a2e")


@dataclass(frozen=True)
class Point:
    """One model at one size: time relative to the reference, recall 0..1, false boxes on the frames without trucks."""

    name: str
    time: float
    recall: float
    false: int


def points(measured: Mapping[str, Any]) -> list[Point]:
    """Fastest first. Raises ValueError when the record has no times or not those of the reference."""
    times = measured.get("ms", {})
    if REFERENCE not in times:
        raise ValueError(f"the record has no time of {REFERENCE}; run models.detector.evaluate with --speed --weights")
    found = []
    for name, time in times.items():
        rows = measured[name]
        counts = [re.match(r"(\d+)/(\d+)", rows[part]) for part in BOXED]
        hits, trucks = (sum(int(count[group]) for count in counts if count) for group in (1, 2))
        found.append(Point(name, time / times[REFERENCE], hits / trucks, int(rows[EMPTY].split()[0])))
    return sorted(found, key=lambda point: point.time)


def draw(found: list[Point]) -> str:
    """An SVG of two panels over the same time axis."""
    panels = (
        ("recall, trucks-eval", [point.recall for point in found], 0.85, 1.0, "{:.2f}"),
        ("false boxes, 60 frames without a truck", [float(point.false) for point in found], 0.0, 30.0, "{:.0f}"),
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{2 * HEIGHT}" fill="white"/>',
    ]
    for panel, (title, values, low, high, form) in enumerate(panels):
        base = (panel + 1) * HEIGHT - MARGIN
        tall = HEIGHT - 2 * MARGIN
        wide = WIDTH - 2 * MARGIN - 60
        parts.append(f'<text x="{MARGIN}" y="{base - tall - 14}" font-weight="bold">{title}</text>')
        for step in range(4):
            y = base - tall * step / 3
            tick = form.format(low + (high - low) * step / 3)
            parts.append(f'<path d="M{MARGIN} {y:.1f}H{MARGIN + wide}" stroke="#ddd"/>')
            parts.append(f'<text x="{MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
        for share in (0.25, 0.5, 0.75, 1.0):
            x = MARGIN + wide * share
            parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{share:g}</text>')
        parts.append(f'<text x="{MARGIN + wide / 2:.0f}" y="{base + 36}" text-anchor="middle">')
        parts.append(f"time relative to {REFERENCE}, one thread, 16:9 picture</text>")
        for point, value in zip(found, values, strict=True):
            x, y = MARGIN + wide * point.time, base - tall * (value - low) / (high - low)
            colour = COLOURS[0] if point.name.startswith("truck-detector") else COLOURS[1]
            label = point.name.replace("truck-detector ", "")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            parts.append(
                f'<text transform="translate({x + 5:.1f} {y - 6:.1f}) rotate(-25)" font-size="10">{label}</text>'
            )
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="models.detector.plot", description=__doc__)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    given.out.write_text(draw(points(json.loads(given.record.read_text("utf-8"))["measured"])), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

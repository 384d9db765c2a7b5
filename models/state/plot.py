"""Draw load and wheels against time: `python -m models.state.plot --record FILE --out FILE.svg`.

`--record` has `rows`, each with a name, its time relative to the first model's, and [right, judged] of load and wheels;
bars are 95 % Wilson intervals.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.evaluate.score import wilson

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLOURS = {"load": "#1b5e9b", "wheels": "#b23a2e"}
GOAL = 0.85


def draw(rows: Iterable[dict[str, Any]]) -> str:
    """An SVG of one panel: time from left to right, share right from bottom to top, the goal as a dashed line."""

    def x(time: float) -> float:
        return MARGIN + time / 1.2 * (WIDTH - 2 * MARGIN)

    def y(share: float) -> float:
        return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{x(0)} {y(1)}V{y(0)}H{x(1.2)}" fill="none" stroke="black"/>',
        f'<path d="M{x(0)} {y(GOAL)}H{x(1.2)}" stroke="grey" stroke-dasharray="4"/>',
        f'<text x="{x(0) + 4}" y="{y(GOAL) - 4}">goal</text>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">processor time, 0.2.1 = 1</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{x(0) - 6}" y="{y(share) + 4}" text-anchor="end">{share:.1f}</text>')
    for time in (0.5, 1.0):
        parts.append(f'<text x="{x(time)}" y="{y(0) + 16}" text-anchor="middle">{time:.1f}</text>')
    for row in rows:
        parts.append(f'<text x="{x(row["time"])}" y="{y(0.06)}" text-anchor="middle">{row["name"]}</text>')
        for offset, (head, colour) in zip((-6, 6), COLOURS.items(), strict=True):
            right, judged = row[head]
            low, high = wilson(right, judged)
            at = x(row["time"]) + offset
            parts.append(f'<path d="M{at} {y(low)}V{y(high)}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{at}" cy="{y(right / judged)}" r="4" fill="{colour}"/>')
    for index, (head, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{x(1.2)}" y="{20 + 16 * index}" text-anchor="end" fill="{colour}">{head}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.state.plot", description="Draw accuracy against time.")
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.write_text(draw(json.loads(given.record.read_text(encoding="utf-8"))["rows"]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

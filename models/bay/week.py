"""Counts true, missed and false stays over a week of rendered weather, through the deciders of the agent.

    python -m models.bay.week --out FILE.jsonl [--bay-hours 168] [--pictures DIR] [--frames DIR]

Stretches of ten minutes (`stretch.py`, `weather.py`) are rendered a picture every `--every` seconds and go straight
through `PoleWatch` with the shipped models; no picture is kept but those of false stays, unless `--frames` names a
folder: what lies there is not rendered again, so that deciders can be compared. One line of JSON a stretch is
added to the file; a run goes on where it stopped. A stay that began is true when it lies in a true stay of its bay,
from `EARLY_S` before the car is at rest to `LATE_S` after it sets off, and is the first there; all others are false.
A true stay is missed when none began; an end is false when the car still stands there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Frame
from edge_agent.config.parking import Bay, Pole, PoleCamera
from edge_agent.messages import Draft, StayData
from edge_agent.parking.watch import PoleWatch
from models.bay.stretch import SIZE, Stretch
from models.bay.weather import KINDS
from models.scenes.render import Renderer

EARLY_S, LATE_S = 4.0, 12.0
True_ = tuple[str, float, float | None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.bay.week", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="one JSON line a stretch; gone on with if it exists")
    parser.add_argument("--bay-hours", type=float, default=168.0)
    parser.add_argument("--minutes", type=float, default=10.0, help="of one stretch")
    parser.add_argument("--every", type=float, default=10.0, help="seconds from picture to picture")
    parser.add_argument("--seed", type=int, default=1, help="of the first stretch")
    parser.add_argument("--classifier", default="bay-state")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of false stays")
    parser.add_argument("--frames", type=Path, help="folder where rendered pictures are kept and found")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    done = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    seen = {row["seed"] for row in done}
    seed = given.seed
    while sum(row["bay_hours"] for row in done) < given.bay_hours:
        if seed not in seen:
            stretch = Stretch(seed, KINDS[seed % len(KINDS)], given.minutes * 60)
            row = judged(stretch, shown(stretch, given.every, given.frames), given.classifier, given.pictures)
            done.append(row)
            with given.out.open("a") as lines:
                lines.write(json.dumps(row) + "\n")
            print(json.dumps(row), file=sys.stderr, flush=True)
        seed += 1
    print(json.dumps(total(done)))


def shown(stretch: Stretch, every_s: float, folder: Path | None) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The stretch's pictures, from the folder where they all lie there."""
    own = folder / f"{stretch.seed}-{stretch.weather.kind}-{every_s:g}" if folder else None
    if own and (own / "whole").exists():
        for file in sorted(own.glob("*.jpg")):
            yield int(file.stem) / 10, np.asarray(cv2.imread(str(file)), np.uint8)
        return
    if own:
        own.mkdir(parents=True, exist_ok=True)
    for t, image in stretch.pictures(_renderer(), every_s):
        if own:
            cv2.imwrite(str(own / f"{round(10 * t):07d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        yield t, image
    if own:
        (own / "whole").touch()


@cache
def _renderer() -> Renderer:
    return Renderer(*SIZE, samples=0, shadow=1536)


def judged(
    stretch: Stretch, shown: Iterator[tuple[float, NDArray[np.uint8]]], classifier: str, pictures: Path | None
) -> dict[str, Any]:
    """One stretch through a watch that starts with it."""
    started = time.process_time()
    bays = [Bay(id=name, polygon=polygon) for name, polygon in stretch.bays.items()]
    watch = PoleWatch(Pole(camera=PoleCamera(source="rendered"), bay=bays, classifier=classifier))
    drafts: list[Draft] = []
    unknown: Counter[str] = Counter()
    for index, (t, image) in enumerate(shown):
        drafts += watch.update(Frame("pole", t, index, image))
        for bay in watch.memory().bays.values():
            unknown[bay.reason if bay.state == "unknown" else ""] += 1
    stays = [(draft, draft.data) for draft in drafts if isinstance(draft.data, StayData)]
    found = compare(stretch.stays, [data for _, data in stays])
    if pictures:
        for draft, data in stays:
            if data.stay in found["false"]:
                keep(pictures, f"{stretch.seed}-{stretch.weather.kind}-{data.phase}", draft)
    return {
        "seed": stretch.seed,
        "weather": stretch.weather.kind,
        "bays": len(bays),
        "bay_hours": round(len(bays) * stretch.seconds / 3600, 3),
        "stays": len(stretch.stays),
        "left": sum(leave is not None for _, _, leave in stretch.stays),
        **found,
        "bay_messages": sum(draft.channel == "bay" for draft in drafts),
        "unknown": {reason: n for reason, n in unknown.items() if reason},
        "looks": sum(unknown.values()),
        "view": watch.state()["view"],
        "cpu_s": round(time.process_time() - started),
    }


def compare(truth: Sequence[True_], stays: Sequence[StayData]) -> dict[str, Any]:
    """`true` stays found, `missed` ones, `false` ones by their id; ends that are right (`ended`), late or never
    (`not_ended`) and false (`ended_early`), by the bay."""
    matched: dict[str, True_] = {}
    false, early = [], []
    ended = 0
    for stay in stays:
        if stay.phase == "began":
            at = _seconds(stay.in_time)
            own = [one for one in truth if one[0] == stay.bay and one not in matched.values()]
            fitting = [one for one in own if one[1] - EARLY_S <= at and (one[2] is None or at <= one[2] + LATE_S)]
            if fitting:
                matched[stay.stay] = fitting[0]
            else:
                false.append(stay.stay)
        elif stay.stay in matched:
            leave = matched[stay.stay][2]
            if leave is None or _seconds(stay.out_time) < leave:
                early.append(stay.stay)
            else:
                ended += 1
    left = [one for one in truth if one[2] is not None]
    return {
        "true": len(matched),
        "missed": [f"{bay}@{since:.0f}" for bay, since, leave in truth if (bay, since, leave) not in matched.values()],
        "false": false,
        "ended": ended,
        "not_ended": len(left) - ended,
        "ended_early": early,
    }


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All stretches together."""
    sums = {key: sum(row[key] for row in rows) for key in ("stays", "true", "left", "ended", "bay_messages")}
    lists = {key: sum(len(row[key]) for row in rows) for key in ("missed", "false", "ended_early")}
    hours = sum(row["bay_hours"] for row in rows)
    looks = sum(row["looks"] for row in rows)
    unknown = sum(sum(row["unknown"].values()) for row in rows)
    share = round(unknown / max(looks, 1), 4)
    return {"stretches": len(rows), "bay_hours": round(hours, 1), **sums, **lists, "unknown_share": share}


def keep(folder: Path, name: str, draft: Draft) -> None:
    """The pictures of one message."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(draft.pictures):
        (folder / f"{name}-{draft.subject.replace(':', '')}-{number}-{picture.role}.jpg").write_bytes(picture.content)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()

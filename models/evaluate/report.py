"""Writes what was measured: report.md, report.json, reliability.png and worst.jpg, all or nothing."""

import json
import shutil
import tempfile
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from models.evaluate.score import Trial, confusion, reliability, summary

matplotlib.use("Agg")
from matplotlib import pyplot

TILE = 320


def write(
    out: Path,
    head: dict[str, object],
    parts: dict[str, tuple[list[Trial], tuple[str, ...]]],
    pictures: dict[str, np.ndarray],
) -> str:
    """Replaces `out`; returns the text of report.md. `pictures`: the judged crop by picture name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=out.parent))
    try:
        text = _text(head, parts)
        (work / "report.md").write_text(text, encoding="utf-8")
        numbers = {
            name: {**summary(trials), "confusion": confusion(trials).tolist(), "reliability": reliability(trials)}
            for name, (trials, _) in parts.items()
        }
        (work / "report.json").write_text(json.dumps({**head, **numbers}, indent=2), encoding="utf-8")
        _plot(work / "reliability.png", parts)
        _worst(work / "worst.jpg", parts, pictures)
        work.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return text


def _text(head: dict[str, object], parts: dict[str, tuple[list[Trial], tuple[str, ...]]]) -> str:
    lines = ["# Evaluation", "", *(f"- {key}: {value}" for key, value in head.items()), ""]
    for name, (trials, classes) in parts.items():
        found = summary(trials)
        if not trials:
            lines += [f"## {name}", "", "Nothing to judge.", ""]
            continue
        low, high = found["interval"]  # type: ignore[misc]
        lines += [
            f"## {name}",
            "",
            f"{found['right']} of {found['n']} right = {found['accuracy']} (95 % interval {low} to {high}); "
            f"mean over states {found['mean_over_states']}; {found['unknown']} answered unknown; "
            f"of those answered {found['accuracy_of_answered']} right.",
            "",
            "| truth \\ answer | " + " | ".join(classes) + " |",
            "|---|" + "---|" * len(classes),
        ]
        table = confusion(trials)
        lines += [
            f"| {classes[row]} | " + " | ".join(str(v) for v in table[row]) + " |"
            for row in range(4)
            if table[row].any()
        ]
        lines.append("")
    return "\n".join(lines)


def _plot(path: Path, parts: dict[str, tuple[list[Trial], tuple[str, ...]]]) -> None:
    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, (trials, _) in parts.items():
        points = reliability(trials)
        if points:
            axes.plot([p["confidence"] for p in points], [p["right"] for p in points], marker="o", label=name)
            for p in points:
                axes.annotate(str(p["n"]), (p["confidence"], p["right"]), fontsize=7)
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.legend()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _worst(
    path: Path, parts: dict[str, tuple[list[Trial], tuple[str, ...]]], pictures: dict[str, np.ndarray], most: int = 24
) -> None:
    wrong = [
        (float(t.probabilities.max()), t, classes)
        for trials, classes in parts.values()
        for t in trials
        if t.answer != t.truth and t.name in pictures
    ]
    wrong.sort(key=lambda item: -item[0])
    wrong = list({(t.name, classes): (confidence, t, classes) for confidence, t, classes in wrong}.values())
    tiles = [_tile(pictures[t.name], t, classes) for _, t, classes in wrong[:most]]
    if not tiles:
        return
    blank = np.full_like(tiles[0], 40)
    columns = min(6, len(tiles))
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(picture: np.ndarray, trial: Trial, classes: tuple[str, ...]) -> np.ndarray:
    tile = np.full((TILE, TILE, 3), 40, np.uint8)
    factor = min(TILE / picture.shape[1], (TILE - 40) / picture.shape[0])
    small = cv2.resize(picture, (max(1, int(picture.shape[1] * factor)), max(1, int(picture.shape[0] * factor))))
    tile[40 : 40 + small.shape[0], : small.shape[1]] = small
    said = f"{classes[trial.truth]} -> {classes[trial.answer]} {trial.probabilities.max():.2f}"
    cv2.putText(tile, said, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    cv2.putText(tile, trial.name[:40], (4, 33), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (200, 200, 200), 1, cv2.LINE_AA)
    return tile

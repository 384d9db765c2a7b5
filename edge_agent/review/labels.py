"""The label file: pictures of trucks with what a person saw, for evaluation and for adapting a head to one camera.

CSV with file, load_state, mud_state and, where they help, note, box and camera; other columns are ignored.

load_state begins with covered, partially_covered (counts as uncovered: material shows), uncovered or empty; mud_state
holds muddy, dirty or dusty (a dry film), or clean. What a person could not judge says so in one of the words of
NOT_JUDGED and scores nothing. `vehicle A` or `pass A` in the note joins pictures of one vehicle of one source (the
file name up to its first hyphen); `hard` in the note says that the labeller could not confirm the state. ``box`` is
the truck's, "x1 y1 x2 y2" in pixels; without it the largest truck found is meant.

``LabelStore`` keeps such a file with its pictures in a folder of the device: bounded, the oldest go first, and never
half-written, for the picture is synced before the row that names it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import LabelError
from edge_agent.evidence.files import Files

LOAD = ("covered", "uncovered", "empty", "unknown")
WHEELS = ("clean", "dusty", "muddy", "unknown")
NOT_JUDGED = ("", "unknown", "n/a", "not judged", "not_judgeable", "not judgeable", "loading", "open")
COLUMNS = ("file", "load_state", "mud_state", "plate", "note", "source", "camera", "box")


@dataclass(frozen=True)
class Label:
    """One picture. ``load`` and ``wheels`` are indices into LOAD and WHEELS, None where nobody could tell."""

    file: str
    load: int | None
    wheels: int | None
    vehicle: str
    hard: bool
    line: int = 0
    camera: str = ""
    box: tuple[float, float, float, float] | None = None


def read_labels(path: Path) -> list[Label]:
    """All rows. Raises LabelError for a missing column, an unknown state or an empty file, before anything is run."""
    return [_label(path, number, row) for number, row in _rows(path)]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="", restkey="")
            missing = {"file", "load_state", "mud_state"} - set(reader.fieldnames or [])
            if missing:
                raise LabelError(
                    f"{path}: column {sorted(missing)[0]!r} is missing; needed: file, load_state, mud_state"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path}: cannot be read as UTF-8 CSV: {error}") from error
    if not rows:
        raise LabelError(f"{path}: holds no row")
    return rows


def _label(path: Path, number: int, row: Mapping[str, str]) -> Label:
    file, note = row["file"].strip(), row.get("note", "")
    group = re.search(r"\b(?:vehicle|pass) (\w+)", note)
    vehicle = f"{file.split('-')[0]}/{group.group(0)}" if group else file
    return Label(
        file,
        _load(path, number, row["load_state"].strip().lower()),
        _wheels(path, number, row["mud_state"].strip().lower()),
        vehicle,
        "hard" in note.lower(),
        number,
        row.get("camera", "").strip(),
        _box(path, number, row.get("box", "").strip()),
    )


def _load(path: Path, number: int, word: str) -> int | None:
    if word.startswith("covered"):
        return 0
    if word.startswith(("uncovered", "partially_covered")):
        return 1
    if word.startswith("empty"):
        return 2
    if _not_judged(word):
        return None
    raise LabelError(
        f"{path}:{number}: load_state {word!r}; allowed: covered, partially_covered, uncovered…, empty, or not judged"
    )


def _wheels(path: Path, number: int, word: str) -> int | None:
    if _not_judged(word):
        return None
    if "muddy" in word:
        return 2
    if "dirty" in word or "dusty" in word:
        return 1
    if "clean" in word:
        return 0
    raise LabelError(f"{path}:{number}: mud_state {word!r}; allowed: muddy, dirty, dusty, clean, or not judged")


def _not_judged(word: str) -> bool:
    return any(word == known or (known != "" and word.startswith(known)) for known in NOT_JUDGED)


def _box(path: Path, number: int, text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split())
    except ValueError:
        x1 = y1 = x2 = y2 = 0.0
    if not (0 <= x1 < x2 <= 1e5 and 0 <= y1 < y2 <= 1e5):
        raise LabelError(f"{path}:{number}: box {text!r}; needed are the pixels x1 y1 x2 y2, x1 < x2 and y1 < y2")
    return x1, y1, x2, y2


class LabelStore:
    """``folder`` holds labels.csv and its pictures; at most ``most`` rows. Not locked: one writer."""

    def __init__(self, folder: Path, most: int, files: Files | None = None) -> None:
        self.file = folder / "labels.csv"
        self._most = most
        self._files = files or Files()

    def put(self, row: Mapping[str, str], picture: bytes) -> None:
        """Takes in a row with its picture; a row of the same file is replaced. Raises OSError."""
        folder = self.file.parent
        if not folder.is_dir():
            self._files.make_folder(folder)
            self._files.sync_folder(folder.parent)
        rows = [old for old in self._read() if old["file"] != row["file"]]
        rows = [*rows, {name: row.get(name, "") for name in COLUMNS}][-self._most :]
        self._replace(folder / row["file"], picture)
        self._write(rows)
        self._sweep({each["file"] for each in rows})

    def drop(self, file: str) -> None:
        """Takes back a row and its picture, where there is one. Raises OSError."""
        rows = self._read()
        left = [row for row in rows if row["file"] != file]
        if len(left) < len(rows):
            self._write(left)
            self._sweep({each["file"] for each in left})

    def _read(self) -> list[dict[str, str]]:
        try:
            return [{name: row.get(name, "") for name in COLUMNS} for _, row in _rows(self.file)]
        except LabelError:
            return []

    def _write(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        self._replace(self.file, text.getvalue().encode())

    def _replace(self, path: Path, content: bytes) -> None:
        new = path.with_name(f".{path.name}.new")
        self._files.write(new, content)
        self._files.move(new, path)
        self._files.sync_folder(path.parent)

    def _sweep(self, wanted: Collection[str]) -> None:
        for file in self.file.parent.glob("*.jpg"):
            if file.name not in wanted:
                self._files.remove(file)

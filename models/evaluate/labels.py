"""The label file: CSV with file, load_state, mud_state and note; other columns are ignored.

load_state begins with covered, partially_covered (counts as uncovered: material shows), uncovered or empty; mud_state
holds muddy, dirty or dusty (a dry film), or clean. What a person could not judge says so in one of the words of
NOT_JUDGED and scores nothing. `vehicle A` or `pass A` in the note joins pictures of one vehicle of one source (the
file name up to its first hyphen); `hard` in the note says that the labeller could not confirm the state.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

LOAD = ("covered", "uncovered", "empty", "unknown")
WHEELS = ("clean", "dusty", "muddy", "unknown")
NOT_JUDGED = ("", "unknown", "n/a", "not judged", "not_judgeable", "not judgeable", "loading", "open")


class LabelError(ValueError):
    """The label file cannot be used; the text says where and what is allowed."""


@dataclass(frozen=True)
class Label:
    """One picture. `load` and `wheels` are indices into LOAD and WHEELS, None where nobody could tell."""

    file: str
    load: int | None
    wheels: int | None
    vehicle: str
    hard: bool


def read_labels(path: Path) -> list[Label]:
    """All rows. Raises LabelError for a missing column, an unknown state or an empty file, before anything is run."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
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
    return [_label(path, number, row) for number, row in rows]


def _label(path: Path, number: int, row: dict[str, str | None]) -> Label:
    file, note = (row["file"] or "").strip(), row.get("note") or ""
    group = re.search(r"\b(?:vehicle|pass) (\w+)", note)
    vehicle = f"{file.split('-')[0]}/{group.group(0)}" if group else file
    return Label(
        file,
        _load(path, number, (row["load_state"] or "").strip().lower()),
        _wheels(path, number, (row["mud_state"] or "").strip().lower()),
        vehicle,
        "hard" in note.lower(),
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

"""Reviewed pictures as a label file: bounded, the newest review holds, a bad file is refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.errors import LabelError
from edge_agent.evidence.files import Files
from edge_agent.review.labels import LabelStore, read_labels

HEAD = "file,load_state,mud_state,note,camera,box\n"


def put(store: LabelStore, name: str, wheels: str) -> None:
    store.put(
        {"file": name, "mud_state": wheels, "note": "pass A1", "box": "1 2 30 40", "camera": "gate"}, name.encode()
    )


def test_rows_are_read_back_with_their_pictures(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels", 10)
    put(store, "gate-1.jpg", "muddy")
    put(store, "gate-2.jpg", "clean")
    first, second = read_labels(store.file)
    assert (first.file, first.load, first.wheels, first.camera) == ("gate-1.jpg", None, 2, "gate")
    assert (second.wheels, second.box, second.line) == (0, (1.0, 2.0, 30.0, 40.0), 3)
    assert first.vehicle == second.vehicle == "gate/pass A1"
    assert (tmp_path / "labels" / "gate-1.jpg").read_bytes() == b"gate-1.jpg"


def test_a_newer_review_replaces_and_a_void_takes_back(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels", 10)
    put(store, "gate-1.jpg", "muddy")
    put(store, "gate-2.jpg", "muddy")
    put(store, "gate-1.jpg", "dusty")
    assert [(row.file, row.wheels) for row in read_labels(store.file)] == [("gate-2.jpg", 2), ("gate-1.jpg", 1)]
    store.drop("gate-2.jpg")
    store.drop("gate-9.jpg")
    assert sorted(each.name for each in (tmp_path / "labels").iterdir()) == ["gate-1.jpg", "labels.csv"]


def test_the_oldest_go_first_with_their_pictures(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels", 3)
    for n in range(6):
        put(store, f"gate-{n}.jpg", "muddy")
    assert [row.file for row in read_labels(store.file)] == ["gate-3.jpg", "gate-4.jpg", "gate-5.jpg"]
    assert sorted(each.name for each in store.file.parent.glob("*.jpg")) == ["gate-3.jpg", "gate-4.jpg", "gate-5.jpg"]


def test_a_disk_that_fills_leaves_the_old_file_whole(tmp_path: Path) -> None:
    class Full(Files):
        def write(self, path: Path, content: bytes) -> None:
            super().write(path, content[: len(content) // 2])
            raise OSError(28, "No space left on device")

    put(LabelStore(tmp_path / "labels", 10), "gate-1.jpg", "muddy")
    with pytest.raises(OSError, match="No space"):
        put(LabelStore(tmp_path / "labels", 10, Full()), "gate-2.jpg", "clean")
    assert [row.file for row in read_labels(tmp_path / "labels" / "labels.csv")] == ["gate-1.jpg"]
    assert (tmp_path / "labels" / "gate-1.jpg").read_bytes() == b"gate-1.jpg"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,load_state\na.jpg,covered\n", "column 'mud_state' is missing"),
        (HEAD, "holds no row"),
        (HEAD + "a.jpg,covered,clean,,,\nb.jpg,closed,clean,,,\n", r":3: load_state 'closed'; allowed: covered"),
        (HEAD + "a.jpg,covered,wet,,,\n", r":2: mud_state 'wet'; allowed: muddy"),
        (HEAD + "a.jpg,covered,clean,,,1 2 3\n", r":2: box '1 2 3'; needed"),
        (HEAD + "a.jpg,covered,clean,,,9 2 3 4\n", r":2: box '9 2 3 4'; needed"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LabelError, match=said):
        read_labels(file)

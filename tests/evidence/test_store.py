"""Evidence on disk."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from edge_agent.evidence import EvidenceStore, Files
from edge_agent.evidence.store import reference
from edge_agent.messages import Picture
from tests.house import opened, violation

NEW_YEAR = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def test_pieces_lie_under_day_and_violation_and_read_back(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    pictures = [
        Picture("full", NEW_YEAR, "image/jpeg", b"one", 4, 3),
        Picture("crop", NEW_YEAR, "video/mp4", b"", 2, 1),
    ]
    pieces = store.keep("abc", NEW_YEAR + 3600, pictures)
    assert [p.path for p in pieces] == ["2026/01/01/abc/1.jpg", "2026/01/01/abc/2.mp4"]
    assert [store.read(p.path) for p in pieces] == [b"one", b""]
    assert sorted(store.scan(), key=lambda p: p.path) == pieces
    assert reference(1, pictures[0]).sha256 == hashlib.sha256(b"one").hexdigest()
    for piece in pieces:
        store.drop(piece.path)
    assert not (tmp_path / "evidence/2026/01/01/abc").exists()


def test_content_is_synced_before_its_name_and_the_name_before_it_returns(tmp_path: Path) -> None:
    steps: list[tuple[str, str]] = []

    class Noting(Files):
        def write(self, path: Path, content: bytes) -> None:
            super().write(path, content)
            steps.append(("write", path.name))

        def move(self, old: Path, new: Path) -> None:
            super().move(old, new)
            steps.append(("move", new.name))

        def sync_folder(self, path: Path) -> None:
            super().sync_folder(path)
            steps.append(("sync", path.name))

    store = EvidenceStore(tmp_path / "evidence", Noting())
    steps.clear()
    store.keep("abc", NEW_YEAR, [Picture("full", NEW_YEAR, "image/jpeg", b"one", 4, 3)])
    assert steps == [
        ("sync", "evidence"), ("sync", "2026"), ("sync", "01"),
        ("write", "1.jpg"), ("sync", ".abc"), ("move", "abc"), ("sync", "01"),
    ]  # fmt: skip


def test_a_disk_that_takes_no_picture_leaves_nothing_half_and_the_violation_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Files, path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as recorder:
        monkeypatch.setattr(Files, "write", full)
        message = recorder.record(violation(1, pictures=(b"x",)))
        assert message.data.evidence == []
        assert [r.subject for r in recorder.outbox.queue("broker").take(5)] == ["v1"]
        assert list(recorder.outbox.evidence.scan()) == []
        assert recorder.outbox.evidence.sweep() == 0

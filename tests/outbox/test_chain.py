"""The chain of manifests and the database agree, whatever became of either."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore
from edge_agent.evidence.manifest import MANIFEST
from edge_agent.outbox import Outbox
from tests.faults.oracle import chain_failures
from tests.house import opened, violation

WHEN = 1.8e9


def seal(folder: Path, *numbers: int) -> list[str]:
    """Records violations with a picture; their ids."""
    with opened(folder, sealed=True) as recorder:
        return [recorder.record(violation(n, WHEN + n, (b"picture",))).id for n in numbers]


def head(folder: Path) -> int:
    """The number of the newest link at the next start."""
    with opened(folder, sealed=True) as recorder:
        assert recorder.outbox.head is not None
        return recorder.outbox.head.number


def test_a_lost_database_does_not_begin_the_chain_anew(tmp_path: Path) -> None:
    seal(tmp_path, 1, 2, 3)
    for file in tmp_path.glob("outbox.db*"):
        if not file.name.endswith(".ceiling"):
            file.unlink()
    assert head(tmp_path) == 3
    seal(tmp_path, 4)
    assert head(tmp_path) == 4
    assert chain_failures(tmp_path / "evidence") == []


def test_a_broken_database_does_not_fork_the_chain(tmp_path: Path) -> None:
    seal(tmp_path, 1, 2, 3)
    (tmp_path / "outbox.db").write_bytes(b"no database" * 1000)
    seal(tmp_path, 4, 5)
    assert head(tmp_path) == 5
    assert chain_failures(tmp_path / "evidence") == []


def test_an_old_copy_of_the_database_does_not_fork_the_chain(tmp_path: Path) -> None:
    seal(tmp_path, 1)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("outbox.db*"):
        shutil.copy(file, copy / file.name)
    seal(tmp_path, 2, 3)
    for file in copy.iterdir():
        shutil.copy(file, tmp_path / file.name)
    seal(tmp_path, 4)
    assert head(tmp_path) == 4
    assert chain_failures(tmp_path / "evidence") == []


def test_a_pack_whose_message_was_not_committed_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = seal(tmp_path, 1)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(tmp_path, sealed=True) as recorder:
        monkeypatch.setattr(Outbox, "commit", power_cut)
        with pytest.raises(KeyboardInterrupt):
            recorder.record(violation(2, WHEN + 2, (b"never raised",)))
        monkeypatch.undo()
    assert len(list((tmp_path / "evidence").rglob(MANIFEST))) == 2
    with opened(tmp_path, sealed=True) as recorder:
        assert any("taken back" in problem for problem in recorder.outbox.problems())
    assert [f.parent.name for f in (tmp_path / "evidence").rglob(MANIFEST)] == [first]
    seal(tmp_path, 3)
    assert head(tmp_path) == 2
    assert chain_failures(tmp_path / "evidence") == []


def test_a_refused_commit_gives_its_number_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OutboxError("the card is broken")

    with opened(tmp_path, sealed=True) as recorder:
        recorder.record(violation(1, WHEN + 1, (b"one",)))
        monkeypatch.setattr(Outbox, "commit", refused)
        with pytest.raises(OutboxError):
            recorder.record(violation(2, WHEN + 2, (b"two",)))
        monkeypatch.undo()
        recorder.record(violation(3, WHEN + 3, (b"three",)))
        assert recorder.outbox.head is not None
        assert recorder.outbox.head.number == 2
    assert chain_failures(tmp_path / "evidence") == []


def test_a_store_without_a_seal_leaves_the_chain_as_it_is(tmp_path: Path) -> None:
    seal(tmp_path, 1)
    with opened(tmp_path) as recorder:
        assert isinstance(recorder.outbox.evidence, EvidenceStore)
        recorder.record(violation(2, WHEN + 2, (b"unsealed",)))
    seal(tmp_path, 3)
    assert head(tmp_path) == 2

"""What was raised is remembered over restarts, within its bound; serials are never given twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge_agent.review.docket import Docket

DATA = b'{"kind": "spillage", "passage": null}'


def test_what_was_remembered_and_settled_outlasts_a_restart(tmp_path: Path) -> None:
    docket = Docket(tmp_path / "review.db", 10)
    docket.remember("v1", "violation", 5.0, DATA)
    docket.settle("v1", {"kind": "unwashed_exit"}, "c1", b"said", "done")
    docket.remember("v1", "violation", 5.0, DATA)
    docket.close()
    again = Docket(tmp_path / "review.db", 10)
    found = again.find("v1", "violation")
    assert found is not None
    assert (found.time, found.data, found.standing) == (5.0, DATA, {"kind": "unwashed_exit"})
    assert again.find("v1", "stay") is None
    assert again.answered("c1") == (b"said", "done")
    assert again.answered("c2") is None
    assert again.newest("violation") == "v1"
    again.close()


def test_only_the_newest_are_remembered(tmp_path: Path) -> None:
    docket = Docket(tmp_path / "review.db", 3)
    for n in range(8):
        docket.remember(f"v{n}", "violation", n, DATA)
        docket.settle(f"v{n}", {}, f"c{n}", b"", "")
    assert [docket.find(f"v{n}", "violation") is not None for n in range(8)] == [False] * 5 + [True] * 3
    assert [docket.answered(f"c{n}") is not None for n in range(8)] == [False] * 5 + [True] * 3
    docket.close()


def test_serials_go_on_after_a_restart_and_begin_anew_after_the_last(tmp_path: Path) -> None:
    docket = Docket(tmp_path / "review.db", 10)
    assert [docket.serial(3, 5) for _ in range(2)] == [3, 4]
    docket.close()
    again = Docket(tmp_path / "review.db", 10)
    assert [again.serial(3, 5) for _ in range(3)] == [5, 3, 4]
    assert again.serial(100, 200) == 100
    again.close()


def test_a_broken_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "review.db"
    file.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    docket = Docket(file, 10)
    docket.remember("v1", "violation", 0.0, DATA)
    docket.close()
    assert [each.name for each in tmp_path.glob("*.broken-*")] == ["review.db.broken-1"]
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT count(*) FROM raised").fetchone() == (1,)

"""Packs put together from what a broker delivers."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from edge_agent.evidence.assemble import PackWriter
from edge_agent.evidence.manifest import digest
from edge_agent.messages import EvidenceData, Message

ID = "019b0000-0000-7000-8000-000000000000"


def piece(content: bytes, part: int = 1, parts: int = 1, **changes: object) -> Message:
    """One part of the first picture of a pack."""
    size = -(-len(content) // parts)
    fields: dict[str, object] = {
        "violation": ID, "n": 1, "of": 2, "role": "full", "time": "2026-01-01T00:00:00.000Z",
        "media_type": "image/jpeg", "sha256": digest(content), "size": len(content), "part": part, "parts": parts,
        "data": content[(part - 1) * size : part * size],
    }  # fmt: skip
    source = str(changes.pop("source", "edge/v1/north/post-1"))
    data = msgspec.convert(fields | changes, EvidenceData)
    return Message(id="x", source=source, type="edge.evidence.v1", time="2026-01-01T00:00:00.000Z", sequence=1,
                   boot="b", data=msgspec.Raw(msgspec.json.encode(data)))  # fmt: skip


def test_parts_in_any_order_and_repeated_make_the_piece_once(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(10_001)
    writer = PackWriter(tmp_path)
    order = [3, 1, 3, 2, 4]
    written = [writer.update(piece(content, part, 4)) for part in order]
    path = tmp_path / "north" / "post-1" / ID / "1.jpg"
    assert written == [None] * 4 + [path]
    assert path.read_bytes() == content
    assert [f.name for f in path.parent.parent.iterdir()] == [ID]


def test_parts_of_two_cuts_do_not_mix(tmp_path: Path) -> None:
    content = random.Random(2).randbytes(999)
    writer = PackWriter(tmp_path)
    came = [writer.update(piece(content, part, parts)) for part, parts in ((1, 2), (1, 3), (2, 3), (2, 2))]
    assert [path is not None for path in came] == [False, False, False, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"violation": "../../../../etc/cron.d/x"},
        {"violation": ID.upper().replace("B", "b") + "/"},
        {"source": "edge/v1/../post-1"},
        {"source": "edge/v1/north/post-1/more"},
        {"sha256": "0" * 64},
    ],
)
def test_a_forged_name_or_content_is_refused_and_nothing_is_written(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PackWriter(tmp_path).update(piece(b"content", **changes))
    assert list(tmp_path.iterdir()) == []

"""The demo's consumer on a disk that takes nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import Mqtt
from edge_agent.demo.consumer import Consumer


def test_a_picture_that_a_full_disk_refuses_is_told_and_not_left_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device", str(path))

    consumer = Consumer(Mqtt(broker="mqtt://127.0.0.1:1883"), "edge/v1/#", tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full)
    consumer._write(tmp_path / "a.jpg", b"picture")
    assert consumer.unwritten == f"{tmp_path / 'a.jpg'}: No space left on device"
    assert consumer.pictures == []
    assert list(tmp_path.iterdir()) == []

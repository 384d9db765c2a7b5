"""The demo's consumer on a disk that takes nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import Mqtt
from edge_agent.demo.consumer import Consumer
from edge_agent.demo.view import describe
from edge_agent.messages import EvidenceRef, ViolationData
from tests.brokers import Mosquitto
from tests.house import opened, uplink, violation


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


def test_clip_and_manifest_are_not_told_as_pictures() -> None:
    def piece(n: int, media_type: str) -> EvidenceRef:
        return EvidenceRef(n=n, role="", time="", media_type=media_type, sha256="", size=0, width=0, height=0)

    pieces = [piece(n, kind) for n, kind in enumerate(["image/jpeg", "video/mp4", "image/jpeg", "application/jsonl"])]
    violation = ViolationData(kind="muddy_truck", confidence=0.92, start="", end="", evidence=pieces)
    assert describe(violation) == "muddy_truck (confidence 0.92, 2 pictures)"


def test_a_broker_that_restarts_is_listened_to_again(mosquitto: Mosquitto, tmp_path: Path) -> None:
    settings = Mqtt(broker=mosquitto.url)
    with Consumer(settings, "edge/v1/#", tmp_path) as consumer, opened(tmp_path / "data") as recorder:
        recorder.record(violation(1))
        with uplink(recorder, mosquitto.url):
            assert consumer.wait_for(1, 20.0)
            mosquitto.restart()
            recorder.record(violation(2))
            assert consumer.wait_for(2, 30.0)

"""The shipped models and the demo's configuration find in the demo's clip what its truth says, no more and no less."""

import json
from collections import Counter
from pathlib import Path

import cv2
import pytest

from drivers.frames import Frame
from edge_agent.config import load
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import Draft
from tests.gate.actors import passages, violations

CONFIG = Path(__file__).parents[2] / "config"


@pytest.mark.slow
def test_the_demo_clip_gives_its_truth() -> None:
    truth = json.loads((CONFIG / "demo" / "gate.truth.json").read_text())
    watch = GateWatch(load(CONFIG / "demo.toml").gate[0])
    video = cv2.VideoCapture(str(CONFIG / "demo" / "gate.mp4"))
    drafts: list[Draft] = []
    for index in range(truth["frames"]):
        read, image = video.read()
        assert read
        drafts += watch.update(Frame("gate", index / truth["fps"], index, image))
    drafts += watch.finish()
    trucks = [passage for passage in truth["passages"] if passage["class"] == "truck"]
    assert [p.direction for p in passages(drafts)] == [truck["direction"] for truck in trucks]
    assert len(trucks) == truth["expected"]["passages"]
    assert Counter(kind for kind, _ in violations(drafts)) == truth["expected"]["violations"]
    for kind, draft in violations(drafts):
        blamed = trucks[passages(drafts).index(draft.data.passage)]  # type: ignore[attr-defined]
        if kind == "unwashed_exit":
            assert blamed["wash_dwell_s"] < 4
        else:
            assert blamed["load" if kind == "uncovered_load" else "wheels"] in ("uncovered", "muddy")

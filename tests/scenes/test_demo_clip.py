"""The demo clip and its truth belong together."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import pytest

DEMO = Path(__file__).parents[2] / "config" / "demo"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((DEMO / "gate.truth.json").read_text())


def test_the_clip_is_what_the_truth_says(truth: dict[str, Any]) -> None:
    assert (DEMO / "gate.mp4").stat().st_size <= 5_000_000
    video = cv2.VideoCapture(str(DEMO / truth["clip"]))
    frames = 0
    while video.grab():
        frames += 1
    assert frames == truth["frames"]
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(truth["fps"])
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == truth["width"] >= 1280
    assert video.get(cv2.CAP_PROP_FRAME_HEIGHT) == truth["height"] >= 720


def test_boxes_lie_in_the_picture_and_in_time(truth: dict[str, Any]) -> None:
    for frame, passage, x1, y1, x2, y2, visible in truth["boxes"]:
        assert 0 <= frame < truth["frames"]
        assert 0 <= x1 < x2 <= truth["width"]
        assert 0 <= y1 < y2 <= truth["height"]
        assert 0 < visible <= 1
        assert 0 <= passage < len(truth["passages"])


def test_expected_counts_follow_from_the_passages(truth: dict[str, Any]) -> None:
    trucks = [p for p in truth["passages"] if p["class"] == "truck"]
    assert any(p["class"] == "car" for p in truth["passages"])
    out = [p for p in trucks if p["direction"] == "out"]
    assert truth["expected"] == {
        "passages": len(trucks),
        "violations": {
            "muddy_truck": sum(p["wheels"] == "muddy" for p in out),
            "uncovered_load": sum(p["load"] == "uncovered" for p in out),
            "unwashed_exit": sum(p["wash_dwell_s"] < 4 for p in out),
        },
    }
    assert truth["expected"]["violations"] == {"muddy_truck": 1, "uncovered_load": 1, "unwashed_exit": 1}
    for p in trucks:
        assert p["t_enter"] < p["t_cross"] < p["t_leave"]


def test_each_passage_crosses_the_line_once_in_its_direction(truth: dict[str, Any]) -> None:
    (ax, ay), (bx, by) = [(x * truth["width"], y * truth["height"]) for x, y in truth["gate_line"]]
    for k, passage in enumerate(truth["passages"]):
        sides = []
        for _, _, x1, _, x2, y2, _ in (r for r in truth["boxes"] if r[1] == k and r[6] >= 0.05):
            sides.append((bx - ax) * (y2 - ay) - (by - ay) * ((x1 + x2) / 2 - ax) > 0)
        changes = [b for a, b in pairwise(sides) if a != b]
        assert changes == [passage["direction"] == "out"]

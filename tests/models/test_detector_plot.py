"""The plot of accuracy against time shows what the record holds."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from models.detector.plot import draw, points

RECORD = Path(__file__).parents[2] / "models" / "runs" / "detector-0.2.0.json"


def test_the_shipped_model_stands_where_its_record_says() -> None:
    found = points(json.loads(RECORD.read_text("utf-8"))["measured"])
    ours = next(point for point in found if point.name == "truck-detector 0.2.0 416")
    assert ours.recall == pytest.approx((179 + 56) / (185 + 72))
    assert ours.false == 16
    assert ours.time == pytest.approx(10.57 / 20.76)
    assert [point.time for point in found] == sorted(point.time for point in found)


def test_every_point_is_drawn_in_both_panels() -> None:
    found = points(json.loads(RECORD.read_text("utf-8"))["measured"])
    circles = [node for node in ElementTree.fromstring(draw(found)).iter() if node.tag.endswith("circle")]
    assert len(circles) == 2 * len(found)


def test_a_record_without_times_is_refused() -> None:
    with pytest.raises(ValueError, match="--speed"):
        points({"truck-detector 0.2.0 416": {}})

"""Rendered weather at two frames a second, with the shipped models: shadows that sweep over bays, rain at night.

The clips are ``pole-shadow`` and ``pole-rain-night`` of the scene generator at half size, encoded again at 480×270.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from drivers.frames import Frame
from edge_agent.config.parking import Bay, Pole, PoleCamera
from edge_agent.parking.watch import PoleWatch
from tests.parking.actors import stays, told

CLIPS = Path(__file__).parent / "clips"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pole-shadow", "pole-rain-night"])
def test_weather_makes_no_stay_and_hides_none(name: str) -> None:
    truth = json.loads((CLIPS / f"{name}.truth.json").read_text())
    bays = [Bay(id=bay, polygon=[tuple(point) for point in polygon]) for bay, polygon in truth["bays"].items()]
    watch = PoleWatch(Pole(camera=PoleCamera(source=name), bay=bays))
    video = cv2.VideoCapture(str(CLIPS / truth["clip"]))
    drafts = []
    for index in range(truth["frames"]):
        read, image = video.read()
        assert read
        drafts += watch.update(Frame("pole", index / truth["fps"], index, image))  # type: ignore[arg-type]
    drafts += watch.finish()
    began = sorted(stay.bay for stay in stays(drafts) if stay.phase == "began")
    ended = sorted(stay.bay for stay in stays(drafts) if stay.phase == "ended")
    assert began == sorted(each["bay"] for each in truth["stays"])
    assert ended == sorted(each["bay"] for each in truth["stays"] if each["t_out"] is not None)
    last = told(drafts)[-1]
    assert (last.occupied, last.unknown) == (len(began) - len(ended), 0)

"""Rendered clips (``models.scenes.spills``) with a driving truck give their truth at 2, 5 and 10 frames a second.

Vehicles are followed as the truth has them; people and paper nobody follows. The first picture is held for
``BEFORE_S``, in which the watch gets to know the road.
"""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from drivers.frames import Frame
from edge_agent.config.gate import Camera, Gate, Spillage
from edge_agent.gate.ring import Scenery
from edge_agent.gate.spillage import SpillWatch
from edge_agent.gate.watch import GateWatch
from edge_agent.messages import Draft, ViolationData
from edge_agent.vision.detections import Track
from tests.gate.actors import passed

CLIPS = Path(__file__).parent / "road" / "clips"
NAMES = sorted(path.stem for path in CLIPS.glob("*.mp4"))
CONFIRM_S, BEFORE_S = 8.0, 10
SLOW = pytest.mark.slow


def play(name: str, truth: dict[str, Any], every: int) -> list[Draft]:
    section = Spillage(zone=[tuple(point) for point in truth["spill_zone"]], confirm_s=CONFIRM_S)
    watch, fps, drafts = SpillWatch(section, ("truck", "bus")), truth["fps"], []
    for number in range(len(truth["passages"])):
        watch.passed(number, passed(number))
    video = cv2.VideoCapture(str(CLIPS / f"{name}.mp4"))
    held = BEFORE_S * fps
    image = None
    for index in range(-held, truth["frames"]):
        if index > 0 or image is None:
            read, image = video.read()
            assert read
        time = index / fps
        if index % every or not watch.due(time):
            continue
        tracks = [
            Track(
                number,
                truth["passages"][number]["class"],
                0.9,
                (x1, y1, x2, y2),
                time,
                time,
                9,
                False,
                (x1, y1, x2, y2),
            )
            for frame, number, x1, y1, x2, y2, _ in truth["boxes"]
            if frame == max(0, index)
        ]
        drafts += watch.update(time, image, tracks, Scenery({track.id: track.box for track in tracks}))
    return drafts + watch.finish()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("every", [pytest.param(1, marks=SLOW), 2, pytest.param(5, marks=SLOW)])
def test_a_clip_gives_its_truth(name: str, every: int) -> None:
    truth = json.loads((CLIPS / f"{name}.json").read_text())
    drafts = play(name, truth, every)
    assert len(drafts) == truth["expected"]["violations"]["spillage"]
    for draft, spill in zip(drafts, truth["spills"], strict=True):
        assert isinstance(draft.data, ViolationData)
        assert draft.data.spillage
        assert draft.data.passage
        assert draft.data.passage.passage == "passage-0"
        x1, y1, x2, y2 = draft.data.spillage.box
        middle = (spill["box"][0] + spill["box"][2]) / 2, (spill["box"][1] + spill["box"][3]) / 2
        assert x1 < middle[0] < x2
        assert y1 < middle[1] < y2
        assert draft.time > spill["t_rest"] + CONFIRM_S - 1


@pytest.mark.slow
def test_the_whole_gate_tells_it_with_its_truck() -> None:
    truth = json.loads((CLIPS / "spill-falling.json").read_text())
    (ax, ay), (bx, by) = truth["gate_line"]
    zone = [tuple(point) for point in truth["spill_zone"]]
    spillage = Spillage(zone=zone, confirm_s=CONFIRM_S)
    watch = GateWatch(Gate(camera=Camera(source="none"), line=((ax, ay), (bx, by)), spillage=spillage))
    video = cv2.VideoCapture(str(CLIPS / "spill-falling.mp4"))
    images = [video.read()[1] for _ in range(truth["frames"])]
    held = [images[0]] * (BEFORE_S * truth["fps"])
    drafts: list[Draft] = []
    for index, image in enumerate([*held, *images][::2]):
        drafts += watch.update(Frame("gate", 2 * index / truth["fps"], index, image))
    drafts += watch.finish()
    (passage,) = [draft for draft in drafts if draft.channel == "passage"]
    (told,) = [draft for draft in drafts if getattr(draft.data, "kind", "") == "spillage"]
    assert told.subject == passage.subject
    assert [picture.role for picture in told.pictures] == ["full", "full", "full", "crop"]
    assert watch.state()["violations"] == sum(draft.channel == "violation" for draft in drafts)

"""The shipped models and the demo's configuration find in the demo's clip what its truth says, no more and no less."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.frames import Frame
from edge_agent.config import load
from edge_agent.messages import Draft
from edge_agent.parking.watch import PoleWatch
from tests.parking.actors import stays, told, violations

CONFIG = Path(__file__).parents[2] / "config"
TRUTH: dict[str, Any] = json.loads((CONFIG / "demo" / "pole.truth.json").read_text())
# A car is in its bay up to two seconds before it has come to rest, and half out of it for about four after it set off.
IN_S, OUT_S = 2.0, 6.0


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    watch = PoleWatch(load(CONFIG / "demo-pole.toml").pole[0])
    video = cv2.VideoCapture(str(CONFIG / "demo" / "pole.mp4"))
    found: list[Draft] = []
    for index in range(TRUTH["frames"]):
        read, image = video.read()
        assert read
        found += watch.update(Frame("pole", index / TRUTH["fps"], index, image))  # type: ignore[arg-type]
    return found + watch.finish()


@pytest.mark.slow
def test_the_clip_gives_its_stays(drafts: list[Draft]) -> None:
    by_bay = {stay.bay: stay for stay in stays(drafts)}
    assert sorted(by_bay) == [each["bay"] for each in TRUTH["stays"]]
    assert len({stay.stay for stay in stays(drafts)}) == TRUTH["counts"]["stays"]
    for true in TRUTH["stays"]:
        stay = by_bay[true["bay"]]
        came = datetime.fromisoformat(stay.in_time).timestamp()
        assert abs(came - true["t_in"]) <= IN_S
        assert stay.phase == ("began" if true["t_out"] is None else "ended")
        if true["t_out"] is not None:
            earliest, left = (datetime.fromisoformat(text).timestamp() for text in (stay.out_earliest, stay.out_time))
            assert earliest <= true["t_out"] + OUT_S
            assert true["t_out"] <= left <= true["t_out"] + OUT_S


@pytest.mark.slow
def test_the_clip_ends_with_its_bays(drafts: list[Draft]) -> None:
    last = told(drafts)[-1]
    counts = TRUTH["counts"]
    assert (last.free, last.occupied, last.unknown) == (counts["free"], counts["occupied"], 0)
    assert {message.view for message in told(drafts)} == {"in place"}
    gone = {each["bay"] for each in TRUTH["stays"] if each["t_out"] is not None}
    assert {row.id for row in last.bays if row.state == "occupied"} == {each["bay"] for each in TRUTH["stays"]} - gone


@pytest.mark.slow
def test_the_clip_shows_one_who_parks_on_the_verge(drafts: list[Draft]) -> None:
    ((violation, draft),) = violations(drafts)
    assert (violation.kind, violation.zone) == ("illegal_parking", "verge")
    full = [picture for picture in draft.pictures if picture.role == "full"]
    assert len(full) == 3
    assert all((picture.width, picture.height) == (1280, 720) for picture in full)


def shifted(image: Any, right_px: int, down_px: int) -> Any:
    """What a camera sees that was pushed."""
    matrix = np.array([[1.0, 0.0, right_px], [0.0, 1.0, down_px]])
    return cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.slow
@pytest.mark.parametrize(("right_px", "view"), [(45, "moved"), (500, "lost")])
def test_a_camera_that_was_pushed_is_noticed_and_ends_no_stay(right_px: int, view: str) -> None:
    watch = PoleWatch(load(CONFIG / "demo-pole.toml").pole[0])
    _, image = cv2.VideoCapture(str(CONFIG / "demo" / "pole.mp4")).read()
    found: list[Draft] = []
    for index in range(120):
        now = image if index < 40 else shifted(image, right_px, 10)
        found += watch.update(Frame("pole", index / 2, index, now))  # type: ignore[arg-type]
    assert told(found)[-1].view == view
    assert watch.problems()
    assert [stay.phase for stay in stays(found)] == ["began", "began"]
    states = {row.id: row.state for message in told(found) for row in message.bays}
    if view == "moved":
        assert [name for name, state in states.items() if state == "occupied"] == ["A2", "A3"]
    else:
        assert set(states.values()) == {"unknown"}

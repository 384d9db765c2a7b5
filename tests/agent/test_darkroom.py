"""What is sent of a violation: copies with text and without bystanders; what is kept: the originals, byte for byte."""

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from drivers.frames import Frame
from edge_agent.agent import darkroom
from edge_agent.agent.darkroom import Darkroom
from edge_agent.clock import Place
from edge_agent.config import Device
from edge_agent.messages import Draft, Picture
from edge_agent.messages.gate import Judged, PassageData, ViolationData
from tests.gate.actors import Actor, Stage, drive

DEVICE = Device(id="post-1", site="north", kind="gate", position=(32.0, 120.9))
PASSAGE = PassageData(
    passage="p",
    camera="gate",
    direction="out",
    label="truck",
    start="",
    end="",
    frames=3,
    load=Judged(state="covered", confidence=0.9),
    wheels=Judged(state="muddy", confidence=0.8),
)
STRIPES = np.zeros((180, 320, 3), np.uint8)
STRIPES[:, ::4] = STRIPES[:, 1::4] = 255


def picture(role: str, *hide: tuple[float, float, float, float]) -> Picture:
    content = cv2.imencode(".jpg", STRIPES, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    return Picture(role, 100.0, "image/jpeg", content, 320, 180, hide=hide)


class Once:
    """A watch that raises what it is given."""

    def __init__(self, *drafts: Draft) -> None:
        self.drafts = list(drafts)

    def update(self, frame: Frame) -> list[Draft]:
        del frame
        return self.drafts

    def finish(self) -> list[Draft]:
        return []

    def state(self) -> dict[str, Any]:
        return {}


def developed(*pictures: Picture, clip: tuple[Picture, ...] = (), **settings: Any) -> tuple[Picture, ...]:
    violation = ViolationData(kind="muddy_truck", confidence=0.8, passage=PASSAGE)
    draft = Draft("violation", 100.0, violation, pictures=pictures, clip=clip)
    room = Darkroom(Once(draft), DEVICE, **settings)
    (out,) = room.update(Frame("gate", 100.0, 0, STRIPES))
    assert out.clip == ()
    assert all(p.hide == () for p in out.pictures)
    return out.pictures


def decoded(picture: Picture) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR))


def test_the_overlay_marks_the_blamed_vehicle_where_it_is_also_in_a_picture_made_smaller() -> None:
    large = np.full((1080, 1920, 3), 90, np.uint8)
    content = cv2.imencode(".jpg", large)[1].tobytes()
    full = Picture("full", 100.0, "image/jpeg", content, 1920, 1080, box=(480.0, 270.0, 960.0, 810.0))
    kept, overlay = developed(full)
    assert kept == full
    image = decoded(overlay)[:720]
    marked = np.argwhere(np.abs(image.astype(int) - 90).max(axis=2) > 60)
    assert marked.min(axis=0) == pytest.approx((180, 320), abs=4)
    assert marked.max(axis=0) == pytest.approx((540, 640), abs=4)


def test_a_picture_with_nothing_to_hide_is_sent_untouched_beside_its_overlay() -> None:
    full, crop = picture("full"), picture("crop")
    first, overlay, last = developed(full, crop)
    assert (first, last) == (full, crop)
    assert (overlay.role, overlay.local) == ("overlay", False)
    image = decoded(overlay)
    assert image.shape == (overlay.height, overlay.width, 3)
    assert overlay.height > 180
    assert np.abs(image[:170].astype(int) - decoded(full)[:170]).mean() < 12
    assert image[190:].max() > 200


def test_an_original_with_a_bystander_stays_and_a_copy_without_is_sent() -> None:
    full, crop = picture("full", (0, 0, 160, 180)), picture("crop", (160, 0, 320, 180))
    kept, overlay, kept_crop, blurred = developed(full, crop)
    assert [(p.role, p.local) for p in (kept, overlay, kept_crop, blurred)] == [
        ("full", True),
        ("overlay", False),
        ("crop", True),
        ("blurred", False),
    ]
    assert (kept.content, kept_crop.content) == (full.content, crop.content)
    assert decoded(overlay)[20:160, 20:140].std() < 20 < 60 < decoded(overlay)[20:160, 180:300].std()
    assert decoded(blurred)[20:160, 180:300].std() < 20 < 60 < decoded(blurred)[20:160, 20:140].std()


def test_blurring_can_be_switched_off() -> None:
    first, overlay = developed(picture("full", (0, 0, 160, 180)), blur=False)
    assert not first.local
    assert decoded(overlay)[20:160, 20:140].std() > 60


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (None, "recorded"),
        (lambda _: Place(1.0, True, 0.0123), "clock error at most 13 ms"),
        (lambda _: Place(1.0, False, 0.01), "CLOCK NOT TRUSTED"),
        (lambda _: Place(1.0, True, float("inf")), "CLOCK NOT TRUSTED"),
    ],
)
def test_the_overlay_says_when_where_what_how_sure_and_of_which_original(
    monkeypatch: pytest.MonkeyPatch, place: Callable[[float], Place] | None, said: str
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(darkroom, "with_text", lambda image, text: (lines.extend(text), image)[1])
    full = picture("full")
    developed(full, place=place)
    text = "\n".join(lines)
    for part in (
        "1970-01-01 08:01:40.000+08:00",
        said,
        "north",
        "post-1",
        "32.000000, 120.900000",
        "muddy_truck",
        "0.80",
        "out",
        "covered 0.90",
        hashlib.sha256(full.content).hexdigest(),
    ):
        assert part in text


def test_the_overlay_of_an_unwashed_exit_says_how_long_it_was_washed_and_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(darkroom, "with_text", lambda image, text: (lines.extend(text), image)[1])
    passage = msgspec.structs.replace(PASSAGE, wash_dwell_s=3.24)
    violation = ViolationData(kind="unwashed_exit", confidence=0.8, limit="washed >= 20 s", passage=passage)
    draft = Draft("violation", 100.0, violation, pictures=(picture("full"),))
    Darkroom(Once(draft), DEVICE).update(Frame("gate", 100.0, 0, STRIPES))
    assert "washed 3.2 s" in "\n".join(lines)
    assert "limit: washed >= 20 s" in "\n".join(lines)


def test_the_overlay_of_illegal_parking_says_how_long_it_stood_and_on_what_ground(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(darkroom, "with_text", lambda image, text: (lines.extend(text), image)[1])
    monkeypatch.setattr(darkroom, "CHINESE", True)
    limit = "stood <= 180 s (fire_lane)"
    violation = ViolationData(kind="illegal_parking", confidence=0.8, limit=limit, zone="lane", dwell_s=200.4)
    draft = Draft("violation", 100.0, violation, pictures=(picture("full"),))
    Darkroom(Once(draft), DEVICE).update(Frame("pole", 100.0, 0, STRIPES))
    told = "\n".join(lines)
    assert "stood 200 s" in told
    assert "limit: stood <= 180 s (消防通道 fire_lane)" in told
    assert "lane" in told


def test_a_gates_clip_is_begun_before_its_violation_and_made_once_for_both() -> None:
    """The truck is over the line by 3.3 s; its clip is complete 3 s later, and it is gone after 7 s."""
    path = drive((1, 320, 75), (7, 320, 355), (9, 320, 355))
    stage = Stage(Actor(path, load="uncovered", wheels="muddy"))
    room = Darkroom(stage.watch, DEVICE, coming=stage.watch.coming)
    begun: list[float] = []
    drafts: list[Draft] = []
    for frame in stage.frames(16):
        drafts += room.update(frame)
        begun += [frame.time] * bool(stage.watch.coming())
    drafts += room.finish()
    violations = [d for d in drafts if d.channel == "violation"]
    assert begun
    assert begun[0] < violations[0].time + 1
    roles = [[p.role for p in d.pictures] for d in violations]
    assert roles == [["full", "overlay", "full", "overlay", "crop", "clip"]] * 2
    first, second = (d.pictures[-1] for d in violations)
    assert first is second
    assert sum(len(p.content) for p in violations[0].pictures) < 2_000_000


def test_the_clip_of_a_truck_that_leaves_at_once_is_begun_before_its_violation() -> None:
    """Over the line at 3.3 s and out of the picture at 4.5 s: its clip ends there, not 3 s after the line."""
    stage = Stage(Actor(drive((1, 320, 75), (3.3, 320, 182), (4.5, 320, 359)), wheels="muddy"))
    begun: list[float] = []
    drafts: list[Draft] = []
    for frame in stage.frames(12):
        drafts += stage.watch.update(frame)
        begun += [frame.time] * bool(stage.watch.coming())
        if drafts:
            break
    (violation,) = [draft for draft in drafts if draft.channel == "violation"]
    assert begun[-1] - begun[0] >= 0.5
    assert violation.clip[-1].time == begun[0] < 5


def test_a_film_that_is_not_needed_after_all_is_ended() -> None:
    frames = tuple(picture("frame") for _ in range(3))
    announced = [frames]
    room = Darkroom(Once(), DEVICE, coming=lambda: announced)
    room.update(Frame("gate", 0.0, 0, STRIPES))
    assert list(room._films) == [frames]
    announced.clear()
    room.update(Frame("gate", 0.2, 1, STRIPES))
    assert not room._films

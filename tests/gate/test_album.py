"""The choice of pictures: displaced views of what is judged, and a close crop of the part that is."""

import cv2
import numpy as np
import pytest

from edge_agent.gate.album import Album
from edge_agent.gate.ring import Ring, Scenery, Shot
from edge_agent.messages import Picture
from edge_agent.vision.state import Judgement
from edge_agent.vision.tracker import distance

HEIGHT, WIDTH = 360, 640
Box = tuple[float, float, float, float]


def judged(quality: float, muddy: float = 0.8) -> Judgement:
    return Judgement({"covered": 1.0}, {"muddy": muddy, "clean": 1 - muddy}, quality)


def picture(*boxes: Box) -> np.ndarray:
    """Grey, each box in its own shade."""
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for shade, (x1, y1, x2, y2) in enumerate(boxes, 1):
        image[int(y1) : int(y2), int(x1) : int(x2)] = 255 - 40 * shade
    return image


def at(x: float, y: float = 200.0) -> Box:
    return x, y - 100, x + 150, y


def test_the_second_view_is_the_best_of_those_that_are_displaced() -> None:
    album = Album()
    for time, x, quality in [(0, 100, 0.2), (1, 300, 0.5), (2, 310, 0.9), (3, 320, 0.8), (4, 420, 0.1)]:
        album.add(time, picture(at(x)), at(x), judged(quality))
    pictures = album.prove("wheels", "muddy", 2)
    assert [(p.role, p.time) for p in pictures] == [("full", 0), ("full", 2), ("crop", 2)]
    assert distance(at(100), at(310)) >= 0.25


def test_of_two_displaced_views_the_one_with_the_whole_front_is_taken_and_kept() -> None:
    """The truck comes down and out over the lower edge; its wheels are seen best when its front is gone."""
    album = Album()
    for time, y, quality in [(0, 180, 0.1), (1, 260, 0.2), (2, 360, 0.9), (3, 360, 0.8), (4, 360, 0.7), (5, 360, 0.7)]:
        album.add(time, picture(at(300, y)), at(300, y), judged(quality))
    assert [p.time for p in album.prove("wheels", "muddy", 2)] == [1, 2, 2]
    album = Album()
    for time, y in enumerate([360, 250, *[360] * 12]):
        album.add(time, picture(at(300, y)), at(300, y), judged(0.1 if y < 360 else 0.9))
    assert len(album.views) == 6
    assert 1 in [p.time for p in album.prove("wheels", "muddy", 2)]


def test_of_a_truck_that_stood_the_views_are_far_apart_in_time() -> None:
    album = Album()
    for time, quality in [(0, 0.3), (20, 0.9), (40, 0.5), (60, 0.2)]:
        album.add(time, picture(at(200)), at(200), judged(quality))
    first, second, _ = album.prove("wheels", "muddy", 2)
    assert (first.time, second.time) == (20, 60)


def test_a_truck_that_was_judged_once_is_shown_again_from_the_ring() -> None:
    album, ring = Album(), Ring(5, 3, 1_000_000)
    album.add(2, picture(at(300)), at(300), judged(0.9))
    for time, x in [(1, 220), (2, 300), (3, 420)]:
        ring.add(time, picture(at(x)), Scenery({7: at(x)}))
    ring.mark(7, 2)
    pictures = album.prove("wheels", "muddy", 2, 7, ring.shots(7))
    assert [(p.role, p.time) for p in pictures] == [("full", 2), ("full", 3), ("crop", 2)]


@pytest.mark.parametrize(
    ("of", "wheels", "rows"),
    [
        ("wheels", (), (150 - 2, 202)),
        ("wheels", ((310, 170, 340, 200), (400, 165, 430, 200)), (160 - 2, 202)),
        ("load", (), (95, 165 + 4)),
        ("load", ((310, 170, 340, 200),), (95, 170 + 4)),
        ("", (), (95, 205)),
    ],
)
def test_the_crop_shows_what_is_judged(of: str, wheels: tuple[Box, ...], rows: tuple[int, int]) -> None:
    """The truck is 300..450 wide, 100..200 high; wheels are its lower half, the bed its upper 65 % where none is seen.

    5 % of what is cut are added on each side. Each row of the picture has its own shade and so tells which it is.
    """
    image = np.repeat(np.linspace(0, 255, HEIGHT).astype(np.uint8)[:, None], WIDTH, 1)
    album = Album()
    album.add(0, cv2.merge([image] * 3), (300, 100, 450, 200), judged(0.9), wheels)
    crop = album.prove(of, "muddy" if of == "wheels" else "covered", 2)[-1]
    seen = cv2.imdecode(np.frombuffer(crop.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    top, bottom = seen[0].mean() / 255 * (HEIGHT - 1), seen[-1].mean() / 255 * (HEIGHT - 1)
    assert top == pytest.approx(rows[0], abs=3)
    assert bottom == pytest.approx(rows[1], abs=4)
    assert seen.shape[1] == pytest.approx(150 * 1.1, abs=2)


def test_what_else_is_in_the_crop_is_named_in_its_own_pixels() -> None:
    """The crop begins at 300 - 7.5, 100 - 5: the neighbour's box moves by as much."""
    album = Album()
    album.add(0, picture(at(300)), (300, 100, 450, 200), judged(0.9), hide=((440, 100, 500, 150), (0, 0, 50, 50)))
    crop = album.prove("", "", 2)[-1]
    assert crop.hide == ((440 - 292, 100 - 95, 500 - 292, 150 - 95),)


def shots(ring: Ring, number: int) -> list[float]:
    return [shot.picture.time for shot in ring.shots(number)]


def test_the_ring_keeps_a_marked_moment_until_its_vehicle_is_gone() -> None:
    ring = Ring(2, 1, 10_000_000)
    for time in range(10):
        ring.add(time, picture(), Scenery({1: at(10)}))
        if time == 3:
            ring.mark(1, 3.0)
    assert shots(ring, 1) == [1, 2, 3, 4]
    assert ring.complete(1, 4.5)
    assert not ring.complete(1, 4.0)
    ring.keep([])
    ring.mark(2, 3.0)
    ring.add(10, picture(), Scenery({1: at(10)}))
    assert shots(ring, 2) == [1, 2, 3, 4]
    ring.keep([])
    ring.add(11, picture(), Scenery({1: at(10)}))
    ring.mark(3, 3.0)
    assert shots(ring, 3) == []


def test_a_clip_is_complete_when_its_vehicle_has_left_the_picture() -> None:
    ring = Ring(2, 3, 10_000_000)
    for time in range(6):
        ring.add(time, picture(), Scenery({1: at(10)}))
        ring.mark(1, 2.0)
        ring.left(1, time if time == 2 or time >= 4 else None)
        assert ring.complete(1, time) == (time == 2 or time >= 4)
    assert shots(ring, 1) == [0, 1, 2, 3, 4]


def test_the_ring_never_holds_more_than_its_bytes() -> None:
    ring = Ring(30, 30, 60_000)
    rng = np.random.default_rng(0)
    for time in range(40):
        ring.add(time, rng.integers(0, 255, (90, 160, 3), np.uint8), Scenery({1: at(10)}))
        ring.mark(1, time)
        assert ring.bytes == sum(len(shot.picture.content) for shot in ring.shots(1)) <= 60_000
    assert shots(ring, 1)[-1] == 39


def test_large_frames_are_made_smaller_and_their_boxes_with_them() -> None:
    ring = Ring(5, 3, 10_000_000)
    for time in (0, 1):
        ring.add(time, np.zeros((1080, 1920, 3), np.uint8), Scenery({1: (0, 0, 300, 300), 2: (1500, 900, 1800, 1050)}))
    ring.mark(1, 1)
    frame: Picture = ring.clip(1)[0]
    assert (frame.width, frame.height) == (1280, 720)
    (box,) = frame.hide
    assert box == pytest.approx((1000 - 8, 600 - 4, 1200 + 8, 700 + 4))


def test_what_is_hidden_never_reaches_into_the_blamed_truck() -> None:
    scenery = Scenery(
        {1: (100, 100, 300, 300), 2: (250, 200, 400, 400), 3: (250, 250, 320, 320)},
        people=((310, 110, 330, 150), (500, 50, 520, 100)),
    )
    hidden = scenery.besides(1)
    mask = np.zeros((500, 600), bool)
    for x1, y1, x2, y2 in hidden:
        mask[int(y1) : int(y2), int(x1) : int(x2)] = True
    assert not mask[100:300, 100:300].any()
    assert mask[301:400, 301:400].all()
    assert mask[301:400, 250:400].all()
    assert mask[50:100, 500:520].all()
    assert not mask[110:150, 310:330].any()
    assert Shot(Picture("frame", 0.0, "image/jpeg", b"", 1, 1), scenery).scenery.besides(2)

"""Bays cut out of pictures and judged: geometry by hand, what cannot be told, and rendered lots with truth."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.errors import ModelError
from edge_agent.vision.bay import BayClassifier, can_be_seen, cut, square

LOTS = Path(__file__).parent / "lots"
WHOLE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.8), (0.3, 0.8)]


@pytest.fixture(scope="module")
def classifier() -> BayClassifier:
    return BayClassifier.load()


def corners(*points: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(points, np.float32)


def test_the_square_is_one_and_a_half_times_the_longer_side_around_the_middle() -> None:
    assert square(corners((100, 50), (180, 50), (180, 90), (100, 90))) == pytest.approx((80, 10, 120))


def test_a_cut_out_shows_the_bay_where_its_mask_says() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    cv2.rectangle(image, (100, 60), (180, 100), (255, 255, 255), -1)
    made = cut([image], corners((100, 60), (180, 60), (180, 100), (100, 100)), 64)
    inside, outside = made[..., 3] > 0, made[..., 3] == 0
    assert made[inside][:, :3].mean() > 240
    assert made[outside][:, :3].mean() < 15
    assert inside.mean() == pytest.approx(80 * 40 / 120**2, rel=0.1)


def test_beyond_the_picture_lies_grey() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    made = cut([image], corners((0, 40), (40, 40), (40, 80), (0, 80)), 60)
    assert (made[:, :9, :3] == 114).all()
    assert (made[10:50, 12:, :3] == 255).all()


def test_a_large_bay_is_cut_from_a_smaller_picture_with_the_same_content() -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (1280, 960), interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    polygon = corners((0.2, 0.3), (0.7, 0.3), (0.7, 0.8), (0.2, 0.8))
    halves = [image]
    large = cut(halves, polygon * (1280, 960), 64).astype(int)
    assert len(halves) > 1
    assert np.abs(large - cut([small], polygon * (320, 240), 64)).mean() < 6


@pytest.mark.parametrize(
    ("points", "seen"),
    [
        ([(10, 10), (17, 10), (17, 17), (10, 17)], False),
        ([(10, 10), (20, 10), (20, 12), (10, 12)], False),
        ([(10, 10), (20, 10), (20, 14), (10, 14)], True),
        ([(-40, 10), (35, 10), (35, 60), (-40, 60)], False),
        ([(-30, 10), (45, 10), (45, 60), (-30, 60)], True),
        ([(300, 300), (350, 300), (350, 350), (300, 350)], False),
    ],
)
def test_what_is_too_small_or_mostly_outside_is_not_judged(points: list[tuple[float, float]], seen: bool) -> None:
    assert can_be_seen(corners(*points), 200, 200) is seen


def test_neither_darkness_nor_fog_is_free(classifier: BayClassifier) -> None:
    dark = np.random.default_rng(0).integers(0, 12, (240, 320, 3)).astype(np.uint8)
    asphalt = np.random.default_rng(0).integers(70, 90, (240, 320, 3)).astype(np.uint8)
    cv2.rectangle(asphalt, (70, 50), (250, 190), (210, 210, 210), 6)
    fog = (0.1 * asphalt + 150).astype(np.uint8)
    assert math.isnan(classifier.judge(dark, [WHOLE])[0])
    assert classifier.judge(asphalt, [WHOLE])[0] < 0.5
    assert not classifier.judge(fog, [WHOLE])[0] < 0.5


def test_answers_stand_in_the_order_of_the_polygons_and_do_not_depend_on_company(classifier: BayClassifier) -> None:
    image, bays = _lot(sorted(LOTS.glob("*.json"))[0])
    polygons = [bay["polygon"] for bay in bays]
    together = classifier.judge(image, [*polygons, [(2.0, 2.0), (3.0, 2.0), (3.0, 3.0)]])
    alone = [classifier.judge(image, [polygon])[0] for polygon in polygons[::-1]][::-1]
    assert together[:-1] == pytest.approx(alone, abs=1e-4)
    assert math.isnan(together[-1])
    assert classifier.judge(image, []) == []


@pytest.mark.parametrize("file", sorted(LOTS.glob("*.json")), ids=lambda file: file.stem)
def test_rendered_lots_that_were_not_trained_on_are_judged_by_their_truth(
    classifier: BayClassifier, file: Path
) -> None:
    image, bays = _lot(file)
    chances = classifier.judge(image, [bay["polygon"] for bay in bays])
    right = [(chance > 0.5) == (bay["state"] == "occupied") for chance, bay in zip(chances, bays, strict=True)]
    assert sum(right) >= 0.9 * len(right)
    assert {bay["state"] for bay in bays} == {"free", "occupied"}


def test_a_model_of_another_task_is_refused() -> None:
    with pytest.raises(ModelError, match="'truck-state', needed here is 'bay-state'"):
        BayClassifier.load("truck-state")


def _lot(file: Path) -> tuple[NDArray[np.uint8], list[dict[str, object]]]:
    return cv2.imread(str(file.with_suffix(".jpg"))), json.loads(file.read_text())

"""Registration on painted scenery: known motions are found, changes and light are borne, and it never lies quietly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.vision.registration import Limits, Placement, Registration

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360
POINTS = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.5, 0.5)]


def scenery(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Facades, lines and patches of all sizes, with a little grain."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for _ in range(220):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = np.exp(rng.uniform(1.6, 4.2, 2))
        box = cv2.boxPoints(((x, y), (w, h), rng.choice([0, 0, rng.uniform(0, 90)])))
        cv2.fillPoly(image, [box.astype(np.int32)], rng.integers(20, 235, 3).tolist())
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.8) + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def moved(image: Image, dx: float, dy: float, deg: float, zoom: float) -> tuple[Image, NDArray[np.float64]]:
    """The picture after a motion (shares of its size, degrees), and where POINTS then lie."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), deg, zoom)
    matrix[:, 2] += (dx * width, dy * height)
    now = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    points = np.column_stack([np.array(POINTS) * (width, height), np.ones(len(POINTS))])
    return now, points @ matrix.T / (width, height)


def changed(image: Image, share: float, seed: int) -> Image:
    """With rectangles of other scenery over `share` of it."""
    rng, other, now = np.random.default_rng(seed), scenery(seed + 1000), image.copy()
    height, width = image.shape[:2]
    mask = np.zeros((height, width), bool)
    while mask.mean() < share:
        x, y = rng.integers(0, width - 80), rng.integers(0, height - 60)
        mask[y : y + 60, x : x + 80] = True
    now[mask] = other[mask]
    return now


def lit(image: Image, gain: float, gamma: float, noise: float) -> Image:
    rng = np.random.default_rng(5)
    return np.clip(255 * (image / 255.0) ** gamma * gain + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def test_shadows_that_wander_over_half_the_picture_lose_no_camera_that_stands_still() -> None:
    """The same end is not believed where nobody saw how it came about."""
    image, end = scenery(1), changed(scenery(1), 0.55, 3)
    registration = Registration(image)
    steps = [
        registration.update(cv2.addWeighted(image, 1 - k / 24, end, k / 24, 0).astype(np.uint8)) for k in range(25)
    ]
    assert {shift.state for shift in steps} == {Placement.IN_PLACE}
    assert Registration(image).update(end).state is not Placement.IN_PLACE


def test_a_camera_that_creeps_under_wandering_shadows_is_noticed() -> None:
    image, end = scenery(1), changed(scenery(1), 0.5, 3)
    registration = Registration(image)
    for k in range(25):
        now, true = moved(cv2.addWeighted(image, 1 - k / 24, end, k / 24, 0).astype(np.uint8), 0.001 * k, 0.0, 0.0, 1.0)
        shift = registration.update(now)
    assert shift.state is Placement.MOVED
    assert np.abs(np.array(shift.carry(POINTS)) - true).max() < 0.006


@pytest.mark.parametrize("gain", [0.25, 0.6, 1.0, 1.5])
def test_a_camera_that_stands_still_is_in_place_whatever_the_light_and_30_percent_of_change(gain: float) -> None:
    image = scenery(1)
    found = Registration(image).update(lit(changed(image, 0.3, 3), gain, 1.2, 3))
    assert found.state is Placement.IN_PLACE
    assert found.carry(POINTS) == POINTS


@pytest.mark.parametrize(
    ("dx", "dy", "deg", "zoom"),
    [(0.03, 0, 0, 1), (0, -0.05, 0, 1), (0.01, 0.02, 3, 1), (-0.06, 0.03, -4, 1.05), (0.1, 0, 0, 0.93)],
)
def test_a_known_motion_is_found_to_half_a_percent_of_the_width(dx: float, dy: float, deg: float, zoom: float) -> None:
    image = scenery(2)
    now, true = moved(image, dx, dy, deg, zoom)
    found = Registration(image).update(lit(changed(now, 0.25, 4), 0.7, 1.1, 3))
    assert found.state is Placement.MOVED
    assert found.trusted
    assert np.abs(np.array(found.carry(POINTS)) - true).max() < 0.01
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (WIDTH, HEIGHT)
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), deg, zoom)
    matrix[:, 2] += (dx * WIDTH, dy * HEIGHT)
    travelled = np.linalg.norm(np.column_stack([corner, np.ones(4)]) @ matrix.T - corner, axis=1).max() / WIDTH
    assert found.distance == pytest.approx(travelled, abs=0.012)


@pytest.mark.parametrize(("deg", "zoom"), [(0.46, 1.01), (-0.8, 1.0), (0.0, 1.015), (0.3, 0.992)])
def test_a_slight_turn_or_zoom_about_the_middle_is_not_taken_for_standing_still(deg: float, zoom: float) -> None:
    """Its shift is nothing, so only the cells and the features can tell."""
    image = scenery(11)
    now, true = moved(image, -0.002, -0.004, deg, zoom)
    found = Registration(image).update(now)
    assert found.trusted
    assert np.abs(np.array(found.carry(POINTS)) - true).max() < 0.004


def test_a_motion_beyond_the_limits_is_lost_and_carries_nothing() -> None:
    image = scenery(3)
    now, _ = moved(image, 0.08, 0, 0, 1)
    found = Registration(image, Limits(shift=0.05)).update(now)
    assert found.state is Placement.LOST
    assert not found.trusted
    turned, _ = moved(image, 0, 0, 12, 1)
    assert Registration(image).update(turned).state is Placement.LOST


def test_another_view_is_unknown_first_and_lost_when_it_stays() -> None:
    registration = Registration(scenery(4), Limits(patience=3))
    states = [registration.update(scenery(40 + k)).state for k in range(4)]
    assert states == [Placement.UNKNOWN, Placement.UNKNOWN, Placement.LOST, Placement.LOST]
    assert registration.update(scenery(4)).state is Placement.IN_PLACE


def test_darkness_and_fog_are_unknown_for_ever_and_never_lost() -> None:
    image = scenery(5)
    registration = Registration(image)
    dark = np.random.default_rng(1).integers(0, 6, image.shape).astype(np.uint8)
    fog = np.full_like(image, 180)
    for _ in range(5):
        assert registration.update(dark).state is Placement.UNKNOWN
        assert registration.update(fog).state is Placement.UNKNOWN
    assert registration.update(image).state is Placement.IN_PLACE


def test_other_sizes_of_the_same_picture_register_and_other_shapes_do_not() -> None:
    image = scenery(6)
    registration = Registration(image)
    assert registration.update(cv2.resize(image, (1280, 720))).state is Placement.IN_PLACE
    assert registration.update(cv2.resize(image, (480, 360))).state is not Placement.IN_PLACE


def test_what_changes_only_inside_ignored_polygons_costs_no_confidence() -> None:
    image = scenery(7)
    now = image.copy()
    now[180:] = scenery(70)[180:]
    lower = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]
    ignoring = Registration(image, ignore=[lower]).update(now)
    assert ignoring.state is Placement.IN_PLACE
    assert ignoring.confidence > Registration(image).update(now).confidence


def test_a_reference_without_anything_to_hold_on_to_is_refused() -> None:
    with pytest.raises(ValueError, match="too little to register"):
        Registration(np.full((360, 640, 3), 90, np.uint8))


def test_limits_say_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"shift is 0\.9, allowed is 0\.01 to 0\.4"):
        Limits(shift=0.9)


def test_slow_sagging_is_noticed_though_views_are_kept_on_the_way() -> None:
    """A camera that sinks by 0.3 % of its height a picture must be told as moved, not learned as the new normal."""
    image = scenery(8)
    registration = Registration(image)
    shift = registration.update(image)
    for k in range(1, 14):
        now, true = moved(image, 0, 0.003 * k, 0, 1)
        shift = registration.update(lit(now, 1 - 0.03 * k, 1.0, 2))
    assert shift.state is Placement.MOVED
    assert np.abs(np.array(shift.carry(POINTS)) - true).max() < 0.01

"""What lies around a bay: light may change it, a bus before it may not pass for light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_agent.parking.surroundings import Surroundings
from tests.parking.actors import BAYS, HEIGHT, WIDTH, centre
from tests.vision.test_registration import scenery

POLYGONS = [bay.polygon for bay in BAYS]
BAY = 2


@pytest.fixture
def ground() -> np.ndarray:
    return scenery(5)[:HEIGHT, :WIDTH].copy()


def kept(ground: np.ndarray, *times: float) -> Surroundings:
    surroundings = Surroundings(POLYGONS)
    for time in times:
        surroundings.keep(time, ground, [BAY])
    return surroundings


def with_vehicle(image: np.ndarray, half: int, below: int) -> np.ndarray:
    x, y = (round(v) for v in centre("A3"))
    out = image.copy()
    cv2.rectangle(out, (x - half, y - 80), (x + half, y + below), (210, 200, 190), -1)
    return out


def test_a_vehicle_in_the_bay_changes_nothing_around_it(ground: np.ndarray) -> None:
    assert kept(ground, 0.0, 30.0).alike(BAY, 60.0, with_vehicle(ground, 30, 0))


def test_half_the_light_and_noise_change_nothing(ground: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(0, 3, ground.shape)
    dim = np.clip(ground * 0.5 + noise, 0, 255).astype(np.uint8)
    assert kept(ground, 0.0, 30.0).alike(BAY, 60.0, with_vehicle(dim, 30, 0))


def test_a_bus_before_the_bay_does(ground: np.ndarray) -> None:
    assert not kept(ground, 0.0, 30.0).alike(BAY, 60.0, with_vehicle(ground, 160, 100))


def test_bare_ground_is_like_bare_ground_and_unlike_a_bus() -> None:
    noise = np.random.default_rng(3).normal(0, 1.5, (2, HEIGHT, WIDTH, 3))
    bare, later = (np.clip(90 + each, 0, 255).astype(np.uint8) for each in noise)
    surroundings = kept(bare, 0.0, 30.0)
    assert surroundings.alike(BAY, 60.0, with_vehicle(later, 30, 0))
    assert not surroundings.alike(BAY, 60.0, with_vehicle(later, 60, 20))


def test_a_bus_that_was_there_when_last_seen_is_not_taken_for_usual(ground: np.ndarray) -> None:
    surroundings = kept(ground, 0.0, 30.0)
    surroundings.keep(55.0, with_vehicle(ground, 160, 100), [BAY])
    assert not surroundings.alike(BAY, 60.0, with_vehicle(ground, 160, 100))


def test_what_was_kept_long_ago_says_nothing(ground: np.ndarray) -> None:
    assert not kept(ground, 0.0).alike(BAY, 400.0, ground)
    assert Surroundings(POLYGONS).alike(BAY, 400.0, ground)


def test_a_clock_that_is_set_moves_what_was_kept_along(ground: np.ndarray) -> None:
    surroundings = kept(ground, 0.0, 30.0)
    surroundings.shift(3600.0)
    assert surroundings.alike(BAY, 3660.0, ground)


def test_a_bay_at_the_edge_is_judged_by_what_is_in_the_picture(ground: np.ndarray) -> None:
    corner = [(0.9, 0.8), (1.0, 0.8), (1.0, 1.0), (0.9, 1.0)]
    surroundings = Surroundings([corner])
    surroundings.keep(0.0, ground, [0])
    assert surroundings.alike(0, 60.0, ground)

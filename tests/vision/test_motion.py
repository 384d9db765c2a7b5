"""The motion gate tells movement from noise, slow light and sudden light."""

import numpy as np
import pytest

from edge_agent.vision.motion import MotionGate

SIZE = (1080, 1920, 3)


def noisy(level: float, seed: int, spread: float = 4.0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    noise = np.random.default_rng(seed).normal(level, spread, SIZE)
    return np.clip(noise, 0, 255).astype(np.uint8)


def settled(gate: MotionGate, level: float = 100) -> None:
    for seed in range(4):
        gate.update(noisy(level, seed))


def test_the_first_picture_counts_as_movement() -> None:
    assert MotionGate().update(np.zeros(SIZE, np.uint8)).moved


@pytest.mark.slow
def test_a_still_scene_with_sensor_noise_does_not_move() -> None:
    gate = MotionGate()
    settled(gate)
    assert not any(gate.update(noisy(100, seed)).moved for seed in range(10, 16))


def test_half_a_white_picture_moves() -> None:
    gate = MotionGate()
    settled(gate)
    image = noisy(100, 50)
    image[:, :960] = 255
    motion = gate.update(image)
    assert motion.moved
    assert not motion.anew
    assert motion.share == pytest.approx(0.5, abs=0.05)


def test_a_truck_of_a_hundredth_of_the_picture_moves() -> None:
    gate = MotionGate()
    settled(gate)
    image = noisy(100, 51)
    image[500:620, 900:1100] = 160
    assert gate.update(image).moved


@pytest.mark.slow
def test_light_that_changes_slowly_is_no_movement() -> None:
    gate = MotionGate()
    settled(gate)
    assert not any(gate.update(noisy(100 + step * 0.5, step, 2.0)).moved for step in range(20))


def test_a_lamp_switched_on_starts_anew_once() -> None:
    gate = MotionGate()
    settled(gate)
    assert gate.update(noisy(180, 60)).anew
    assert not gate.update(noisy(180, 61)).moved


def test_another_size_starts_anew() -> None:
    gate = MotionGate()
    settled(gate)
    assert gate.update(np.zeros((720, 1280, 3), np.uint8)).anew


def test_pictures_of_one_pixel_are_taken() -> None:
    assert MotionGate().update(np.zeros((1, 1, 3), np.uint8)).moved

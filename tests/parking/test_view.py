"""Where the bays lie when the camera is pushed, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from edge_agent.parking.view import View
from edge_agent.vision.network import Image
from edge_agent.vision.registration import Placement, Shift

BAY = [(0.2, 0.2), (0.4, 0.2), (0.4, 0.4), (0.2, 0.4)]
IMAGE = np.zeros((9, 16, 3), np.uint8)
RIGHT = np.array([[1.0, 0.0, 0.05], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass
class Told:
    """A registration that answers as told."""

    shift: Shift = field(default_factory=lambda: Shift(Placement.IN_PLACE, 1.0))
    asked: int = 0

    def update(self, image: Image) -> Shift:
        """The newest that was told."""
        self.asked += 1
        return self.shift


def test_bays_move_along_and_back() -> None:
    told = Told()
    view = View([BAY], None, told)
    assert view.update(0.0, IMAGE, False)
    told.shift = Shift(Placement.MOVED, 0.9, RIGHT, 0.05)
    assert view.update(20.0, IMAGE, False)
    assert view.polygons[0][0] == pytest.approx((0.25, 0.2))
    assert "5.0%" in view.problem
    told.shift = Shift(Placement.IN_PLACE, 1.0)
    assert view.update(40.0, IMAGE, False)
    np.testing.assert_allclose(view.polygons[0], BAY)
    assert view.problem == ""


def test_a_picture_costs_a_registration_every_ten_seconds_or_when_much_changed() -> None:
    told = Told()
    view = View([BAY], None, told)
    for second in range(60):
        view.update(float(second), IMAGE, False)
    assert told.asked == 6
    view.update(60.5, IMAGE, True)
    view.update(61.0, IMAGE, True)
    assert told.asked == 8


def test_dusk_says_unknown_once_after_a_minute_and_moves_nothing() -> None:
    told = Told()
    view = View([BAY], None, told)
    view.update(0.0, IMAGE, False)
    told.shift = Shift(Placement.UNKNOWN, 0.0)
    said = [second for second in range(1, 300) if view.update(float(second), IMAGE, False)]
    assert len(said) == 1
    assert 60 <= said[0] <= 75
    assert view.state == "unknown"
    assert view.polygons[0] == BAY


def test_a_reference_that_shows_nothing_is_told() -> None:
    view = View([BAY], np.zeros((90, 160, 3), np.uint8))
    assert "shows too little" in view.problem
    assert view.state == "unknown"

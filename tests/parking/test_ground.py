"""What a box says about the ground, by hand."""

from __future__ import annotations

import pytest

from edge_agent.parking.ground import covered, cut, footprint, same_place, within

SQUARE = [(0.2, 0.2), (0.4, 0.2), (0.4, 0.4), (0.2, 0.4)]
DIAMOND = [(0.3, 0.2), (0.4, 0.3), (0.3, 0.4), (0.2, 0.3)]


@pytest.mark.parametrize(
    ("polygon", "box", "share"),
    [
        (SQUARE, (0.0, 0.0, 1.0, 1.0), 1.0),
        (SQUARE, (0.3, 0.0, 1.0, 1.0), 0.5),
        (SQUARE, (0.3, 0.3, 1.0, 1.0), 0.25),
        (SQUARE, (0.5, 0.5, 1.0, 1.0), 0.0),
        (DIAMOND, (0.3, 0.0, 1.0, 1.0), 0.5),
        (DIAMOND, (0.25, 0.25, 0.35, 0.35), 0.5),
        (DIAMOND, (0.0, 0.0, 0.25, 1.0), 0.125),
    ],
)
def test_share_of_a_bay_inside_a_box(
    polygon: list[tuple[float, float]], box: tuple[float, float, float, float], share: float
) -> None:
    assert covered(polygon, box) == pytest.approx(share)


def test_a_box_clips_a_bay_at_its_sides() -> None:
    assert sorted(cut(SQUARE, (0.3, 0.3, 1.0, 1.0))) == [(0.3, 0.3), (0.3, 0.4), (0.4, 0.3), (0.4, 0.4)]


def test_a_high_box_stands_on_as_much_ground_as_a_bay_is_deep() -> None:
    x1, y1, x2, y2 = footprint((0.1, 0.1, 0.3, 0.5), 0.2)
    assert (y1, y2) == (pytest.approx(0.31), 0.5)
    assert (x1, x2) == (pytest.approx(0.112), pytest.approx(0.288))


def test_a_flat_box_stands_on_all_its_ground() -> None:
    assert footprint((0.1, 0.4, 0.3, 0.5), 0.2)[1] == pytest.approx(0.4)


def test_share_of_a_box_inside_a_zone() -> None:
    assert within((0.3, 0.2, 0.5, 0.4), SQUARE) == pytest.approx(0.5)


def test_two_boxes_are_in_one_place_by_their_overlap() -> None:
    assert same_place((0.0, 0.0, 0.2, 0.2), (0.02, 0.0, 0.22, 0.2), 0.8)
    assert not same_place((0.0, 0.0, 0.2, 0.2), (0.1, 0.0, 0.3, 0.2), 0.4)
    assert not same_place((0.0, 0.0, 0.2, 0.2), (0.5, 0.5, 0.7, 0.7), 0.1)

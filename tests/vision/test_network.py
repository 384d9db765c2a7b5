"""Pictures are placed in the input as the card says, and boxes find their way back."""

import numpy as np
import pytest

from edge_agent.vision.card import Input
from edge_agent.vision.network import Placed, _letterboxed


@pytest.mark.parametrize("align", ["top-left", "centre"])
@pytest.mark.parametrize("fit", ["fixed", "rectangle"])
@pytest.mark.parametrize("size", [(1080, 1920), (720, 1280), (1000, 500), (7, 3000), (416, 416)])
def test_a_letterboxed_corner_maps_back_to_itself(align: str, fit: str, size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    canvas, placed = _letterboxed(image, Input(size=(416, 416), align=align, fit=fit))  # type: ignore[arg-type]
    height, width = size
    corners = np.array([[0, 0, width, height]], np.float32)
    scale = np.array([placed.scale_x, placed.scale_y] * 2, np.float32)
    inside = corners * scale + np.array([placed.left, placed.top] * 2, np.float32)
    assert inside.min() >= 0
    assert inside[0, 2] <= canvas.shape[1]
    assert inside[0, 3] <= canvas.shape[0]
    np.testing.assert_allclose(placed.back(inside), corners, atol=0.01)


def test_a_wide_picture_costs_a_rectangle() -> None:
    canvas, _ = _letterboxed(np.zeros((1080, 1920, 3), np.uint8), Input(size=(416, 416), fit="rectangle"))
    assert canvas.shape == (256, 416, 3)
    assert (canvas[240:] == 114).all()


def test_boxes_do_not_leave_the_picture() -> None:
    placed = Placed(0.5, 0.5, 0.0, 0.0, 100, 50)
    np.testing.assert_allclose(placed.back(np.array([[-10, -10, 500, 500]], np.float32)), [[0, 0, 100, 50]])

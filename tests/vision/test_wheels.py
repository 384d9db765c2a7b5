"""Which wheels are a truck's, and the square that is cut around one."""

import numpy as np
import pytest

from edge_agent.vision.wheels import of_truck, square

TRUCK = (100.0, 100.0, 500.0, 300.0)


def test_the_two_largest_wheels_inside_are_taken_largest_first():
    small, large, middle = (
        (120.0, 250.0, 150.0, 280.0),
        (200.0, 240.0, 250.0, 290.0),
        (400.0, 245.0, 440.0, 285.0),
    )
    assert of_truck(TRUCK, [small, large, middle]) == [large, middle]


@pytest.mark.parametrize(
    "wheel",
    [
        (520.0, 250.0, 560.0, 290.0),
        (120.0, 310.0, 160.0, 350.0),
        (120.0, 280.0, 129.0, 289.0),
        (150.0, 110.0, 450.0, 290.0),
    ],
    ids=["beside the truck", "below it", "too small to tell", "as large as the truck"],
)
def test_what_is_no_wheel_of_the_truck_is_left_out(wheel):
    assert of_truck(TRUCK, [wheel]) == []


def test_square_has_the_wheel_in_its_middle_with_the_margin_around():
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:120, 100:120] = 255
    cut = square(image, (100.0, 80.0, 120.0, 120.0), 0.25)
    assert cut.shape == (60, 60, 3)
    assert np.argwhere(cut[:, :, 0]).min(0).tolist() == [10, 20]
    assert np.argwhere(cut[:, :, 0]).max(0).tolist() == [49, 39]


def test_square_is_black_outside_the_picture():
    image = np.full((50, 50, 3), 200, np.uint8)
    cut = square(image, (30.0, 30.0, 50.0, 50.0), 0.5)
    assert cut.shape == (40, 40, 3)
    assert (cut[:30, :30] == 200).all()
    assert not cut[30:].any()
    assert not cut[:, 30:].any()


def test_square_of_a_box_outside_the_picture_is_black():
    assert not square(np.full((20, 20, 3), 9, np.uint8), (100.0, 100.0, 130.0, 130.0), 0.2).any()

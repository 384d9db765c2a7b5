"""What is hidden is gone, what is kept is untouched."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.vision.blur import outside, pixelated

edges = st.tuples(*[st.integers(0, 40)] * 4).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]) + 1, max(v[1], v[3]) + 1)
)


def test_fine_detail_is_gone_inside_and_unchanged_outside() -> None:
    """Blocks are 12.5 pixels: one column of stripes more or less is at most a 12th of half the range."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, ::2] = 255
    out = pixelated(image, ((100, 50, 200, 150),))
    inside = out[50:150, 100:200].astype(int)
    assert np.abs(inside - 127).max() <= 255 / 2 / 12
    out[50:150, 100:200] = image[50:150, 100:200]
    assert np.array_equal(out, image)


def test_boxes_at_the_edge_and_beyond_are_cut() -> None:
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    out = pixelated(image, ((-20.5, -3, 10.2, 500), (90, 10, 100, 20), (30, 30, 30, 40)))
    assert len(np.unique(out[:, :11].reshape(-1, 3), axis=0)) <= 8
    assert np.array_equal(out[:, 11:], image[:, 11:])


@given(edges, edges)
def test_outside_is_the_box_without_what_is_kept(box: tuple[int, ...], keep: tuple[int, ...]) -> None:
    counted = np.zeros((50, 50), int)
    for x1, y1, x2, y2 in outside(box, keep):  # type: ignore[arg-type]
        counted[int(y1) : int(y2), int(x1) : int(x2)] += 1
    wanted = np.zeros((50, 50), int)
    wanted[box[1] : box[3], box[0] : box[2]] = 1
    wanted[keep[1] : keep[3], keep[0] : keep[2]] = 0
    assert np.array_equal(counted, wanted)

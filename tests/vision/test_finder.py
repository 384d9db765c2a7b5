"""Bays proposed from boxes: standing places count, passing vehicles do not, regular gaps are filled."""

from __future__ import annotations

import numpy as np
import pytest

from edge_agent.config.parking import Bay, check_bays
from edge_agent.vision.detections import Box, Detection
from edge_agent.vision.finder import look, propose


def row(y: float, count: int, size: float = 0.08, pitch: float = 0.1, left: float = 0.05) -> list[Box]:
    return [(left + k * pitch, y, left + k * pitch + size, y + size) for k in range(count)]


def shaken(boxes: list[Box], seed: int) -> list[Box]:
    rng = np.random.default_rng(seed)
    return [tuple(float(v) for v in np.array(box) + rng.normal(0, 0.003, 4)) for box in boxes]  # type: ignore[misc]


def test_places_where_vehicles_stand_again_and_again_become_bays_row_by_row() -> None:
    far, near = row(0.3, 5), row(0.6, 4, 0.12, 0.15)
    pictures = [shaken([*near, *far][k % 3 :], k) for k in range(9)]
    found = propose(pictures)
    assert [bay.row for bay in found] == sorted(bay.row for bay in found)
    assert len(found) == 9
    xs = [[p[0] for p in bay.polygon] for bay in found]
    assert [min(x) for x in xs[:5]] == pytest.approx([0.05 + 0.1 * k for k in range(5)], abs=0.01)
    assert all(min(y for _, y in bay.polygon) >= bay.box[1] for bay in found)
    check_bays([Bay(id=str(k), polygon=bay.polygon) for k, bay in enumerate(found)])


def test_a_vehicle_that_drives_by_makes_no_bay() -> None:
    pictures = [[*shaken(row(0.3, 4), k), (0.08 * k, 0.7, 0.08 * k + 0.1, 0.8)] for k in range(10)]
    assert len(propose(pictures)) == 4


@pytest.mark.parametrize(("missing", "filled"), [({2}, 1), ({2, 3}, 2), ({1, 4}, 2), ({1, 2, 3, 4}, 0)])
def test_regular_gaps_of_up_to_three_bays_are_filled(missing: set[int], filled: int) -> None:
    boxes = [box for k, box in enumerate(row(0.4, 9)) if k not in missing]
    found = propose([shaken(boxes, k) for k in range(4)])
    added = [bay for bay in found if bay.seen == 0]
    assert len(added) == filled
    middles = [bay.box[0] for bay in added]
    assert middles == pytest.approx([0.05 + 0.1 * k for k in sorted(missing)][: len(middles)], abs=0.015)


def test_neighbours_that_overlap_are_drawn_in_until_the_configuration_takes_them() -> None:
    found = propose([row(0.4, 6, size=0.12, pitch=0.075)] * 3)
    check_bays([Bay(id=str(k), polygon=bay.polygon) for k, bay in enumerate(found)])
    assert len(found) == 6


def test_tiles_find_small_vehicles_once_and_leave_cut_ones_to_the_tile_that_sees_them_whole() -> None:
    """The detector stood for here sees white rectangles, cut or whole, if they are over a tenth of what it is shown."""
    image = np.zeros((400, 600, 3), np.uint8)
    places = [(90, 90, 150, 130), (280, 180, 330, 220), (500, 300, 560, 350)]
    for a, b, c, d in places:
        image[b:d, a:c] = 255

    def detect(part: np.ndarray) -> list[Detection]:
        import cv2

        contours, _ = cv2.findContours(part[..., 0].copy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [cv2.boundingRect(c) for c in contours]
        return [
            Detection("car", 0.9, (float(x), float(y), float(x + w), float(y + h)))
            for x, y, w, h in boxes
            if w > 0.12 * part.shape[1]
        ]

    assert look(image, detect, tiles=1) == []
    found = sorted(look(image, detect, tiles=3))
    expected = [(a / 600, b / 400, c / 600, d / 400) for a, b, c, d in places]
    assert np.array(found) == pytest.approx(np.array(expected), abs=0.01)


def test_nothing_seen_proposes_nothing() -> None:
    assert propose([[], []]) == []

"""Heads against answers worked out by hand."""

import numpy as np
import pytest

from edge_agent.vision.card import Head
from edge_agent.vision.heads import Array, columns, decode, fault, suppress

TWO = ["truck", "car"]


def head(kind: str, **more: object) -> Head:
    return Head(type=kind, classes=TWO, **more)  # type: ignore[arg-type]


def test_yolox_counts_cells_level_by_level_row_by_row() -> None:
    """A 64×32 input has 8·4 cells of stride 8, 4·2 of 16, 2·1 of 32: box 37 is row 1, column 1 of stride 16."""
    raw = np.zeros((1, 32 + 8 + 2, 7), np.float32)
    raw[0, 37] = [0.5, 0.25, np.log(2.0), np.log(1.0), 0.8, 0.5, 0.25]
    boxes, scores = decode(head("yolox"), raw, (32, 64))
    centre_x, centre_y, width, height = 1.5 * 16, 1.25 * 16, 2 * 16, 1 * 16
    expected = [centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2]
    np.testing.assert_allclose(boxes[37], expected, rtol=1e-6)
    np.testing.assert_allclose(scores[37], [0.4, 0.2], rtol=1e-6)


def test_yolox_decoded_inside_the_model_is_taken_as_pixels() -> None:
    raw = np.array([[[50, 40, 20, 10, 0.5, 1.0, 0.0]]], np.float32)
    boxes, scores = decode(head("yolox", decoded=True), raw, (64, 64))
    np.testing.assert_allclose(boxes, [[40, 35, 60, 45]])
    np.testing.assert_allclose(scores, [[0.5, 0.0]])


def test_yolov5_multiplies_objectness() -> None:
    raw = np.array([[[50, 40, 20, 10, 0.5, 0.6, 0.2]]], np.float32)
    boxes, scores = decode(head("yolov5"), raw, (64, 64))
    np.testing.assert_allclose(boxes, [[40, 35, 60, 45]])
    np.testing.assert_allclose(scores, [[0.3, 0.1]], rtol=1e-6)


def test_yolov8_lies_on_its_side_and_has_no_objectness() -> None:
    raw = np.array([[50, 40, 20, 10, 0.6, 0.2]], np.float32).T[None]
    boxes, scores = decode(head("yolov8"), raw, (64, 64))
    np.testing.assert_allclose(boxes, [[40, 35, 60, 45]])
    np.testing.assert_allclose(scores, [[0.6, 0.2]])


def test_end_to_end_has_corners_score_and_class_and_ignores_classes_it_does_not_know() -> None:
    raw = np.array([[[40, 35, 60, 45, 0.9, 1], [0, 0, 5, 5, 0.8, 7]]], np.float32)
    boxes, scores = decode(head("end2end"), raw, (64, 64))
    np.testing.assert_allclose(boxes[0], [40, 35, 60, 45])
    np.testing.assert_allclose(scores, [[0, 0.9], [0, 0]])


@pytest.mark.parametrize(
    ("kind", "shape"), [("yolox", (1, 9, 7)), ("yolov5", (1, 9, 7)), ("yolov8", (1, 6, 9)), ("end2end", (1, 9, 6))]
)
def test_a_wrong_shape_is_told_with_both_shapes(kind: str, shape: tuple[int, ...]) -> None:
    assert fault(head(kind), np.zeros(shape, np.float32)) == ""
    wrong = np.zeros((1, 85, 85), np.float32)
    assert "[1, 85, 85]" in fault(head(kind), wrong)
    assert str(columns(head(kind))) in fault(head(kind), wrong)


def test_suppression_keeps_the_best_of_what_overlaps_and_all_that_does_not() -> None:
    boxes: Array = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 5, 10, 15]], np.float32)
    scores: Array = np.array([0.6, 0.9, 0.5, 0.4], np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert suppress(boxes, scores, 0.2).tolist() == [1, 2]

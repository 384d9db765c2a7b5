"""Pictures are placed in the input as the card says, and boxes find their way back."""

import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.slow
def test_onnxruntime_reports_nothing_to_its_maker(tmp_path: Path) -> None:
    """Left alone, version 1.32 leaves a device id and a database of events to send in the home folder."""
    program = (
        "from edge_agent.vision.state import StateClassifier\nStateClassifier.load('truck-state')\n"
        "import onnxruntime; print(onnxruntime.__version__)"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI")}
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=environment | {"HOME": str(tmp_path)}, stdout=subprocess.PIPE, check=True)
    assert list(tmp_path.iterdir()) == []

"""An ONNX model opened with onnxruntime: pictures in, arrays out. One thread, no memory arena kept between runs.

Preprocessing follows the card. A letterboxed picture keeps its aspect; ``Placed`` says how to map boxes back.

onnxruntime 1.32 reports machine, program and models to its maker over HTTPS and keeps a database of that in
the home folder. A device speaks to its configured destinations and to nobody else: that is off before it is imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_agent.errors import ModelError
from edge_agent.vision.card import Card, Input

Image = NDArray[np.uint8]
Array = NDArray[np.float32]

_MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a picture of ``width`` × ``height`` sits in the model's input: x_input = x · ``scale_x`` + ``left``."""

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: int
    height: int

    def back(self, boxes: Array) -> Array:
        """N×4 boxes x1, y1, x2, y2 of the input, in pixels of the picture and inside it."""
        shift = np.array([self.left, self.top] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        inside: Array = np.clip((boxes - shift) / scale, 0, np.array([self.width, self.height] * 2, np.float32))
        return inside


class Network:
    """A checked session. Raises ModelError when the file is no model, or not of the shape its card says."""

    def __init__(self, card: Card, file: Path, channels: int = 3) -> None:
        self.card = card
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            first = str(error).splitlines()[0]
            raise ModelError(f"{file}: onnxruntime cannot open it: {first}") from error
        self._inputs = self._session.get_inputs()
        self._file = file
        if len(self._inputs) != 1 or len(self._inputs[0].shape) != 4:
            shapes = [list(each.shape) for each in self._inputs]
            raise ModelError(f"{file}: needed is one input 1×{channels}×height×width, the model has {shapes}")
        self.output_names = [each.name for each in self._session.get_outputs()]
        height, width = card.input.size
        self.probe = self.run(np.zeros((1, channels, height, width), np.float32))

    def run(self, x: Array) -> list[Array]:
        """The outputs for a prepared N×channels×H×W input."""
        try:
            outputs: list[Array] = self._session.run(None, {self._inputs[0].name: x})
        except Exception as error:
            raise ModelError(
                f"{self._file}: does not take {list(x.shape)} as its card says (its own input is "
                f"{list(self._inputs[0].shape)}): {str(error).splitlines()[0]}"
            ) from error
        return outputs

    def prepare(self, image: Image) -> tuple[Array, Placed]:
        """H×W×3 BGR uint8 as the model's input, and how it was placed."""
        wanted = self.card.input
        height, width = image.shape[:2]
        if wanted.resize == "stretch":
            rows, columns = wanted.size
            placed = Placed(columns / width, rows / height, 0.0, 0.0, width, height)
            canvas = _resized(image, columns, rows)
        else:
            canvas, placed = _letterboxed(image, wanted)
        if wanted.colour == "rgb":
            canvas = canvas[:, :, ::-1]
        x = np.empty((1, 3, *canvas.shape[:2]), np.float32)
        for channel in range(3):
            np.multiply(canvas[:, :, channel], wanted.scale / wanted.std[channel], out=x[0, channel], casting="unsafe")
            if wanted.mean[channel]:
                x[0, channel] -= wanted.mean[channel] / wanted.std[channel]
        return x, placed


def _letterboxed(image: Image, wanted: Input) -> tuple[Image, Placed]:
    height, width = image.shape[:2]
    rows, columns = wanted.size
    scale = min(rows / height, columns / width)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    if wanted.fit == "rectangle":
        rows, columns = _padded(inner_height), _padded(inner_width)
    left, top = 0, 0
    if wanted.align == "centre":
        left, top = (columns - inner_width) // 2, (rows - inner_height) // 2
    canvas: Image = np.full((rows, columns, 3), wanted.pad, np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = _resized(image, inner_width, inner_height)
    return canvas, Placed(inner_width / width, inner_height / height, left, top, width, height)


def _padded(side: int) -> int:
    return -(-side // _MULTIPLE) * _MULTIPLE


def _resized(image: Image, width: int, height: int) -> Image:
    """Halved by averaging 2×2 pixels, which costs under 1 ms at 1080p, while twice too many are left; then linear."""
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    resized: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized

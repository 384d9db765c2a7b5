"""MobileNetV2 1.0: its blocks, and its weights from Google's 8-bit TFLite file (Apache-2.0) as floats.

The TFLite file holds convolutions with the batch normalisation already folded in. Weight = (q - zero_point) * scale
(TensorFlow Lite 8-bit quantisation specification).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

BLOCKS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
"""Expansion, channels, repeats, first stride (Sandler et al. 2018, table 2)."""


def load_tflite(convolutions: Sequence[nn.Conv2d], path: Path) -> None:
    """Fills `convolutions`, in the order in which they run, from a quantised MobileNetV2 1.0, which may hold more.

    Raises ValueError when the file does not hold the 53 convolutions of MobileNetV2 1.0 and its classifier.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    weights: list[tuple[Tensor, Tensor]] = []
    for op in interpreter._get_ops_details():
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            kernel, bias = (details[int(i)] for i in op["inputs"][1:3])
            k = _dequantised(interpreter, kernel)
            order = (3, 0, 1, 2) if op["op_name"] == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
            weights.append(
                (torch.from_numpy(k.transpose(order).copy()), torch.from_numpy(_dequantised(interpreter, bias)))
            )
    if len(weights) != 53:
        raise ValueError(f"{path}: {len(weights)} convolutions found, MobileNetV2 1.0 has 53")
    with torch.no_grad():
        for conv, (kernel, bias) in zip(convolutions, weights, strict=False):
            if kernel.shape != conv.weight.shape:
                raise ValueError(f"{path}: a kernel of {tuple(kernel.shape)}, expected {tuple(conv.weight.shape)}")
            conv.weight.copy_(kernel)
            assert conv.bias is not None
            conv.bias.copy_(bias)


def _dequantised(interpreter: object, detail: dict[str, object]) -> np.ndarray:
    values = interpreter.get_tensor(detail["index"]).astype(np.float32)  # type: ignore[attr-defined]
    parameters = detail["quantization_parameters"]
    scales, zeros = parameters["scales"], parameters["zero_points"]  # type: ignore[index]
    shape = [1] * values.ndim
    if len(scales) > 1:
        shape[parameters["quantized_dimension"]] = len(scales)  # type: ignore[index]
    return (values - zeros.reshape(shape).astype(np.float32)) * scales.reshape(shape)

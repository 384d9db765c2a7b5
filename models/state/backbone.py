"""MobileNetV2 1.0 as a float network whose first weights come from Google's 8-bit TFLite file (Apache-2.0).

The TFLite file holds convolutions with the batch normalisation already folded in, so this network has biases and no
normalisation layers. Weight = (q - zero_point) * scale (TensorFlow Lite 8-bit quantisation specification).
Input: N x 3 x H x W, RGB, (pixel - 128) / 128, H and W multiples of 32.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

BLOCKS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
"""Expansion, channels, repeats, first stride (Sandler et al. 2018, table 2)."""

FINE, MIDDLE, LAST = 2, 5, 12
"""Blocks whose outputs are handed on: 24 channels at stride 4, 32 at 8, 96 at 16. Those behind are left out."""

CHANNELS = 96 + 2 * 32 + 2 * 24 + 3
"""Of the stacked map: LAST, then mean and maximum of MIDDLE and FINE and the mean colour, all at stride 16."""


class SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: with stride 2 on even sizes only right and below."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return super().forward(x)
        before = (kernel - stride) // 2
        after = kernel - stride - before
        return super().forward(functional.pad(x, (before, after, before, after)))


class Block(nn.Module):
    """An inverted residual: 1x1 up (unless expansion is 1), depthwise 3x3, 1x1 down without activation."""

    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expand = SameConv(inputs, middle, 1) if expansion > 1 else None
        self.depthwise = SameConv(middle, middle, 3, stride=stride, groups=middle)
        self.project = SameConv(middle, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class Backbone(nn.Module):
    """Gives one map N x CHANNELS x H/16 x W/16: what is seen, and in which colour and texture."""

    def __init__(self, last: int = LAST) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, stride=2)
        blocks: list[Block] = []
        channels = 32
        for expansion, outputs, repeats, stride in BLOCKS:
            for index in range(repeats):
                if len(blocks) <= last:
                    blocks.append(Block(channels, expansion, outputs, stride if index == 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        colour = functional.avg_pool2d(x, 16)
        x = functional.relu6(self.stem(x))
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in (MIDDLE, FINE):
                cell = 2 if index == MIDDLE else 4
                maps += [functional.avg_pool2d(x, cell), functional.max_pool2d(x, cell)]
            if index == LAST:
                break
        return torch.cat([x, *maps, colour], dim=1)

    def convolutions(self) -> list[nn.Conv2d]:
        """All convolutions in the order in which they run, which is the order of the TFLite file."""
        found: list[nn.Conv2d] = [self.stem]
        for block in self.blocks:
            found += [c for c in (block.expand, block.depthwise, block.project) if c is not None]
        return found


def load_tflite(backbone: Backbone, path: Path) -> list[tuple[Tensor, Tensor]]:
    """Fills `backbone` from a quantised MobileNetV2 1.0; returns the (kernel, bias) pairs that it does not hold.

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
    convolutions = backbone.convolutions()
    if len(weights) != 53:
        raise ValueError(f"{path}: {len(weights)} convolutions found, MobileNetV2 1.0 has 53")
    with torch.no_grad():
        for conv, (kernel, bias) in zip(convolutions, weights, strict=False):
            if kernel.shape != conv.weight.shape:
                raise ValueError(f"{path}: a kernel of {tuple(kernel.shape)}, expected {tuple(conv.weight.shape)}")
            conv.weight.copy_(kernel)
            assert conv.bias is not None
            conv.bias.copy_(bias)
    return weights[len(convolutions) :]


def _dequantised(interpreter: object, detail: dict[str, object]) -> np.ndarray:
    values = interpreter.get_tensor(detail["index"]).astype(np.float32)  # type: ignore[attr-defined]
    parameters = detail["quantization_parameters"]
    scales, zeros = parameters["scales"], parameters["zero_points"]  # type: ignore[index]
    shape = [1] * values.ndim
    if len(scales) > 1:
        shape[parameters["quantized_dimension"]] = len(scales)  # type: ignore[index]
    return (values - zeros.reshape(shape).astype(np.float32)) * scales.reshape(shape)

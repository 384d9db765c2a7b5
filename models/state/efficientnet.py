"""EfficientNet-Lite0 up to its fifth stage, with the weights Google trained on ImageNet (Apache-2.0).

Source: Tan and Le 2019, table 1, without squeeze-and-excitation and with ReLU6 (EfficientNet-Lite). Batch
normalisation is folded into the convolutions (epsilon 1e-3), so there are biases and no normalisation layers.
Input: N x 3 x H x W, RGB, (pixel - 128) / 128, H and W multiples of 32.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.convolutions import Block, SameConv

STAGES = [(1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1)]
"""Expansion, channels, repeats, kernel, first stride."""

FINE, MIDDLE, LAST = 2, 4, 10
"""Blocks whose outputs are handed on: 24 channels at stride 4, 40 at 8, 112 at 16."""

CHANNELS = 112 + 2 * 40 + 2 * 24 + 3
"""Of the stacked map: LAST, then mean and maximum of MIDDLE and FINE and the mean colour, all at stride 16."""

_EPSILON = 1e-3


class Backbone(nn.Module):
    """Gives one map N x CHANNELS x H/16 x W/16: what is seen, and in which colour and texture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, stride=2)
        blocks: list[Block] = []
        channels = 32
        for expansion, outputs, repeats, kernel, stride in STAGES:
            for index in range(repeats):
                blocks.append(Block(channels, expansion, outputs, kernel, stride if index == 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def early(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Edges and colours, which stay as published: the map after block FINE, and the mean colour at stride 16."""
        colour = functional.avg_pool2d(x, 16)
        x = functional.relu6(self.stem(x))
        for block in self.blocks[: FINE + 1]:
            x = block(x)
        return x, colour

    def late(self, x: Tensor, colour: Tensor) -> Tensor:
        """The rest, which is trained on."""
        maps = [functional.avg_pool2d(x, 4), functional.max_pool2d(x, 4)]
        for index, block in enumerate(self.blocks[FINE + 1 :], start=FINE + 1):
            x = block(x)
            if index == MIDDLE:
                maps = [functional.avg_pool2d(x, 2), functional.max_pool2d(x, 2), *maps]
        return torch.cat([x, *maps, colour], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.late(*self.early(x))


def load_published(backbone: Backbone, path: Path) -> None:
    """Fills ``backbone`` from the PyTorch checkpoint of EfficientNet-Lite0.

    Raises ValueError when a tensor is missing or has another shape.
    """
    saved = torch.load(path, map_location="cpu", weights_only=True)
    pairs: list[tuple[nn.Conv2d, str, str]] = [(backbone.stem, "_conv_stem", "_bn0")]
    for index, block in enumerate(backbone.blocks):
        assert isinstance(block, Block)
        name = f"_blocks.{index}."
        if block.expand is not None:
            pairs.append((block.expand, f"{name}_expand_conv", f"{name}_bn0"))
        pairs.append((block.depthwise, f"{name}_depthwise_conv", f"{name}_bn1"))
        pairs.append((block.project, f"{name}_project_conv", f"{name}_bn2"))
    with torch.no_grad():
        for conv, kernel_name, norm in pairs:
            try:
                kernel = saved[f"{kernel_name}.weight"]
                scale = saved[f"{norm}.weight"] / (saved[f"{norm}.running_var"] + _EPSILON).sqrt()
                shift = saved[f"{norm}.bias"] - saved[f"{norm}.running_mean"] * scale
            except KeyError as error:
                raise ValueError(f"{path}: {error} is missing; this is no EfficientNet-Lite0") from error
            if kernel.shape != conv.weight.shape:
                raise ValueError(f"{path}: {kernel_name} is {tuple(kernel.shape)}, not {tuple(conv.weight.shape)}")
            conv.weight.copy_(kernel * scale[:, None, None, None])
            assert conv.bias is not None
            conv.bias.copy_(shift)

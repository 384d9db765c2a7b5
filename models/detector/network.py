"""YOLOX-nano in plain PyTorch, batch normalisation folded away.

Structure (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430): depthwise CSPDarknet of width 0.25
and depth 0.33, PAFPN neck, decoupled head on strides 8, 16, 32.

Invariants:
- Submodules are registered in the order in which the forward pass runs them, so that the n-th convolution here is
  the n-th Conv node of the published ONNX file (see `pretrained`).
- The stem is one 6x6 convolution of stride 2. It equals the published space-to-depth followed by a 3x3 convolution
  and costs no strided slices.
- Input N×3×H×W, BGR, 0..255, H and W multiples of 32. Raw output N×A×(5+C) of logits: x, y (offset in cells), log w,
  log h (in strides), objectness, classes; A = HW/64 + HW/256 + HW/1024, level by level, row by row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.detector import CLASSES


class Conv(nn.Sequential):
    """Convolution with bias, then SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups),
            nn.SiLU(inplace=True),
        )


class Separable(nn.Sequential):
    """3x3 depthwise convolution, then 1x1."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = Conv(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = Conv(inputs, outputs)


class Bottleneck(nn.Module):
    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.reduce = Conv(channels, channels)
        self.spatial = Separable(channels, channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.spatial(self.reduce(x))
        return x + y if self.shortcut else y


class CrossStage(nn.Module):
    """Cross-stage partial block: half of the channels go through the bottlenecks, half pass by."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.through = Conv(inputs, half)
        self.past = Conv(inputs, half)
        self.blocks = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(depth)))
        self.merge = Conv(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        past = self.past(x)
        y: Tensor = self.merge(torch.cat((self.blocks(self.through(x)), past), 1))
        return y


class PyramidPooling(nn.Module):
    """Maximum over 5, 9 and 13 pixels, as a chain of 5x5 pools."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = Conv(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.merge = Conv(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        five = self.pool(x)
        nine = self.pool(five)
        y: Tensor = self.merge(torch.cat((x, five, nine, self.pool(nine)), 1))
        return y


class Head(nn.Module):
    """Decoupled head of one level."""

    def __init__(self, inputs: int, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = Conv(inputs, channels)
        self.class_tower = nn.Sequential(Separable(channels, channels), Separable(channels, channels))
        self.classes = nn.Conv2d(channels, classes, 1)
        self.box_tower = nn.Sequential(Separable(channels, channels), Separable(channels, channels))
        self.box = nn.Conv2d(channels, 4, 1)
        self.objectness = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        boxes = self.box_tower(x)
        return torch.cat((self.box(boxes), self.objectness(boxes), self.classes(self.class_tower(x))), 1)


class YoloxNano(nn.Module):
    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.stem = Conv(3, 16, 6, 2)
        self.stage2 = nn.Sequential(Separable(16, 32, 2), CrossStage(32, 32, 1, True))
        self.stage3 = nn.Sequential(Separable(32, 64, 2), CrossStage(64, 64, 3, True))
        self.stage4 = nn.Sequential(Separable(64, 128, 2), CrossStage(128, 128, 3, True))
        self.stage5 = nn.Sequential(Separable(128, 256, 2), PyramidPooling(256), CrossStage(256, 256, 1, False))
        self.lateral5 = Conv(256, 128)
        self.top4 = CrossStage(256, 128, 1, False)
        self.lateral4 = Conv(128, 64)
        self.top3 = CrossStage(128, 64, 1, False)
        self.down3 = Separable(64, 64, 2)
        self.bottom4 = CrossStage(128, 128, 1, False)
        self.down4 = Separable(128, 128, 2)
        self.bottom5 = CrossStage(256, 256, 1, False)
        self.heads = nn.ModuleList(Head(c, 64, classes) for c in (64, 128, 256))
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")

    def levels(self, x: Tensor) -> list[Tensor]:
        """Head logits of each stride, N×(5+C)×H/s×W/s."""
        c3 = self.stage3(self.stage2(self.stem(x)))
        c4 = self.stage4(c3)
        c5 = self.stage5(c4)
        lateral5 = self.lateral5(c5)
        lateral4 = self.lateral4(self.top4(torch.cat((self.upsample(lateral5), c4), 1)))
        p3 = self.top3(torch.cat((self.upsample(lateral4), c3), 1))
        p4 = self.bottom4(torch.cat((self.down3(p3), lateral4), 1))
        p5 = self.bottom5(torch.cat((self.down4(p4), lateral5), 1))
        return [head(p) for head, p in zip(self.heads, (p3, p4, p5), strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([level.flatten(2) for level in self.levels(x)], 2).transpose(1, 2)


class Deployed(nn.Module):
    """What is exported: objectness and classes through the sigmoid, boxes in strides and not yet on the grid."""

    def __init__(self, network: YoloxNano) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        levels = [torch.cat((level[:, :4], level[:, 4:].sigmoid()), 1).flatten(2) for level in self.network.levels(x)]
        return torch.cat(levels, 2).transpose(1, 2)

"""The bay-state network: MobileNetV2 up to block 12 that also sees which part of the picture the bay is.

Input N x 4 x S x S: RGB as (pixel - 128) / 128 and the bay's mask (1 inside its polygon). The mask enters, from zero,
behind block FROZEN and weighs the pooling; what lies before keeps its ImageNet weights. Output: logits N x 2, free and
occupied.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.bay.mobilenet import BLOCKS
from models.convolutions import Block, SameConv

SIDE = 64
FROZEN, MIDDLE, LAST = 2, 5, 12
FEATURES = 2 * 96 + 2 * 32


class BayState(nn.Module):
    """`convolutions` are in the order of the TFLite file, so that `load_tflite` can fill all but the mask's weights."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, stride=2)
        self.mask = SameConv(1, 24, 3)
        nn.init.zeros_(self.mask.weight)
        assert self.mask.bias is not None
        nn.init.zeros_(self.mask.bias)
        blocks: list[Block] = []
        channels = 32
        for expansion, outputs, repeats, stride in BLOCKS:
            for index in range(repeats):
                if len(blocks) <= LAST:
                    blocks.append(Block(channels, expansion, outputs, 3, stride if index == 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(FEATURES, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        picture, mask = x[:, :3], x[:, 3:]
        y = functional.relu6(self.stem(picture))
        pooled: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            y = block(y)
            if index == FROZEN:
                y = y.detach() + self.mask(functional.avg_pool2d(mask, 4))
            if index in (MIDDLE, LAST):
                cell = 8 if index == MIDDLE else 16
                weight = functional.avg_pool2d(mask, cell) + 1e-3
                pooled.append((y * weight).sum((2, 3)) / weight.sum((2, 3)))
                pooled.append(y.mean((2, 3)))
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits

    def convolutions(self) -> list[nn.Conv2d]:
        found: list[nn.Conv2d] = [self.stem]
        for block in self.blocks:
            found += [c for c in (block.expand, block.depthwise, block.project) if c is not None]
        return found

    def tuned(self) -> list[nn.Parameter]:
        """The parameters that started from ImageNet and go on learning."""
        return [p for block in self.blocks[FROZEN + 1 :] for p in block.parameters()]

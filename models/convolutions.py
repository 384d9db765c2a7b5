"""Convolutions of TensorFlow's mobile networks; their batch normalisation is folded in, so there are biases instead."""

import torch.nn.functional as functional
from torch import Tensor, nn


class SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: with stride 2 on even sizes more right and below."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return super().forward(x)
        before = (kernel - stride) // 2
        after = kernel - stride - before
        return super().forward(functional.pad(x, (before, after, before, after)))


class Block(nn.Module):
    """An inverted residual: 1x1 up (unless expansion is 1), depthwise, 1x1 down without activation."""

    def __init__(self, inputs: int, expansion: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expand = SameConv(inputs, middle, 1) if expansion > 1 else None
        self.depthwise = SameConv(middle, middle, kernel, stride=stride, groups=middle)
        self.project = SameConv(middle, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.residual else y

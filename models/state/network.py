"""The truck-state network: a backbone, a small neck, two attention-pooled heads.

Load is seen in the bed, wheels at the ground: each head has its own attention over the map's positions and learns
where to look. Features: N x 486, mean and spread of each of the backbone's maps over the picture. A head is corrected
on them at the post: what the neck drops because it does not hold between sites tells the states of one camera apart.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.state.efficientnet import CHANNELS, FINE, Backbone

WIDTH = 96


class Mix(nn.Module):
    """A residual step over the map: depthwise 5x5, then 1x1, both normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH, bias=False)
        self.first = nn.BatchNorm2d(WIDTH)
        self.point = nn.Conv2d(WIDTH, WIDTH, 1, bias=False)
        self.second = nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.relu(self.second(self.point(self.first(self.depthwise(x)))))


class Head(nn.Module):
    """Its own step over the map, attention pooling, 4 logits."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.mix = Mix()
        self.score = nn.Conv2d(WIDTH, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(WIDTH, 4)

    def features(self, x: Tensor) -> Tensor:
        x = self.mix(x)
        weight = self.score(x).flatten(2).softmax(dim=2)
        return torch.matmul(x.flatten(2), weight.transpose(1, 2)).squeeze(2)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.dropout(features))


def statistics(maps: Tensor) -> Tensor:
    """Mean and standard deviation of each map: N x 2C of N x C x H x W."""
    mean = maps.mean(dim=(2, 3))
    variance = (maps - mean[:, :, None, None]).square().mean(dim=(2, 3))
    return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)


@dataclass(frozen=True)
class Answer:
    """Logits N x 4 each, in the order of data.LOAD and data.WHEELS, and what the heads read, N x 192."""

    load: Tensor
    wheels: Tensor
    features: Tensor


class TruckState(nn.Module):
    """`forward` gives the ONNX outputs load, wheels, features of N x 3 x S x S pictures ((pixel - 128) / 128, RGB)."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.register_buffer("mean", torch.zeros(1, CHANNELS, 1, 1))
        self.register_buffer("spread", torch.ones(1, CHANNELS, 1, 1))
        self.forget = nn.Dropout2d(0.1)
        self.enter = nn.Conv2d(CHANNELS, WIDTH, 1, bias=False)
        self.normal = nn.BatchNorm2d(WIDTH)
        self.mix = Mix()
        self.load = Head(dropout)
        self.wheels = Head(dropout)

    def judge(self, maps: Tensor) -> Answer:
        """From the backbone's maps on."""
        x = self.forget((maps - self.mean) / self.spread)
        x = self.mix(functional.relu(self.normal(self.enter(x))))
        of_load, of_wheels = self.load.features(x), self.wheels.features(x)
        return Answer(self.load(of_load), self.wheels(of_wheels), torch.cat([of_load, of_wheels], dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.backbone(x)
        answer = self.judge(maps)
        return answer.load, answer.wheels, statistics(maps)

    def trained(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of the backbone's later blocks, and of all that stands behind it."""
        late = [p for block in self.backbone.blocks[FINE + 1 :] for p in block.parameters()]
        return late, [p for name, p in self.named_parameters() if not name.startswith("backbone.")]

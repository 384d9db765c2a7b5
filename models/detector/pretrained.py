"""Starting weights: the published YOLOX-nano ONNX (COCO, 80 classes) read into `YoloxNano`.

The file's batch normalisation is folded into its convolutions, so the n-th Conv node gives the n-th convolution of the
network. The stem's 3x3 kernel over the space-to-depth channels becomes the equal 6x6 kernel of stride 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.detector import CLASSES
from models.detector.network import YoloxNano

COCO_CLASSES = 80
COCO_BICYCLE, COCO_CAR, COCO_MOTORCYCLE, COCO_BUS, COCO_TRAIN, COCO_TRUCK = 1, 2, 3, 5, 6, 7
# Space-to-depth order of the published stem: (row, column) offset of each group of three channels.
PATCHES = ((0, 0), (1, 0), (0, 1), (1, 1))


def load_published(path: Path) -> YoloxNano:
    """The 80-class network with the weights of the published ONNX file.

    Raises ValueError when the file's convolutions are not those of YOLOX-nano.
    """
    graph = onnx.load(str(path)).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [(constants[node.input[1]], constants[node.input[2]]) for node in graph.node if node.op_type == "Conv"]
    network = YoloxNano(COCO_CLASSES)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if len(weights) != len(convolutions):
        raise ValueError(f"{path}: {len(weights)} convolutions, YOLOX-nano has {len(convolutions)}")
    weights[0] = (_unfold_stem(weights[0][0]), weights[0][1])
    with torch.no_grad():
        for index, (convolution, (kernel, bias)) in enumerate(zip(convolutions, weights, strict=True)):
            if kernel.shape != tuple(convolution.weight.shape):
                raise ValueError(
                    f"{path}: convolution {index} is {kernel.shape}, YOLOX-nano has {tuple(convolution.weight.shape)}"
                )
            convolution.weight.copy_(torch.from_numpy(np.array(kernel)))
            if convolution.bias is not None:
                convolution.bias.copy_(torch.from_numpy(np.array(bias)))
    return network


def _unfold_stem(kernel: np.ndarray) -> np.ndarray:
    """16×12×3×3 over space-to-depth channels to the equal 16×3×6×6 of stride 2."""
    unfolded = np.zeros((kernel.shape[0], 3, 6, 6), np.float32)
    for group, (row, column) in enumerate(PATCHES):
        unfolded[:, :, row::2, column::2] = kernel[:, 3 * group : 3 * group + 3]
    return unfolded


def with_our_classes(published: YoloxNano) -> YoloxNano:
    """The same network with the class rows of truck, bus and car kept.

    other_vehicle starts from motorcycle's row and wheel from bicycle's, both with a bias that keeps them silent until
    they are trained.
    """
    sources = {
        "truck": COCO_TRUCK,
        "bus": COCO_BUS,
        "car": COCO_CAR,
        "other_vehicle": COCO_MOTORCYCLE,
        "wheel": COCO_BICYCLE,
    }
    rows = torch.tensor([sources[name] for name in CLASSES])
    silent = torch.tensor([name in ("other_vehicle", "wheel") for name in CLASSES])
    reduced = YoloxNano(len(CLASSES))
    state: dict[str, Tensor] = published.state_dict()
    for key in list(state):
        if ".classes." in key:
            state[key] = state[key][rows].clone()
            if key.endswith("bias"):
                state[key][silent] -= 6.0
    reduced.load_state_dict(state)
    return reduced

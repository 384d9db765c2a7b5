"""Writes YOLO11n 640 with random weights as ONNX, for timing only: ``python -m benchmarks.yolo11n OUT.onnx``.

The package ``ultralytics`` wants torchvision, of which no build for a bare CPU exists beside ours; building the network
does not need it, so a stand-in module lets the package be imported.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import sys
import types
from pathlib import Path

_STAND_IN = "torchvision"


def main() -> None:
    _stand_in()
    import torch
    import ultralytics
    import yaml
    from ultralytics.nn.tasks import DetectionModel

    layout = next(Path(ultralytics.__file__).parent.rglob("yolo11.yaml"))
    network = DetectionModel(yaml.safe_load(layout.read_text()) | {"scale": "n"}, verbose=False).eval().fuse()
    for module in network.modules():
        if hasattr(module, "export"):
            module.export, module.format = True, "onnx"
    torch.onnx.export(network, torch.zeros(1, 3, 640, 640), sys.argv[1], dynamo=False, opset_version=17)


def _stand_in() -> None:
    module = types.ModuleType(_STAND_IN)
    module.__spec__ = importlib.machinery.ModuleSpec(_STAND_IN, None)
    sys.modules[_STAND_IN] = module
    known = importlib.metadata.version
    importlib.metadata.version = lambda name: "0.0" if name == _STAND_IN else known(name)


if __name__ == "__main__":
    main()

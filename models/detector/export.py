"""Write a trained network as ONNX with its card: `python -m models.detector.export --checkpoint FILE --out models`.

The ONNX has a dynamic height and width and is compared with the network's own output on three input sizes; a
difference above 1e-3 is an error. `--published FILE` exports the published COCO weights reduced to our classes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from models.detector import CLASSES, card
from models.detector.network import Deployed, YoloxNano
from models.detector.pretrained import load_published, with_our_classes

CHECKED_SIZES = ((416, 416), (256, 416), (320, 224))
TOLERANCE = 1e-3
OPSET = 17


def export(network: YoloxNano, path: Path) -> float:
    """Write the ONNX and give the largest absolute difference to the network's output.

    Raises ValueError above `TOLERANCE`; the file is not kept then.
    """
    deployed = Deployed(network.eval())
    draft = path.with_suffix(".draft")
    torch.onnx.export(
        deployed,
        (torch.zeros(1, 3, *CHECKED_SIZES[0]),),
        str(draft),
        input_names=["images"],
        output_names=["output"],
        dynamic_axes={"images": {2: "height", 3: "width"}, "output": {1: "anchors"}},
        opset_version=OPSET,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(draft), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    worst = 0.0
    for size in CHECKED_SIZES:
        images = random.uniform(0, 255, (1, 3, *size)).astype(np.float32)
        with torch.no_grad():
            expected = deployed(torch.from_numpy(images)).numpy()
        (output,) = session.run(None, {"images": images})
        worst = max(worst, float(np.abs(expected - output).max()))
    if worst > TOLERANCE:
        draft.unlink()
        raise ValueError(f"the ONNX output differs from the network by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    draft.replace(path)
    return worst


def write(checkpoint: Path, version: str, out: Path, size: tuple[int, int] = (416, 416)) -> tuple[Path, float]:
    """Write the ONNX of a checkpoint of `models.detector.train` and its card into `out`; give its path and how far it
    is off at most. Raises ValueError as `export` does."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = YoloxNano(len(CLASSES))
    network.load_state_dict(saved["network"])
    return _written(network, version, out, size, saved["data"])


def _written(
    network: YoloxNano, version: str, out: Path, size: tuple[int, int], data: dict[str, str]
) -> tuple[Path, float]:
    out.mkdir(parents=True, exist_ok=True)
    model = out / "truck-detector.onnx"
    difference = export(network, model)
    card.write(card.describe(version, model, size, data), model.with_suffix(".toml"))
    return model, difference


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="models.detector.export", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="written by models.detector.train")
    source.add_argument("--published", type=Path, help="yolox_nano.onnx")
    parser.add_argument("--version", required=True, help="version of the model, such as 0.2.0")
    parser.add_argument("--size", type=int, nargs=2, default=(416, 416), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--out", type=Path, required=True, help="folder of truck-detector.onnx and .toml")
    given = parser.parse_args(arguments)
    height, width = given.size
    if given.published:
        said = "CC BY 4.0 annotations; weights as published, not fine-tuned: other_vehicle and wheel are silent"
        network = with_our_classes(load_published(given.published))
        model, difference = _written(network, given.version, given.out, (height, width), {"coco": said})
    else:
        model, difference = write(given.checkpoint, given.version, given.out, (height, width))
    print(f"{model}: {model.stat().st_size} bytes, largest difference to the network {difference:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

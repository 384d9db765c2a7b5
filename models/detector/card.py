"""The detector's model card, `models/truck-detector.toml`: read, checked and written here and nowhere else.

Everything the runtime needs to prepare a picture and to read the output stands in the card; `[data]` and `[measured]`
are for people.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.detector import CLASSES, STRIDES

ORIGIN = (
    "Fine-tuned from YOLOX-nano (COCO), Apache-2.0, copyright Megvii Inc.; the repository the copy of the weights was "
    "taken from states no licence of its own"
)


def describe(version: str, model: Path, size: tuple[int, int], data: Mapping[str, str]) -> dict[str, Any]:
    """The card of an exported model; `size` is height, width of the largest letterbox."""
    return {
        "name": "truck-detector",
        "version": version,
        "task": "detect",
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "origin": ORIGIN,
        "input": {
            "size": list(size),
            "resize": "letterbox",
            "align": "top-left",
            "pad": 114,
            "fit": "rectangle",
            "colour": "bgr",
            "scale": 1.0,
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
        },
        "head": {
            "type": "yolox",
            "decoded": False,
            "strides": list(STRIDES),
            "classes": list(CLASSES),
            "score_threshold": 0.25,
            "iou_threshold": 0.5,
        },
        "data": dict(data),
        "measured": {},
    }


def read(path: Path) -> dict[str, Any]:
    """The card at `path`. Raises ValueError when the model beside it is not the one the card names."""
    card = tomllib.loads(path.read_text("utf-8"))
    model = path.with_name(card["file"])
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    if digest != card["sha256"]:
        raise ValueError(f"{model}: sha256 is {digest}, {path.name} says {card['sha256']}; export the model again")
    return card


def write(card: Mapping[str, Any], path: Path) -> None:
    lines: list[str] = []
    for key, value in card.items():
        if not isinstance(value, Mapping):
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    for key, table in card.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{key}]"]
            lines += [f"{_key(k)} = {json.dumps(v, ensure_ascii=False)}" for k, v in table.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)

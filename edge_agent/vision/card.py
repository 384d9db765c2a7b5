"""The model card: what a model's file is, what it wants to see, and what it answers.

A card is a TOML file beside the ONNX file. Shipped models are called by name (``truck-detector``), others by the path
of their card. A file that is missing, changed since its card was written, or a card that says what cannot be, is
refused with a ModelError.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge_agent.errors import ModelError
from edge_agent.files import shipped

Three = tuple[float, float, float]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Side = Annotated[int, msgspec.Meta(ge=16, le=4096)]


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``size`` is height, width. x = (pixel · scale - mean) / std, in the model's order of colours.

    ``fit = "rectangle"``: height and width are dynamic; a picture is padded only to multiples of 32.
    """

    size: tuple[_Side, _Side]
    resize: Literal["letterbox", "stretch"] = "letterbox"
    align: Literal["top-left", "centre"] = "top-left"
    pad: Annotated[int, msgspec.Meta(ge=0, le=255)] = 114
    fit: Literal["fixed", "rectangle"] = "fixed"
    colour: Literal["bgr", "rgb"] = "bgr"
    scale: Positive = 1.0
    mean: Three = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a detector's answer is read, see ``edge_agent.vision.heads``; ``decoded``: YOLOX boxes are in pixels."""

    type: Literal["yolox", "yolov5", "yolov8", "end2end"]
    classes: Annotated[list[str], msgspec.Meta(min_length=1)]
    decoded: bool = False
    strides: tuple[int, ...] = (8, 16, 32)
    score_threshold: Share = 0.25
    iou_threshold: Share = 0.5


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One classifying output: softmax(logits / temperature) over ``classes``."""

    name: str
    classes: Annotated[list[str], msgspec.Meta(min_length=2)]
    temperature: Positive = 1.0


class Crop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``margin`` of the box's width and height is added on each side."""

    margin: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole card; ``data`` and ``measured`` are for people."""

    name: str
    version: str
    task: Literal["detect", "truck-state", "bay-state"]
    file: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    licence: str
    origin: str
    input: Input
    head: Head | None = None
    outputs: list[Output] = []
    crop: Crop = Crop()
    data: dict[str, Any] = {}
    measured: dict[str, Any] = {}


def read_card(model: str, task: str) -> tuple[Card, Path]:
    """The card called ``model`` and the path of its ONNX file, whose SHA-256 was checked. Raises ModelError."""
    path = Path(model) if model.endswith(".toml") else shipped("models", f"{model}.toml")
    try:
        card = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Card)
    except OSError as error:
        have = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml"))) or "none"
        raise ModelError(
            f"model {model!r}: {path} cannot be read ({error.strerror}); there are: {have}; or give the path of a card"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path}: {error}") from error
    if card.task != task:
        raise ModelError(f"{path}: task is {card.task!r}, needed here is {task!r}")
    if (card.task == "detect") != (card.head is not None) or (card.task == "detect") == bool(card.outputs):
        raise ModelError(f"{path}: a detect card has a [head], a state card has [[outputs]]; mend the card")
    return card, _checked(path.parent / card.file, card, path)


def _checked(file: Path, card: Card, path: Path) -> Path:
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: its model {file} cannot be read: {error.strerror}") from error
    if found != card.sha256:
        raise ModelError(
            f"{file}: SHA-256 is {found[:16]}…, its card {path} says {card.sha256[:16]}…; the file was changed or cut "
            "short: copy it again, or write the card anew if you changed it on purpose"
        )
    return file

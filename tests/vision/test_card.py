"""A card or model that cannot be used is refused with what is and what is expected."""

import hashlib
import shutil
from pathlib import Path

import pytest

from edge_agent.errors import ModelError
from edge_agent.files import shipped
from edge_agent.vision.card import read_card
from edge_agent.vision.detector import Detector

CARD = shipped("models", "truck-detector.toml")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped detector and its card, to be spoilt."""
    shutil.copy(CARD.with_suffix(".onnx"), tmp_path)
    return Path(shutil.copy(CARD, tmp_path))


def respell(card: Path, old: str, new: str) -> None:
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))


def rehash(card: Path) -> None:
    lines = card.read_text().splitlines()
    digest = hashlib.sha256(card.with_suffix(".onnx").read_bytes()).hexdigest()
    card.write_text("\n".join(f'sha256 = "{digest}"' if line.startswith("sha256") else line for line in lines))


def refusal(card: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Detector.load(str(card))
    return str(caught.value)


def test_the_untouched_copy_is_taken(copy: Path) -> None:
    assert Detector.load(str(copy)).card.name == "truck-detector"


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ModelError, match="truck-detector"):
        read_card("lorry-finder", "detect")


def test_a_truncated_model_is_refused_before_it_is_opened(copy: Path) -> None:
    model = copy.with_suffix(".onnx")
    model.write_bytes(model.read_bytes()[:-1000])
    assert "cut" in refusal(copy)


def test_a_truncated_model_whose_card_agrees_is_refused_by_onnxruntime(copy: Path) -> None:
    model = copy.with_suffix(".onnx")
    model.write_bytes(model.read_bytes()[:-1000])
    rehash(copy)
    assert "onnxruntime cannot open it" in refusal(copy)


def test_a_missing_model_is_told(copy: Path) -> None:
    copy.with_suffix(".onnx").unlink()
    assert "No such file" in refusal(copy)


def test_a_card_with_another_head_is_told_the_shapes(copy: Path) -> None:
    respell(copy, 'type = "yolox"', 'type = "yolov8"')
    assert "head yolov8" in refusal(copy)


def test_a_card_with_too_few_classes_is_told_the_shapes(copy: Path) -> None:
    respell(copy, ', "wheel"]', "]")
    assert "with 4 classes" in refusal(copy)


def test_an_unknown_key_is_refused(copy: Path) -> None:
    respell(copy, "[head]", "[head]\ntresholds = 3")
    assert "tresholds" in refusal(copy)


def test_a_card_of_another_task_is_refused() -> None:
    with pytest.raises(ModelError, match="needed here is 'truck-state'"):
        read_card("truck-detector", "truck-state")

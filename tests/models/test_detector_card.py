"""The shipped detector and its card agree, and onnxruntime runs it at every size the card allows."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    return tomllib.loads((MODELS / "truck-detector.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def session(card: dict[str, Any]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(MODELS / card["file"]), providers=["CPUExecutionProvider"])


def test_the_card_names_this_very_file(card: dict[str, Any]) -> None:
    assert hashlib.sha256((MODELS / card["file"]).read_bytes()).hexdigest() == card["sha256"]


def test_the_model_is_small_enough_to_ship(card: dict[str, Any]) -> None:
    assert (MODELS / card["file"]).stat().st_size <= 4_000_000


def test_the_classes_are_the_words_of_the_house(card: dict[str, Any]) -> None:
    assert card["head"]["classes"] == ["truck", "bus", "car", "other_vehicle", "wheel"]


def test_the_people_s_card_states_this_version(card: dict[str, Any]) -> None:
    assert card["version"] in (MODELS / "CARDS" / "truck-detector.md").read_text("utf-8")


@pytest.mark.parametrize(("height", "width"), [(416, 416), (256, 416), (416, 256), (32, 416)])
def test_output_is_anchors_of_the_given_size(
    card: dict[str, Any], session: onnxruntime.InferenceSession, height: int, width: int
) -> None:
    images = np.full((1, 3, height, width), card["input"]["pad"], np.float32)
    (output,) = session.run(None, {session.get_inputs()[0].name: images})
    cells = sum((height // stride) * (width // stride) for stride in card["head"]["strides"])
    assert output.shape == (1, cells, 5 + len(card["head"]["classes"]))
    assert np.isfinite(output).all()
    probabilities = output[..., 4:]
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1


def test_nothing_is_seen_in_an_even_grey_picture(card: dict[str, Any], session: onnxruntime.InferenceSession) -> None:
    images = np.full((1, 3, *card["input"]["size"]), card["input"]["pad"], np.float32)
    (output,) = session.run(None, {session.get_inputs()[0].name: images})
    scores = output[0, :, 4:5] * output[0, :, 5:]
    assert scores.max() < card["head"]["score_threshold"]

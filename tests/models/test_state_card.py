"""The shipped truck-state classifier and its card, as the runtime reads them."""

import shutil

import numpy as np
import onnxruntime
import pytest

from edge_agent.errors import ModelError
from edge_agent.files import shipped
from edge_agent.vision.state import StateClassifier


@pytest.fixture(scope="module")
def classifier() -> StateClassifier:
    return StateClassifier.load("truck-state")


def test_card_states_the_words_of_the_house_in_order(classifier):
    outputs = {output.name: output.classes for output in classifier.card.outputs}
    assert outputs == {
        "load": ["covered", "uncovered", "empty", "unknown"],
        "wheels": ["clean", "dusty", "muddy", "unknown"],
    }
    assert "Apache-2.0" in classifier.card.origin
    assert any("CC BY 4.0" in entry for entry in classifier.card.data["sets"])


def test_model_fits_the_device():
    assert shipped("models", "truck-state.onnx").stat().st_size <= 9_000_000


def test_batch_gives_what_single_pictures_give(classifier):
    session = onnxruntime.InferenceSession(str(shipped("models", "truck-state.onnx")))
    height, width = classifier.card.input.size
    batch = np.random.default_rng(3).uniform(-1, 1, (3, 3, height, width)).astype(np.float32)
    together = session.run(["load", "wheels", "features"], {"picture": batch})
    alone = session.run(["load", "wheels", "features"], {"picture": batch[1:2]})
    assert [answer.shape[0] for answer in together] == [3, 3, 3]
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many[1], one[0], atol=2e-3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 900, 3), (480, 640, 3)])
def test_any_picture_gives_probabilities(classifier, shape):
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    judged = classifier.judge(image, (0.0, 0.0, float(shape[1]), float(shape[0])))
    for states in (judged.load, judged.wheels):
        assert sum(states.values()) == pytest.approx(1, abs=1e-4)
        assert min(states.values()) >= 0


def test_judgement_hands_out_what_a_correction_is_fitted_on(classifier):
    rng = np.random.default_rng(2)
    pictures = [rng.integers(0, 256, (240, 320, 3)).astype(np.uint8) for _ in range(2)]
    one, other = (classifier.judge(picture, (10.0, 10.0, 300.0, 220.0)) for picture in pictures)
    assert one.features.ndim == 1
    assert one.features.shape == other.features.shape
    assert not np.array_equal(one.features, other.features)
    for output in classifier.card.outputs:
        powers = np.exp(one.logits[output.name])
        said = getattr(one, output.name)
        np.testing.assert_allclose([said[state] for state in output.classes], powers / powers.sum(), rtol=1e-4)


def test_model_changed_by_one_byte_is_refused(tmp_path):
    for suffix in ("onnx", "toml"):
        shutil.copy(shipped("models", f"truck-state.{suffix}"), tmp_path)
    model = tmp_path / "truck-state.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256"):
        StateClassifier.load(str(tmp_path / "truck-state.toml"))

"""The shipped bay-state classifier and its card, as the runtime reads them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from edge_agent.files import shipped
from edge_agent.vision.bay import BayClassifier


def test_card_names_its_data_and_leaves_the_evaluation_sets_out() -> None:
    card = BayClassifier.load().card
    assert card.outputs[0].classes == ["free", "occupied"]
    assert any("first 40 pictures" in entry for entry in card.data["sets"])
    assert not any("bay-patches" in entry for entry in card.data["sets"])
    assert shipped("models", "bay-state.onnx").stat().st_size <= 4_000_000


def test_a_bay_is_judged_alike_alone_and_in_a_batch() -> None:
    session = onnxruntime.InferenceSession(str(shipped("models", "bay-state.onnx")))
    side = BayClassifier.load().card.input.size[0]
    batch = np.random.default_rng(3).uniform(-1, 1, (3, 4, side, side)).astype(np.float32)
    together = session.run(["state"], {"bays": batch})[0]
    alone = session.run(["state"], {"bays": batch[1:2]})[0]
    np.testing.assert_allclose(together[1], alone[0], atol=1e-3)


def test_the_mask_decides_between_a_bay_with_a_vehicle_and_its_empty_neighbour() -> None:
    """One picture, two bays, a painted car over the left one; only the polygon differs. The road's far half is lit."""
    image = np.random.default_rng(2).integers(85, 100, (240, 320, 3)).astype(np.uint8)
    image[:110] += 30
    image[40:200, 158:162] = 220
    left = [(0.28, 0.15), (0.49, 0.15), (0.49, 0.85), (0.28, 0.85)]
    right = [(0.51, 0.15), (0.72, 0.15), (0.72, 0.85), (0.51, 0.85)]
    before = BayClassifier.load().judge(image, [left, right])
    assert max(before) < 0.5
    image[55:185, 98:150] = (150, 30, 30)
    image[80:105, 104:144] = (25, 20, 20)
    image[150:168, 104:144] = (25, 20, 20)
    image[108:148, 106:142] = (170, 45, 45)
    after = BayClassifier.load().judge(image, [left, right])
    assert after[0] - before[0] > after[1] - before[1]
    assert after[0] > after[1]
    assert after[0] == pytest.approx(1, abs=0.5)

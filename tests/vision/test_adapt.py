"""A head corrected for one camera: it helps where there is something to learn and is left away where there is not."""

import numpy as np
import pytest

from edge_agent.vision.adapt import Correction, adapt

RNG = np.random.default_rng(7)


def crops(n, shift):
    """Features whose first value tells the state, and a shipped head that reads it with an offset of `shift`."""
    states = np.arange(n) % 2
    features = RNG.normal(0, 0.3, (n, 6))
    features[:, 0] += np.where(states == 1, 1.0, -1.0)
    logits = np.stack([-2 * (features[:, 0] - shift), 2 * (features[:, 0] - shift)], axis=1)
    return features, logits, states.astype(np.int64), np.arange(n)


def test_offset_of_the_shipped_head_is_learned():
    features, logits, states, groups = crops(20, shift=2.0)
    found = adapt(features, logits, states, groups)
    assert found.correction is not None
    assert found.new_right > found.old_right
    unseen, unseen_logits, truth, _ = crops(200, shift=2.0)
    right = found.correction.apply(unseen, unseen_logits).argmax(1) == truth
    assert right.mean() > 0.95
    assert (unseen_logits.argmax(1) == truth).mean() < 0.6


def test_correction_that_learns_noise_is_not_given_out():
    features, logits, _, groups = crops(20, shift=0.0)
    states = (features[:, 0] > 0).astype(np.int64)
    logits *= 20
    found = adapt(features, logits, states, groups)
    assert found.correction is None
    assert found.old_right == 20


def test_crops_of_one_passage_alone_change_nothing():
    features, logits, states, _ = crops(12, shift=2.0)
    assert adapt(features, logits, states, np.zeros(12, np.int64)).correction is None


def test_an_earlier_correction_stays_unless_beaten_on_crops_it_has_not_seen():
    many = adapt(*crops(60, shift=2.0)).correction
    few = crops(8, shift=2.0)
    assert adapt(*few).correction is not None
    assert adapt(*few, many, np.ones(8, bool)).correction is None
    assert adapt(*few, many, np.zeros(8, bool)).correction is not None
    wrong = Correction(many.mean, many.spread, -many.weights, -many.bias)
    assert adapt(*few, wrong, np.ones(8, bool)).correction is not None


@pytest.mark.parametrize(("n", "top"), [(4, 1), (8, 2)])
def test_too_few_crops_and_unknown_states_are_refused(n, top):
    features, logits, states, groups = crops(n, shift=0.0)
    states[0] = top
    with pytest.raises(ValueError, match=r"needed|must be"):
        adapt(features, logits, states, groups)

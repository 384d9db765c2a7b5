"""Reading label files and scoring answers; values by hand."""

import numpy as np
import pytest

from edge_agent.errors import LabelError
from edge_agent.review.labels import read_labels
from models.evaluate.score import Trial, confusion, joined, summary, wilson


def written(tmp_path, *rows):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["file,load_state,mud_state,note", *rows]) + "\n", encoding="utf-8")
    return path


def test_words_of_the_development_labels(tmp_path):
    labels = read_labels(
        written(
            tmp_path,
            "a-1.jpg,partially_covered,not_judgeable(front view),night; hard",
            "a-2.jpg,covered(tarp flat),wheels dusty/dirty (dry),pass A 00:59",
            'a-3.jpg,"open bed, load not visible",dirty tyres,pass A 01:00',
            "b-1.jpg,uncovered (being loaded with debris),clean-ish,",
            "b-2.jpg,loading,muddy,",
            "b-3.jpg,empty,not judged,",
        )
    )
    assert [label.load for label in labels] == [1, 0, None, 1, None, 2]
    assert [label.wheels for label in labels] == [None, 1, 1, 0, 2, None]
    assert [label.hard for label in labels] == [True, False, False, False, False, False]
    assert labels[1].vehicle == labels[2].vehicle == "a/pass A"
    assert labels[3].vehicle != labels[4].vehicle


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,half,clean,", r":2: load_state 'half'; allowed"),
        ("a.jpg,empty,shiny,", r":2: mud_state 'shiny'; allowed"),
    ],
)
def test_unknown_class_is_refused_with_line_and_choice(tmp_path, row, said):
    with pytest.raises(LabelError, match=said):
        read_labels(written(tmp_path, row))


def test_missing_column_and_empty_file_are_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,load_state\na.jpg,empty\n")
    with pytest.raises(LabelError, match="mud_state"):
        read_labels(path)
    with pytest.raises(LabelError, match="no row"):
        read_labels(written(tmp_path))


def test_wilson_interval_of_85_in_100():
    # z² = 3.8415: centre (0.85 + 0.019207) / 1.038415 = 0.837052, half 1.959964 / 1.038415 * 0.037007 = 0.069850
    assert wilson(85, 100) == pytest.approx((0.76720, 0.90690), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_pictures_of_one_vehicle_are_one_trial_weighted_by_quality():
    trials = [
        Trial(0, np.array([0.9, 0.1, 0, 0]), "near"),
        Trial(0, np.array([0.0, 1.0, 0, 0]), "far"),
        Trial(2, np.array([0.1, 0.2, 0.3, 0.4]), "other"),
    ]
    found = joined(trials, {"near": "A", "far": "A", "other": "B"}, {"near": 0.9, "far": 0.1, "other": 1.0})
    assert len(found) == 2
    np.testing.assert_allclose(found[0].probabilities, [0.81, 0.19, 0, 0])
    assert confusion(found).tolist() == [[1, 0, 0, 0], [0] * 4, [0, 0, 0, 1], [0] * 4]
    assert summary(found)["right"] == 1
    assert summary(found)["unknown"] == 1
    assert summary(found)["accuracy_of_answered"] == 1.0

"""Reviews of unlabelled trucks: well formed, of no picture that an evaluation set holds, and above the teacher."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from models.detector import CLASSES
from models.detector.samples import CLIP_FRAMES, REVIEWS, Sample, reviewed, with_teacher

# Pictures of kerou-z that truck-state-dev holds too, or copies of such.
HELD_BY_TRUCK_STATE_DEV = {52, 116, 181, 217, 248, 379, 394, 475, 483, 521, 562}
KINDS = {"truck", "bus", "neither", "unsure"}
NOTHING = np.zeros((0, 4), np.float32)


def rows() -> list[dict[str, str]]:
    with REVIEWS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_review_is_a_box_and_a_known_word() -> None:
    for row in rows():
        left, top, right, bottom = (float(row[key]) for key in ("left", "top", "right", "bottom"))
        assert 0 <= left < right <= 1, row
        assert 0 <= top < bottom <= 1, row
        assert row["is"] in KINDS, row


def test_no_review_is_of_a_picture_that_is_evaluated_on() -> None:
    reviewed_pictures = {(row["set"], row["file"]) for row in rows()}
    assert not {("kerou-z", f"{number}.jpg") for number in HELD_BY_TRUCK_STATE_DEV} & reviewed_pictures
    frames = {int(Path(file).stem) for data_set, file in reviewed_pictures if data_set == "yuskun-car"}
    assert not frames & set(CLIP_FRAMES)


def test_a_review_becomes_labels_of_its_picture() -> None:
    row = next(row for row in rows() if row["is"] == "truck")
    path = Path(row["set"]) / row["file"]
    bare = Sample(path, row["set"], "group", NOTHING, np.zeros(0, np.int64), NOTHING)
    (sample,) = reviewed([bare])
    expected = [[float(row[key]) for key in ("left", "top", "right", "bottom")]]
    trucks = sample.boxes[sample.classes == CLASSES.index("truck")]
    assert np.isclose(trucks, expected).all(1).any()
    same = [other for other in rows() if (other["set"], other["file"]) == (row["set"], row["file"])]
    assert len(sample.neither) == sum(other["is"] == "neither" for other in same)
    assert len(sample.ignored) == sum(other["is"] == "unsure" for other in same)


def test_a_teacher_s_truck_is_dropped_where_people_saw_none_and_its_car_stays() -> None:
    here = np.asarray([[0.1, 0.1, 0.5, 0.5]], np.float32)
    bare = Sample(Path("1.jpg"), "set", "group", NOTHING, np.zeros(0, np.int64), NOTHING, neither=here)
    seen = np.concatenate((here, here + 0.02, here + 0.4)).astype(np.float32)
    classes = np.asarray([CLASSES.index(name) for name in ("truck", "car", "truck")], np.int64)
    taught = with_teacher(bare, seen, classes, np.full(3, 0.9, np.float32))
    assert [CLASSES[index] for index in taught.classes] == ["car", "truck"]
    assert np.allclose(taught.boxes, seen[1:])

"""Polygons, lines and windows that cannot be meant are refused with their key path."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import Camera, Gate, load
from edge_agent.config.polygon import area, check, contains
from edge_agent.errors import ConfigError, ModelError
from edge_agent.gate.watch import detector_of

GATE = """
[device]
id = "a"
site = "b"
kind = "gate"
[[gate]]
line = {line}
out = "{out}"
[gate.camera]
source = "x"
{more}
"""


def refused(tmp_path: Path, more: str = "", line: str = "[[0.0, 0.5], [1.0, 0.5]]", out: str = "down") -> str:
    file = tmp_path / "gate.toml"
    file.write_text(GATE.format(more=more, line=line, out=out))
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (
            "[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]",
            ["gate[0].wash.zone: crosses itself", "side 1 from [0.1, 0.1]"],
        ),
        ("[[0.1, 0.1], [0.9, 0.9]]", ["gate[0].wash.zone:", "at least 3 points", "given 2"]),
        ("[[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]", ["gate[0].wash.zone: bounds no area"]),
        ("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.4]]", ["zone: the corner [0.9, 0.1] is given twice"]),
        ("[[0.1, 0.1], [1.4, 0.1], [0.9, 0.9]]", ["gate[0].wash.zone[1][0]", "1.4"]),
    ],
)
def test_zones(tmp_path: Path, zone: str, words: list[str]) -> None:
    text = refused(tmp_path, f"[gate.wash]\nzone = {zone}")
    assert all(word in text for word in words), text


def test_pixels_are_answered_by_what_is_meant(tmp_path: Path) -> None:
    assert "pixels divided by its width" in refused(tmp_path, line="[[191, 632], [691, 294]]")
    assert "'22:00-05:00'" in refused(tmp_path, '[gate.hours]\npermitted = ["22-5"]')


def test_a_wash_bay_where_trucks_have_left_already(tmp_path: Path) -> None:
    text = refused(tmp_path, "[gate.wash]\nzone = [[0.1, 0.6], [0.9, 0.6], [0.5, 0.9]]")
    assert "gate[0].wash.zone: lies on the side 'down' of the line" in text
    text = refused(tmp_path, "[gate.wash]\nzone = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.4]]", out="up")
    assert "mend the zone, the line or out" in text


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("detect_per_s = 0.5", "at least 1"),
        ("lost_after_s = 0.3", "give at least 0.8"),
        ("detect_per_s = 1\nlost_after_s = 1.5", "give at least 2"),
    ],
)
def test_looks_too_few_to_follow_anybody(tmp_path: Path, keys: str, words: str) -> None:
    assert words in refused(tmp_path, out=f'down"\n{keys}\nstate = "truck-state')


def test_trucks_of_a_class_that_the_detector_does_not_know() -> None:
    section = Gate(camera=Camera(source="none"), line=((0.0, 0.5), (1.0, 0.5)), trucks=("truck", "lorry"))
    with pytest.raises(ModelError, match=r"knows no 'lorry'; allowed: truck, bus, car, other_vehicle"):
        detector_of(section)


def test_a_watched_road(tmp_path: Path) -> None:
    text = refused(tmp_path, "[gate.spillage]\nzone = [[0.1, 0.1], [0.9, 0.9]]")
    assert "gate[0].spillage" in text
    text = refused(tmp_path, "[gate.spillage]\nzone = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]\nmin_share = 0.0")
    assert "gate[0].spillage.min_share" in text


@pytest.mark.parametrize(
    ("permitted", "words"),
    [
        ('["22:00-05:00", "04:00-06:00"]', ["gate[0].hours.permitted: '04:00-06:00' overlaps"]),
        ('["22:00-22:00"]', ["gate[0].hours.permitted:", "begins when it ends", "'00:00-24:00'"]),
        ('["22：00-05：00"]', ["gate[0].hours.permitted[0]", "half-width"]),
        ('["25:00-05:00"]', ["gate[0].hours.permitted[0]", "25:00-05:00"]),
        ('["nights"]', ["gate[0].hours.permitted[0]", "nights"]),
    ],
)
def test_hours(tmp_path: Path, permitted: str, words: list[str]) -> None:
    text = refused(tmp_path, f"[gate.hours]\npermitted = {permitted}")
    assert all(word in text for word in words), text


def test_a_line_without_the_side_that_is_out(tmp_path: Path) -> None:
    assert "gate[0].line: " in refused(tmp_path, line="[[0.5, 0.1], [0.5, 0.9]]")
    assert "no side 'left'" in refused(tmp_path, line="[[0.1, 0.5], [0.9, 0.5]]", out="left")


def test_area_of_a_square_and_its_inside() -> None:
    square = [(0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.1, 0.5)]
    assert area(square) == pytest.approx(0.16)
    assert contains(square, 0.3, 0.3)
    assert not contains(square, 0.6, 0.3)


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 0.45), min_size=3, max_size=12))
def test_any_star_around_its_middle_is_taken_and_holds_its_middle(radii: list[float]) -> None:
    from math import cos, pi, sin

    count = len(radii)
    star = [(0.5 + r * cos(2 * pi * k / count), 0.5 + r * sin(2 * pi * k / count)) for k, r in enumerate(radii)]
    check(star, "zone")
    assert contains(star, 0.5, 0.5)

"""What a pole's configuration refuses, and that it says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_agent.config import load
from edge_agent.config.parking import Bay, check_bays
from edge_agent.errors import ConfigError

HEAD = '[device]\nid = "pole-1"\nsite = "north"\nkind = "pole"\n\n[[pole]]\n'
CAMERA = '[pole.camera]\nsource = "x.mp4"\n'


def bay(name: str, left: float, top: float = 0.1) -> str:
    corners = [[left, top], [left + 0.1, top], [left + 0.1, top + 0.2], [left, top + 0.2]]
    return f'[[pole.bay]]\nid = "{name}"\npolygon = {corners}\n'


def refused(folder: Path, text: str) -> str:
    file = folder / "device.toml"
    file.write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CAMERA, "pole[0].bay: there are 0 bays"),
        (CAMERA + "".join(bay(f"B{n}", 0.1) for n in range(5000)), "5000 bays; at most 500"),
        (CAMERA + bay("A", 0.1) + bay("B", 0.15), "bay[1].polygon of 'B' and bay[0].polygon of 'A' overlap by 5"),
        (CAMERA + bay("A", 0.1) + bay("A", 0.5), "bay[1].id: 'A' is used twice"),
        (CAMERA + '[[pole.bay]]\nid = "A"\npolygon = [[0.1, 0.1], [0.3, 0.3]]\n', "pole[0].bay[0].polygon: needs"),
        (
            CAMERA + '[[pole.bay]]\nid = "A"\npolygon = [[0.1, 0.1], [0.3, 0.3], [0.3, 0.1], [0.1, 0.3]]\n',
            "pole[0].bay[0].polygon: crosses itself",
        ),
        (CAMERA + bay("A", 0.95), "pole[0].bay[0].polygon[1][0]"),
        (
            CAMERA
            + bay("A", 0.1)
            + '[[pole.zone]]\nname = "v"\npolygon = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.3], [0.1, 0.3]]\n',
            "zone[0].polygon of 'v' and bay[0].polygon of 'A' overlap",
        ),
        (CAMERA + bay("A", 0.1) + 'knid = "car"\n', "pole[0].bay[0].knid: is not a key here; did you mean 'kind'"),
        ('bays_file = "none.toml"\n' + CAMERA, "pole[0].bays_file: there is no file"),
        ('bays_file = "none.toml"\n' + CAMERA, "write it with: edge-agent bays PICTURES... --config"),
        ('reference = "none.jpg"\n' + CAMERA + bay("A", 0.1), "pole[0].reference: there is no file"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_its_key(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


def test_neighbours_that_touch_or_overlap_a_little_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text(HEAD + CAMERA + bay("A", 0.1) + bay("B", 0.2) + bay("C", 0.285))
    assert [each.id for each in load(file).pole[0].bay] == ["A", "B", "C"]


def test_a_polygon_may_end_where_it_began(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    closed = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.3], [0.1, 0.3], [0.1, 0.1]]
    file.write_text(HEAD + CAMERA + f'[[pole.bay]]\nid = "A"\npolygon = {closed}\n')
    assert len(load(file).pole[0].bay) == 1


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_bays_of_a_file_beside_the_configuration_are_taken(tmp_path: Path, suffix: str) -> None:
    polygon = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.3], [0.1, 0.3]]
    text = json.dumps({"bay": [{"id": "F1", "polygon": polygon}]})
    (tmp_path / f"bays.{suffix}").write_text(text if suffix == "json" else f'[[bay]]\nid = "F1"\npolygon = {polygon}\n')
    (tmp_path / "device.toml").write_text(HEAD + f'bays_file = "bays.{suffix}"\n' + CAMERA + bay("A", 0.5))
    assert [each.id for each in load(tmp_path / "device.toml").pole[0].bay] == ["A", "F1"]


def test_a_fault_in_a_bays_file_is_told_with_its_key_there(tmp_path: Path) -> None:
    (tmp_path / "bays.toml").write_text('[[bay]]\nid = "F1"\npolygon = [[0.1, 0.1], [0.2, 0.1]]\n')
    assert "bays.toml: bay[0].polygon: needs" in refused(tmp_path, 'bays_file = "bays.toml"\n' + CAMERA)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "bays.toml: bay: is missing and must be given"),
        ("bays = 1\n", "bays: is not a key here; did you mean 'bay'"),
    ],
)
def test_a_bays_file_without_bays_is_told_what_it_must_hold(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "bays.toml").write_text(content)
    assert says in refused(tmp_path, 'bays_file = "bays.toml"\n' + CAMERA)


def test_a_bays_file_that_repeats_a_bay_is_refused(tmp_path: Path) -> None:
    polygon = [[0.7, 0.1], [0.8, 0.1], [0.8, 0.3], [0.7, 0.3]]
    (tmp_path / "bays.toml").write_text(f'[[bay]]\nid = "A"\npolygon = {polygon}\n')
    assert "'A' is used twice" in refused(tmp_path, 'bays_file = "bays.toml"\n' + CAMERA + bay("A", 0.1))


def test_two_hundred_bays_in_rows_are_allowed() -> None:
    w, h = 0.045, 0.08
    check_bays(
        [
            Bay(
                id=f"{row}-{n}",
                polygon=[(n * w, row * h), (n * w + w, row * h), (n * w + w, row * h + h), (n * w, row * h + h)],
            )
            for row in range(10)
            for n in range(20)
        ]
    )

"""`edge-agent bays`: wrong inputs are answered with sentences, right ones with a file that loads."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.cli.main import main
from edge_agent.config import load
from edge_agent.config.parking import read_bays
from edge_agent.vision.detections import Detection
from edge_agent.vision.detector import Detector
from tests.vision.test_registration import scenery


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four pictures of one place; the detector finds the same five cars in each."""
    cars = [(60 + 100 * k, 200, 140 + 100 * k, 270) for k in range(6) if k != 3]

    class Finds:
        def detect(self, image: np.ndarray) -> list[Detection]:
            if image.shape[1] < 600:
                return []
            return [Detection("car", 0.9, (float(a), float(b), float(c), float(d))) for a, b, c, d in cars]

    monkeypatch.setattr(Detector, "load", lambda _: Finds())
    files = []
    for k in range(4):
        noise = np.random.default_rng(k).normal(0, 2, (360, 640, 3))
        files.append(str(tmp_path / f"{k}.png"))
        cv2.imwrite(files[-1], np.clip(scenery(9) + noise, 0, 255).astype(np.uint8))
    return files


def config(folder: Path, text: str = '[[pole]]\nbays_file = "bays.toml"\n') -> str:
    (folder / "pole.toml").write_text(text)
    return str(folder / "pole.toml")


def test_bays_are_written_drawn_and_printed(
    pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "drawn.png"
    assert main(["bays", *pictures, "--json", "--config", config(tmp_path), "--write", "--draw", str(drawn)]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bays = read_bays(tmp_path / "bays.toml")
    assert [bay.id for bay in bays] == [one["id"] for one in printed] == ["A1", "A2", "A3", "A4", "A5", "A6"]
    assert [one["seen"] for one in printed] == [1, 1, 1, 0, 1, 1]
    assert [list(point) for point in bays[0].polygon] == printed[0]["polygon"]
    assert cv2.imread(str(drawn)).shape == (360, 640, 3)


def test_bays_are_written_for_the_shipped_configuration_of_a_pole(pictures: list[str], tmp_path: Path) -> None:
    """They never were: the command looked for [pole], and a configuration has [[pole]]."""
    text = (Path(__file__).parents[2] / "config" / "pole.toml").read_text()
    first, tables = text.index("[[pole.bay]]"), text.index("# (6)")
    file = config(tmp_path, (text[:first] + text[tables:]).replace("# bays_file", "bays_file"))
    assert main(["bays", *pictures, "--config", file, "--write"]) == 0
    assert [bay.id for bay in load(file).pole[0].bay] == ["A1", "A2", "A3", "A4", "A5", "A6"]


def test_of_two_poles_the_named_one_gets_the_bays(pictures: list[str], tmp_path: Path) -> None:
    tables = (
        '[[pole]]\nbays_file = "e.toml"\ncamera.name = "east"\n[[pole]]\nbays_file = "w.toml"\ncamera.name = "west"\n'
    )
    assert main(["bays", *pictures, "--config", config(tmp_path, tables), "--camera", "west", "--write"]) == 0
    assert len(read_bays(tmp_path / "w.toml")) == 6
    assert not (tmp_path / "e.toml").exists()


def test_a_file_with_bays_is_only_replaced_when_told(pictures: list[str], tmp_path: Path) -> None:
    (tmp_path / "bays.toml").write_text("# by hand\n")
    assert main(["bays", *pictures, "--config", config(tmp_path), "--write"]) == 2
    assert (tmp_path / "bays.toml").read_text() == "# by hand\n"
    assert main(["bays", *pictures, "--config", config(tmp_path), "--write", "--force"]) == 0
    assert len(read_bays(tmp_path / "bays.toml")) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["gone.jpg"], 1, "gone.jpg is not there"),
        (["note.txt"], 1, "is no picture that can be read"),
        (["flat.png", "flat.png"], 1, "too little to register"),
        (["flat.png", "--write"], 2, "needs --config FILE"),
        (["flat.png", "--config", "gone.toml"], 2, "gone.toml: cannot be read"),
        (["flat.png", "--config", "note.txt"], 2, "is no TOML text"),
        (["flat.png", "--config", "empty.toml"], 2, "empty.toml: pole[0].bays_file: is missing"),
        (["flat.png", "--config", "none.toml"], 2, "none.toml: pole: there is no [[pole]] table"),
        (["flat.png", "--config", "two.toml"], 2, "two.toml: pole: --camera must say which; allowed: east, pole"),
        (["flat.png", "--config", "two.toml", "--camera", "west"], 2, "has no camera 'west'; allowed: east, pole"),
    ],
)
def test_wrong_inputs_are_answered_with_a_sentence(
    arguments: list[str],
    code: int,
    says: str,
    pictures: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("no picture, no TOML")
    Path("empty.toml").write_text("[[pole]]\n")
    Path("none.toml").write_text('pole = "west"\n')
    Path("two.toml").write_text('[[pole]]\ncamera.name = "east"\n[[pole]]\n')
    cv2.imwrite("flat.png", np.full((360, 640, 3), 100, np.uint8))
    assert main(["bays", *arguments]) == code
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


def test_pictures_of_another_view_are_left_out_and_named(
    pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), scenery(77))
    assert main(["bays", *pictures, str(other)]) == 0
    captured = capsys.readouterr()
    assert "other.png: shows another view" in captured.err
    assert "from 4 pictures" in captured.err


def test_a_first_picture_taken_askew_does_not_shut_out_all_others(
    pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    askew = tmp_path / "askew.png"
    cv2.imwrite(str(askew), scenery(77))
    assert main(["bays", str(askew), *pictures]) == 0
    captured = capsys.readouterr()
    assert "askew.png: shows another view" in captured.err
    assert f"drawn on {pictures[0]}" in captured.err
    assert "from 4 pictures" in captured.err


def test_bays_are_drawn_where_the_reference_of_the_pole_has_them(pictures: list[str], tmp_path: Path) -> None:
    """They were drawn on the first picture, and the agent laid them over the reference, which was aimed otherwise."""
    shifted = np.roll(cv2.imread(pictures[0]), 32, axis=1)
    cv2.imwrite(str(tmp_path / "reference.png"), shifted)
    text = '[[pole]]\nbays_file = "bays.toml"\nreference = "reference.png"\n'
    assert main(["bays", *pictures, "--config", config(tmp_path, text), "--write"]) == 0
    left = min(x for x, _ in read_bays(tmp_path / "bays.toml")[0].polygon)
    assert left == pytest.approx((60 + 32) / 640, abs=0.01)


def test_no_vehicle_anywhere_is_said(
    pictures: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind:
        def detect(self, image: np.ndarray) -> list[Detection]:
            return []

    monkeypatch.setattr(Detector, "load", lambda _: Blind())
    assert main(["bays", *pictures]) == 1
    assert "no place where a vehicle stands again and again was found in 4 pictures" in capsys.readouterr().err

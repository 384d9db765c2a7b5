"""The installer's picture shows bays and zones where they are configured, and a ruler to read corners from."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.cli.main import main
from edge_agent.config.parking import Bay, Pole, PoleCamera, Zone
from edge_agent.parking.drawing import GREEN, drawn
from tests.vision.test_registration import scenery

RED = (40, 40, 255)
BAY = [(0.2, 0.5), (0.5, 0.5), (0.5, 0.9), (0.2, 0.9)]
CONFIG = f"""[device]
id = "p"
site = "s"
kind = "pole"
data_dir = "data"
[[pole]]
reference = "reference.png"
camera = {{ source = "pictures" }}
[[pole.bay]]
id = "A1"
polygon = {[list(point) for point in BAY]}
"""


def test_bays_and_zones_are_where_they_are_configured() -> None:
    zone = Zone(name="verge", polygon=[(0.6, 0.1), (0.9, 0.1), (0.9, 0.4), (0.6, 0.4)])
    section = Pole(camera=PoleCamera(source="none"), bay=[Bay(id="A1", polygon=BAY)], zone=[zone])
    image = np.full((201, 401, 3), 90, np.uint8)
    out = drawn(section, image)
    assert (image == 90).all()
    assert out.shape[0] > 201
    for (x, y), colour in {(80, 150): GREEN, (200, 120): GREEN, (300, 20): RED, (240, 60): RED}.items():
        assert np.abs(out[y, x].astype(int) - colour).max() < 40, (x, y)
    assert (out[0, [40, 200, 360]] == 255).all(), "a mark at each tenth"
    assert (out[170, 320] == 90).all()


@pytest.fixture
def pole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "1.png"), scenery(9))
    cv2.imwrite(str(tmp_path / "reference.png"), scenery(9))
    (tmp_path / "pole.toml").write_text(CONFIG)
    return tmp_path


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    main(["check", "--json", *arguments, "pole.toml"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_check_draws_the_bays_on_what_the_camera_sees(pole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["what"]: each for each in findings(capsys, "--draw", "seen")}
    assert found["reference pole"]["found"] == "the camera looks where it did"
    assert found["drawing pole"]["result"] == "ok"
    image = cv2.imread("seen/pole.jpg")
    assert image is not None
    assert image[250, 128, 1] > 150 > 120 > image[250, 128, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "result", "says"),
    [
        (scenery(77), "warn", "cannot be placed on it"),
        (scenery(9)[:, :400], "fail", "is 400×360, and the camera gives 640×360: another shape"),
        (np.full((360, 640, 3), 90, np.uint8), "fail", "shows too little to register others against"),
    ],
    ids=["another place", "another size", "flat"],
)
def test_a_reference_that_does_not_fit_is_told_once_with_what_to_do(
    reference: np.ndarray, result: str, says: str, pole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reference that could not be used was told twice, one of another place as "the camera is unknown"."""
    cv2.imwrite("reference.png", reference)
    told = [each for each in findings(capsys) if "reference" in each["what"] + each["found"]]
    assert [each["result"] for each in told] == [result]
    assert says in told[0]["found"]
    assert "take" in told[0]["todo"] + told[0]["found"]

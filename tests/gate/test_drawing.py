"""The installer's picture shows line, way out and zones where the configuration has them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.cli.main import main
from edge_agent.config.gate import Camera, Gate, Spillage, Wash
from edge_agent.gate.drawing import drawn

RED, BLUE, YELLOW = (40, 40, 255), (255, 120, 0), (0, 220, 255)


def test_line_arrow_and_zones_are_where_they_are_configured() -> None:
    section = Gate(
        camera=Camera(source="none"),
        line=((0.0, 0.5), (1.0, 0.5)),
        out="up",
        wash=Wash(zone=[(0.1, 0.6), (0.4, 0.6), (0.4, 0.9), (0.1, 0.9)]),
        spillage=Spillage(zone=[(0.6, 0.1), (0.9, 0.1), (0.9, 0.4), (0.6, 0.4)]),
    )
    image = np.full((201, 401, 3), 90, np.uint8)
    out = drawn(section, image)
    assert (image == 90).all()
    assert out.shape[0] > 201
    places = {(20, 100): RED, (200, 85): RED, (40, 150): BLUE, (300, 80): YELLOW, (360, 50): YELLOW}
    for (x, y), colour in places.items():
        assert (out[y, x] == colour).all(), (x, y)
    assert (out[115, 200] == 90).all(), "the arrow points up"


@pytest.mark.slow
def test_check_draws_what_the_camera_sees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "1.png"), np.full((720, 1280, 3), 120, np.uint8))
    file = tmp_path / "gate.toml"
    file.write_text(
        f'[device]\nid = "a"\nsite = "b"\nkind = "gate"\ndata_dir = "{tmp_path}/data"\n'
        f'[[gate]]\nline = [[0.1, 0.5], [0.9, 0.5]]\ncamera = {{ source = "{pictures}" }}\n'
    )
    main(["check", "--json", "--draw", str(tmp_path / "seen"), str(file)])
    found = {each["what"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["drawing gate"]["result"] == "ok"
    image = cv2.imread(str(tmp_path / "seen" / "gate.jpg"))
    assert image is not None
    assert image[360, 400, 2] > 200 > 100 > image[360, 400, 0]


def test_a_drawing_without_the_camera_is_refused_and_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "config/gate.toml", "--config-only", "--draw", str(tmp_path)]) == 2
    assert "--draw: needs the camera's picture" in capsys.readouterr().err

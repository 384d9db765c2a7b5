"""The demo ends with what its clip's truth says."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge_agent.cli.main import main
from tests.brokers import Mosquitto

TRUTH = json.loads(Path("config/demo/gate.truth.json").read_text())["counts"]
POLE_TRUTH = json.loads(Path("config/demo/pole.truth.json").read_text())["counts"]


def demo(out: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
    command = [sys.executable, "-m", "edge_agent", "demo", "--once", "--out", str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    return done, json.loads(done.stdout.splitlines()[-1])


def check(out: Path, done: subprocess.CompletedProcess[str], counts: dict[str, int]) -> None:
    assert done.returncode == 0
    assert {name: counts[name] for name in TRUTH} == TRUTH
    assert counts["published"] == counts["acknowledged"] > TRUTH["passages"] + TRUTH["violations"] + counts["evidence"]
    pictures, clips = sorted(out.glob("*.jpg")), [*out.glob("*-clip.mp4"), *out.glob("*-clip.avi")]
    assert len(pictures) + len(clips) == counts["evidence"]
    assert all(cv2.imread(str(picture)) is not None for picture in pictures)
    assert all(cv2.VideoCapture(str(clip)).read()[0] for clip in clips)
    of_trucks = TRUTH["violations"] - TRUTH["exceedances"]
    assert len(clips) == of_trucks
    assert len(list(out.glob("*-overlay.jpg"))) == 2 * of_trucks
    assert len([*out.glob("*-crop.jpg"), *out.glob("*-blurred.jpg")]) >= of_trucks
    assert main(["verify", str(out / "packs")]) == 0
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_with_its_own_broker_counts_what_is_true(tmp_path: Path) -> None:
    check(tmp_path, *demo(tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_with_a_mosquitto_counts_what_is_true(mosquitto: Mosquitto, tmp_path: Path) -> None:
    check(tmp_path, *demo(tmp_path, "--broker", mosquitto.url))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_of_a_pole_counts_what_is_true(mosquitto: Mosquitto, tmp_path: Path) -> None:
    done, counts = demo(tmp_path, "--pole", "--broker", mosquitto.url)
    assert done.returncode == 0
    assert {name: counts[name] for name in POLE_TRUTH} == POLE_TRUTH
    assert counts["published"] == counts["acknowledged"]
    roles = {path.stem.rpartition("-")[2] for path in tmp_path.glob("*-stay-*.jpg")}
    assert roles >= {"before", "entering", "standing", "leaving", "after"}
    assert len(list(tmp_path.glob("*-illegal_parking-*-overlay.jpg"))) == 3
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_demo_shows_a_live_view_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "edge_agent", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=terminal, text=True, env={**os.environ, "TERM": "xterm"}
    )
    os.close(terminal)
    seen = ""
    try:
        while "pm10_ug_m3" not in seen or "connected" not in seen:
            seen += os.read(screen, 4096).decode(errors="replace")
        process.send_signal(2)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(screen)
    assert json.loads(out.splitlines()[-1])["published"] > 0

"""The command line as a person types it: exit codes, what goes to stdout, what is said about a wrong thing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from edge_agent.schema import asyncapi

DUST = """
[device]
id = "post-1"
site = "north"
kind = "dust"
data_dir = "{data}"

[[dust]]
driver = "plantower"
port = "simulated:"
"""

# A PMS5003 frame captured from a real sensor (PM2.5 = 8 µg/m³, PM10 = 8 µg/m³, 210 particles over 0.3 µm in 0.1 L).
FRAME = bytes.fromhex("424d001c00000008000800000008000800d20046002d001e00000000970002c5")


def edge_agent(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What the command does."""
    command = [sys.executable, "-m", "edge_agent", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Its stdout, which must be JSON objects and nothing else."""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A dust post that needs no hardware."""
    file = tmp_path / "device.toml"
    file.write_text(DUST.format(data=tmp_path / "data"))
    return file


def test_no_command_is_wrong_usage() -> None:
    done = edge_agent()
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize("command", ["run", "check", "replay"])
def test_a_wrong_configuration_ends_with_2_and_one_sentence(command: str, config: Path) -> None:
    config.write_text(config.read_text() + "intervall_s = 1\n")
    words = ["replay", config, "--config", config] if command == "replay" else [command, config]
    done = edge_agent(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"edge-agent: {config}: dust[0].intervall_s: ")
    assert "Traceback" not in done.stderr


def test_an_unknown_driver_ends_with_2_and_says_which_there_are(config: Path) -> None:
    config.write_text(config.read_text().replace("plantower", "plantowr"))
    done = edge_agent("run", config)
    assert done.returncode == 2
    assert "did you mean 'plantower'" in done.stderr


def test_a_data_folder_that_cannot_be_used_ends_with_1(config: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    done = edge_agent("run", config)
    assert done.returncode == 1
    assert "device.data_dir" in done.stderr


def test_the_doctor_reads_the_sensor(config: Path) -> None:
    done = edge_agent("check", config, "--json")
    found = {line["what"]: line for line in lines(done)}
    assert done.returncode == 0
    assert found["sensor dust"]["result"] == "ok"
    assert "pm10_ug_m3" in found["sensor dust"]["found"]
    assert found["config"]["result"] in ("ok", "warn")


def test_the_doctor_says_what_to_do_about_a_missing_sensor(config: Path) -> None:
    config.write_text(config.read_text().replace("simulated:", "/dev/ttyABSENT"))
    done = edge_agent("check", config)
    assert done.returncode == 1
    assert "/dev/ttyABSENT" in done.stdout
    assert "fail" in done.stdout


def test_recorded_bytes_replay_to_their_values(config: Path, tmp_path: Path) -> None:
    recording = tmp_path / "two.bin"
    recording.write_bytes(b"\x00noise" + FRAME + FRAME[:7] + FRAME)
    done = edge_agent("replay", recording, "--config", config, "--json", "--start", "2026-07-15T10:00:00+08:00")
    *messages, summary = lines(done)
    assert done.returncode == 0
    assert messages[0]["time"].startswith("2026-07-15T02:00:0")
    readings = messages[0]["data"]["readings"]["values"]
    assert readings["pm2_5_ug_m3"] == [8.0, 8.0]
    assert readings["n0_3_per_cm3"] == [2.1, 2.1]
    assert summary["summary"]["readings"] == 2


def test_a_replay_twice_gives_the_same_bytes(config: Path, tmp_path: Path) -> None:
    recording = tmp_path / "some.bin"
    recording.write_bytes(FRAME * 30)
    first, second = (edge_agent("replay", recording, "--config", config, "--json") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.count("\n") >= 2


@pytest.mark.parametrize("content", [b"", b"neither fish nor flesh" * 100])
def test_bytes_of_no_driver_are_told(config: Path, tmp_path: Path, content: bytes) -> None:
    recording = tmp_path / "nothing.bin"
    recording.write_bytes(content)
    done = edge_agent("replay", recording, "--config", config, "--json")
    assert done.returncode == 1
    assert "plantower" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_single_picture_is_told_how_to_be_replayed(config: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.jpg"), np.full((24, 32, 3), 120, np.uint8))
    done = edge_agent("replay", tmp_path / "one.jpg", "--config", config)
    assert done.returncode == 1
    assert "pictures are replayed by their folder" in done.stderr


def test_a_disk_with_no_room_left_for_evidence_fails_the_doctor(config: Path) -> None:
    config.write_text(f"{config.read_text()}[outbox]\nfree_disk_floor_mb = 1000000\nmax_mb = 1\n")
    done = edge_agent("check", config, "--config-only", "--json")
    assert done.returncode == 1
    assert {line["what"]: line["result"] for line in lines(done)}["disk"] == "fail"


def test_a_camera_recording_without_a_gate_is_told(config: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    done = edge_agent("replay", tmp_path / "pictures", "--config", config)
    assert done.returncode == 2
    assert "[[gate]]" in done.stderr


def test_detect_goes_on_after_pictures_that_are_none(tmp_path: Path) -> None:
    good, grey16, tiny = tmp_path / "good.png", tmp_path / "grey16.png", tmp_path / "tiny.png"
    cv2.imwrite(str(good), np.full((240, 320, 3), 120, np.uint8))
    cv2.imwrite(str(grey16), np.full((240, 320), 30000, np.uint16))
    cv2.imwrite(str(tiny), np.zeros((1, 1, 3), np.uint8))
    truncated = tmp_path / "truncated.png"
    truncated.write_bytes(good.read_bytes()[:60])
    done = edge_agent("detect", truncated, tmp_path / "absent.jpg", good, grey16, tiny, "--json")
    first, second, *rest = lines(done)
    assert done.returncode == 1
    assert set(first) == set(second) == {"file", "error"}
    assert [(r["width"], r["height"], r["detections"]) for r in rest] == [(320, 240, []), (320, 240, []), (1, 1, [])]


def test_the_schema_in_the_documents_is_the_one_of_the_code() -> None:
    written = yaml.safe_load(Path("docs/asyncapi.yaml").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(asyncapi())), "run: make schema"


@pytest.mark.parametrize("form", ["asyncapi", "json-schema"])
def test_descriptions_are_the_same_from_every_python(form: str) -> None:
    """A docstring keeps its indentation up to Python 3.12."""
    assert "\\n    " not in edge_agent("schema", "--form", form).stdout


def test_the_schema_describes_every_channel() -> None:
    document = json.loads(edge_agent("schema").stdout)
    assert document["asyncapi"] == "3.0.0"
    assert {"violation", "evidence", "passage", "dust", "health", "status"} <= set(document["channels"])
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].split("/")[-1] in document["components"]["messages"]

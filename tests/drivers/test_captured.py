"""Thirty frames of real sensors, and the values that another program read in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.errors import EndOfRecording
from drivers.identify import identify
from drivers.table import open_recording
from edge_agent.cli.main import main
from tests.drivers.captured import FRAMES


@pytest.fixture
def recorded(tmp_path: Path, driver: str) -> Path:
    file = tmp_path / f"{driver}.bin"
    file.write_bytes(b"".join(bytes.fromhex(frame) for frame, _ in FRAMES[driver][1:]))
    return file


def published(driver: str) -> list[dict[str, float]]:
    names, *frames = FRAMES[driver]
    return [dict(zip(names, values, strict=True)) for _, values in frames]


@pytest.mark.parametrize("driver", FRAMES)
def test_every_captured_frame_says_what_was_published_of_it(recorded: Path, driver: str) -> None:
    match = identify(recorded)[0]
    assert (match.driver, match.measurements) == (driver, 10)
    with open_recording(driver, recorded, name="dust", model=match.model) as session:
        readings = [session.read(1.0) for _ in range(10)]
        with pytest.raises(EndOfRecording):
            session.read(1.0)
    assert None not in readings
    assert [dict(reading.values) for reading in readings if reading] == [
        pytest.approx(row, abs=1e-9) for row in published(driver)
    ]
    assert (session.skipped, session.rejected) == (0, 0)


@pytest.mark.parametrize("driver", FRAMES)
def test_replay_finds_the_driver_and_tells_every_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recorded: Path, driver: str
) -> None:
    config = tmp_path / "post.toml"
    config.write_text(
        '[device]\nid = "d"\nsite = "s"\nkind = "dust"\n'
        '[[dust]]\ndriver = "modbus-station"\nport = "x"\ninterval_s = 1\n'
    )
    command = ["replay", str(recorded), "--config", str(config), "--json"]
    assert main([*command, "--start", "2026-07-15T10:00:00+08:00"]) == 0
    *messages, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [last["summary"][name] for name in ("readings", "rejected", "skipped")] == [10, 0, 0]
    told = messages[0]["data"]
    rows = published(driver)
    assert told["start"] == "2026-07-15T02:00:00.000Z"
    assert told["readings"]["quality"] == ["N"] * 10
    for value, column in told["readings"]["values"].items():
        assert column == pytest.approx([row[value] for row in rows], abs=5e-4)
        assert told["values"][value]["mean"] == pytest.approx(sum(row[value] for row in rows) / 10, abs=6e-4)


@pytest.mark.parametrize("driver", ["nova"])
def test_bytes_of_another_driver_than_named_are_told_in_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recorded: Path
) -> None:
    """It said "readings: 0" and nothing else."""
    config = tmp_path / "post.toml"
    config.write_text('[device]\nid = "d"\nsite = "s"\nkind = "dust"\n[[dust]]\ndriver = "nova"\nport = "x"\n')
    assert main(["replay", str(recorded), "--config", str(config), "--json", "--driver", "plantower"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["readings"], summary["rejected"], summary["skipped"]) == (0, 0, 100)

"""Thirty frames of real sensors, and the values that another program read in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from drivers.errors import EndOfRecording
from drivers.identify import identify
from drivers.table import open_recording
from edge_agent.cli.main import main

FOLDER = Path(__file__).parent / "captured"
NAMES = {
    "raw01": "pm1_cf1_ug_m3", "raw25": "pm2_5_cf1_ug_m3", "raw10": "pm10_cf1_ug_m3", "pm01": "pm1_ug_m3",
    "pm25": "pm2_5_ug_m3", "pm04": "pm4_ug_m3", "pm10": "pm10_ug_m3", "n0_3": "n0_3_per_cm3", "n0_5": "n0_5_per_cm3",
    "n1_0": "n1_per_cm3", "n2_5": "n2_5_per_cm3", "n5_0": "n5_per_cm3", "n10_0": "n10_per_cm3",
}  # fmt: skip
CASES = [("PMSx003", "plantower"), ("SDS01x", "nova"), ("HPMA115C0", "honeywell")]


def published(name: str) -> list[dict[str, float]]:
    with (FOLDER / f"{name}.csv").open() as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    return [{NAMES[column]: float(text) for column, text in row.items() if column in NAMES} for row in rows]


@pytest.mark.parametrize(("name", "driver"), CASES)
def test_every_captured_frame_says_what_was_published_of_it(name: str, driver: str) -> None:
    file = FOLDER / f"{name}.hexdump"
    match = identify(file)[0]
    assert (match.driver, match.measurements) == (driver, 10)
    with open_recording(driver, file, name="dust", model=match.model) as session:
        readings = [session.read(1.0) for _ in range(10)]
        with pytest.raises(EndOfRecording):
            session.read(1.0)
    assert None not in readings
    assert [dict(reading.values) for reading in readings if reading] == [
        pytest.approx(row, abs=1e-9) for row in published(name)
    ]
    assert (session.skipped, session.rejected) == (0, 0)


@pytest.mark.parametrize(("name", "driver"), CASES)
def test_replay_finds_the_driver_and_tells_every_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, driver: str
) -> None:
    config = tmp_path / "post.toml"
    config.write_text(
        '[device]\nid = "d"\nsite = "s"\nkind = "dust"\n'
        '[[dust]]\ndriver = "modbus-station"\nport = "x"\ninterval_s = 1\n'
    )
    command = ["replay", str(FOLDER / f"{name}.hexdump"), "--config", str(config), "--json"]
    assert main([*command, "--start", "2026-07-15T10:00:00+08:00"]) == 0
    *messages, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [last["summary"][name] for name in ("readings", "rejected", "skipped")] == [10, 0, 0]
    told = messages[0]["data"]
    rows = published(name)
    assert told["start"] == "2026-07-15T02:00:00.000Z"
    assert told["readings"]["quality"] == ["N"] * 10
    for value, column in told["readings"]["values"].items():
        assert column == pytest.approx([row[value] for row in rows], abs=5e-4)
        assert told["values"][value]["mean"] == pytest.approx(sum(row[value] for row in rows) / 10, abs=6e-4)


def test_bytes_of_another_driver_than_named_are_told_in_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It said "readings: 0" and nothing else."""
    config = tmp_path / "post.toml"
    config.write_text('[device]\nid = "d"\nsite = "s"\nkind = "dust"\n[[dust]]\ndriver = "nova"\nport = "x"\n')
    source = str(FOLDER / "SDS01x.hexdump")
    assert main(["replay", source, "--config", str(config), "--json", "--driver", "plantower"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["readings"], summary["rejected"], summary["skipped"]) == (0, 0, 100)

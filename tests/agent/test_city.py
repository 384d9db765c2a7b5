"""The city's air from a file: read, renewed, and refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.agent.city import CityFiles, read_city
from edge_agent.dust.city import CityAir
from edge_agent.errors import ConfigError

HEAD = "start,pm10_ug_m3,pm2_5_ug_m3,aqi,primary\n"


def test_columns_are_values_and_fields_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(f"\ufeff{HEAD}2026-07-15T10:00:00+08:00,62.5,,230,pm10\n", encoding="utf-8")
    assert read_city(file) == [CityAir(1784080800.0, {"pm10_ug_m3": 62.5}, 3600.0, 230.0, "pm10")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2026-07-15T10:00:00,62,,,", "time zone"),
        ("2026-07-15T10:00:00Z,dusty,,,", "float"),
        ("2026-07-15T10:00:00Z,-1,,,", ">= 0"),
        (",62,,,", "start"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: str, problem: str) -> None:
    file = tmp_path / "city.csv"
    file.write_text(f"{HEAD}2026-07-15T10:00:00Z,62,,,\n{row}\n")
    with pytest.raises(ConfigError, match=f"line 3: .*{problem}"):
        read_city(file)


def test_a_file_is_read_when_it_appears_and_when_it_changes(tmp_path: Path) -> None:
    file, told = tmp_path / "city.csv", []
    feed = CityFiles([(str(file), told.append), ("", told.append)])
    feed.poll(0.0)
    assert "No such file" in feed.problems()[0]
    file.write_text(f"{HEAD}2026-07-15T10:00:00Z,62,,,\n")
    feed.poll(1.0)
    assert told == [], "looks every 30 s"
    feed.poll(30.0)
    feed.poll(60.0)
    assert ([air.values for air in told], feed.problems()) == ([{"pm10_ug_m3": 62.0}], [])
    new = tmp_path / "new.csv"
    new.write_text(f"{HEAD}2026-07-15T11:00:00Z,70,,,\n")
    new.replace(file)
    feed.poll(90.0)
    assert [air.values["pm10_ug_m3"] for air in told] == [62.0, 70.0]

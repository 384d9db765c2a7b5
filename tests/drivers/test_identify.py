"""Which driver and model recorded bytes belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.identify import identify, identify_bytes
from tests.drivers.frames import FRAMES


@pytest.mark.parametrize(
    ("data", "first"),
    [
        (FRAMES["plantower"][0] * 3, ("plantower", "PMS5003", 3)),
        (FRAMES["plantower"][1], ("plantower", "PMS3003", 1)),
        (b"\x00" + FRAMES["nova"][0] * 2, ("nova", "SDS011", 2)),
        (FRAMES["honeywell"][1], ("honeywell", "HPMA115S0", 1)),
        (FRAMES["sensirion"][0], ("sensirion", "SPS30", 1)),
        (FRAMES["modbus-station"][0], ("modbus-station", "renke", 1)),
        (FRAMES["nmea"][0], ("nmea", "9600", 1)),
    ],
)
def test_recorded_bytes_are_identified(data: bytes, first: tuple[str, str, int]) -> None:
    assert identify_bytes(data)[0] == first


def test_noise_is_nothing() -> None:
    assert identify_bytes(bytes(range(256))) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bin", FRAMES["nova"][0]),
        ("a.hexdump", b"00000000: aac0 0600 0600 58d9 3dab  ......X.=.\n"),
        ("a.capture", b"1.0 aac006000600\n1.1 58d93dab\n"),
    ],
)
def test_files_of_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert identify(file) == [("nova", "SDS011", 1)]

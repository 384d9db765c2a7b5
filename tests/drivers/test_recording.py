"""Recorded bytes give the same readings with the recording's time, whatever form they have."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from drivers.errors import BadRecordingError, EndOfRecording
from drivers.readings import Reading
from drivers.recording import Capture, ReplayPort
from drivers.sensor import SensorSession
from drivers.table import open_recording
from tests.drivers.fakes import FakeClock, ScriptedPort
from tests.drivers.frames import FRAMES

FIRST = bytes.fromhex("aac00600060058d93dab")
SECOND = bytes.fromhex("aac00900090058d943ab")
HEXDUMP = """\
00000000: aa c0 06 00 06 00 58 d9 3d ab  ......X.=.
0000000a: aac0 0900 0900 58d9 43ab            ......X.C.
"""


def all_of(session: SensorSession) -> list[Reading]:
    readings = []
    try:
        while True:
            reading = session.read(1.0)
            if reading is not None:
                readings.append(reading)
    except EndOfRecording:
        return readings


def seen(readings: list[Reading]) -> list[tuple[float, float]]:
    return [(reading.time, reading.values["pm10_ug_m3"]) for reading in readings]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.hexdump", HEXDUMP.encode()),
        ("a.bin", FIRST + SECOND),
        ("a.capture", f"1700000000.0 {FIRST.hex()}\n\n1700000010.0 {SECOND.hex()}\n".encode()),
        ("split.capture", f"1699999999.9 {FIRST[:4].hex()}\n1700000000.0 {FIRST[4:].hex()}\n"
                          f"1700000010.0 {SECOND.hex()}\n".encode()),
    ],
)  # fmt: skip
def test_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with open_recording("nova", file, name="dust", start=1.7e9, interval_s=10) as session:
        assert seen(all_of(session)) == [(1.7e9, 0.6), (1.7e9 + 10, 0.9)]


def test_garbage_and_acknowledgements_take_no_time_but_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    broken = FIRST[:-2] + b"\x00\xab"
    file.write_bytes(b"\x01\x02" + FIRST + broken + bytes.fromhex("aac50601000058d938ab") + SECOND + FIRST[:5])
    with open_recording("nova", file, name="dust", start=100.0) as session:
        assert seen(all_of(session)) == [(100.0, 0.6), (101.0, 0.9)]
        assert session.rejected == 1
        assert session.skipped == 2 + 10 + 5


def test_a_chunk_longer_than_is_asked_for_comes_in_parts() -> None:
    port = ReplayPort(iter([(50.0, FIRST), (60.0, SECOND)]))
    assert port.read(100, 0.0) == FIRST
    assert port.time == 50.0
    assert port.read(4, 0.0) == SECOND[:4]
    assert port.read(100, 0.0) == SECOND[4:]
    assert port.time == 60.0
    with pytest.raises(EndOfRecording):
        port.read(100, 0.0)


def test_what_is_captured_can_be_replayed(tmp_path: Path) -> None:
    clock = FakeClock()
    file = io.StringIO()
    port = Capture(ScriptedPort(clock, [(1000.5, FIRST), (1007.0, SECOND)]), file, clock.time)
    while clock.moment < 1010:
        port.read(100, 1.0)
    recorded = tmp_path / "a.capture"
    recorded.write_text(file.getvalue())
    with open_recording("nova", recorded, name="dust") as session:
        assert seen(all_of(session)) == [(1.7e9 + 1000.5, 0.6), (1.7e9 + 1007, 0.9)]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.bin", b"", "empty"),
        ("a.hexdump", b"00000000: zz", "line 1: is not xxd's form"),
        ("a.hexdump", HEXDUMP.encode()[HEXDUMP.index("\n") + 1 :], "line 1: begins with '0000000a', not 00000000"),
        ("a.hexdump", b"hello", "line 1"),
        ("a.capture", b"1.0 aa\nlater bb", "line 2: is not 'seconds hex'"),
        ("a.capture", b"\xff\xfe", "is not text"),
        (None, b"", "cannot be read: No such file"),
    ],
)
def test_bad_recordings(tmp_path: Path, name: str | None, content: bytes, problem: str) -> None:
    file = tmp_path / (name or "absent.bin")
    if name:
        file.write_bytes(content)
    with pytest.raises(BadRecordingError, match=problem):
        all_of(open_recording("nova", file, name="dust"))


def test_at_once_means_at_once(tmp_path: Path) -> None:
    """A week apart, and no waiting."""
    file = tmp_path / "a.capture"
    file.write_text(f"0.0 {FIRST.hex()}\n604800.0 {SECOND.hex()}\n")
    began = time.monotonic()
    with open_recording("nova", file, name="dust") as session:
        assert [t for t, _ in seen(all_of(session))] == [0.0, 604800.0]
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("driver", ["sensirion", "plantower", "nova"])
def test_a_long_recording_is_read_in_pieces_and_nothing_is_lost_between_them(tmp_path: Path, driver: str) -> None:
    """Longer than three pieces, and no piece ends where a frame ends."""
    file = tmp_path / "long.bin"
    frame = FRAMES[driver][0]
    number = 3 * 65536 // len(frame) + 5
    file.write_bytes(b"\x00" + frame * number)
    with open_recording(driver, file, name="dust", start=10.0, interval_s=2.0) as session:
        readings = all_of(session)
        assert [reading.time for reading in readings] == [10.0 + 2 * n for n in range(number)]
        assert (session.skipped, session.rejected) == (1, 0)

"""Captured answers and the maker's examples."""

from __future__ import annotations

import pytest

from drivers import honeywell
from drivers.driver import Mode
from drivers.honeywell import Honeywell

CAPTURED = [
    ("40 0d 04 00 04 00 07 00 09 00 17 00 00 00 00 84", (4, 7, 9, 23)),
    ("40 0d 04 00 03 00 04 00 04 00 04 00 00 00 00 a0", (3, 4, 4, 4)),
    ("40 0d 04 00 05 00 06 00 06 00 08 00 00 00 00 96", (5, 6, 6, 8)),
]


@pytest.mark.parametrize(("frame", "values"), CAPTURED)
def test_captured_compact_answers(frame: str, values: tuple[int, ...]) -> None:
    data = bytes.fromhex(frame)
    assert Honeywell().framer().feed(data) == [data]
    sample = Honeywell("HPMA115C0").decode(data)
    assert sample is not None
    names = ("pm1_ug_m3", "pm2_5_ug_m3", "pm4_ug_m3", "pm10_ug_m3")
    assert sample.values == dict(zip(names, values, strict=True))


def test_the_makers_example_of_the_standard_answer() -> None:
    sample = Honeywell().decode(bytes.fromhex("40 05 04 00 30 00 31 56"))
    assert sample is not None
    assert sample.values == {"pm2_5_ug_m3": 48, "pm10_ug_m3": 49}


def test_sent_by_itself() -> None:
    """Words 1 and 2 are PM2.5 = 0x0123 and PM10 = 0x0145; sum 0x42+0x4D+0x1C+1+0x23+1+0x45 = 0x115."""
    frame = bytes.fromhex("424d001c 0000 0123 0145") + bytes(20) + bytes.fromhex("0115")
    assert Honeywell().framer().feed(frame) == [frame]
    sample = Honeywell().decode(frame)
    assert sample is not None
    assert sample.values == {"pm2_5_ug_m3": 291, "pm10_ug_m3": 325}


@pytest.mark.parametrize("frame", ["a5a5", "9696", "40 02 10 64 4a"])
def test_no_measurements(frame: str) -> None:
    data = bytes.fromhex(frame)
    assert Honeywell().framer().feed(data) == [data]
    assert Honeywell().decode(data) is None


def test_a_compact_one_is_asked_for_what_it_sends_by_itself_is_unconfirmed() -> None:
    assert Honeywell("HPMA115C0").check_mode("") is Mode.QUERY
    assert Honeywell("HPMA115C0").check_mode("active") is Mode.ACTIVE
    assert Honeywell().check_mode("") is Mode.ACTIVE


def test_the_mode_is_set_after_the_start() -> None:
    assert [step.data for step in Honeywell().opening(Mode.QUERY)] == [honeywell.START, honeywell.AUTO_OFF]
    assert [step.data for step in Honeywell().opening(Mode.ACTIVE)] == [honeywell.START, honeywell.AUTO_ON]
    commands = (honeywell.START, honeywell.STOP, honeywell.READ, honeywell.AUTO_ON, honeywell.AUTO_OFF)
    assert [sum(command) % 256 for command in commands] == [0] * 5


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (honeywell.START, "68 01 01 96"),
        (honeywell.STOP, "68 01 02 95"),
        (honeywell.READ, "68 01 04 93"),
        (honeywell.AUTO_ON, "68 01 40 57"),
        (honeywell.AUTO_OFF, "68 01 20 77"),
        (honeywell.command(0x10), "68 01 10 87"),
        (honeywell.command(0x08, b"\x64"), "68 02 08 64 2a"),
    ],
)
def test_published_commands(built: bytes, published: str) -> None:
    assert built.hex(" ") == published

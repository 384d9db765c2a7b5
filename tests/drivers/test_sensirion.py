"""Published frames, and the two traps of SHDLC: one-pass unstuffing and a checksum that is itself stuffed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import sensirion
from drivers.driver import Mode
from drivers.errors import BadFrameError
from drivers.sensirion import Sensirion, command, stuffed, unstuffed
from drivers.simulated.sensirion import SimulatedSensirion
from tests.drivers.frames import FRAMES

CAPTURED, NO_DATA, NOT_ALLOWED = FRAMES["sensirion"]


def test_captured_measurement() -> None:
    driver = Sensirion()
    assert driver.framer().feed(CAPTURED) == [CAPTURED]
    sample = driver.decode(CAPTURED)
    assert sample is not None
    expected = {
        "pm1_ug_m3": 5.23, "pm2_5_ug_m3": 9.47, "pm4_ug_m3": 12.65, "pm10_ug_m3": 13.28, "n0_5_per_cm3": 26.31,
        "n1_per_cm3": 37.0, "n2_5_per_cm3": 41.52, "n4_per_cm3": 42.41, "n10_per_cm3": 42.54, "typical_size_um": 0.83,
    }  # fmt: skip
    assert {name: round(value, 2) for name, value in sample.values.items()} == expected
    assert sample.fault == ""


def test_commands_are_the_published_ones() -> None:
    assert sensirion.START.hex() == "7e0000020103f97e"
    assert sensirion.READ.hex() == "7e000300fc7e"
    assert sensirion.STOP.hex() == "7e000100fe7e"
    assert command(0xD1).hex() == "7e00d1002e7e"
    assert sensirion.WAKE.hex() == "7e007d3100ee7e"


def test_a_checksum_that_needs_stuffing() -> None:
    assert command(0x80, b"\x00").hex() == "7e008001007d5e7e"


def test_unstuffing_is_one_pass() -> None:
    """Replacing one escape after the other turns 7D 5D 33 into 13 instead of 7D 33."""
    assert unstuffed(bytes.fromhex("7e7d5d337d5d317d5d5d7d5d5e7e")) == bytes.fromhex("7d337d317d5d7d5e")


@given(st.binary(max_size=40))
def test_stuffing_comes_back(body: bytes) -> None:
    frame = stuffed(body)
    assert unstuffed(frame)[:-1] == body
    assert not set(frame[1:-1]) & {0x7E, 0x11, 0x13}


@pytest.mark.parametrize("frame", [NO_DATA, NOT_ALLOWED])
def test_whole_answers_without_a_measurement(frame: bytes) -> None:
    assert Sensirion().framer().feed(frame) == [frame]
    assert Sensirion().decode(frame) is None


def test_a_failure_of_the_device_is_told() -> None:
    body = bytearray(unstuffed(CAPTURED)[:-1])
    body[2] = 0x80
    sample = Sensirion().decode(stuffed(bytes(body)))
    assert sample is not None
    assert sample.fault == "the sensor reports a failure of fan or laser"


def test_a_value_that_is_no_number_is_refused() -> None:
    body = bytearray(unstuffed(CAPTURED)[:-1])
    body[4:8] = bytes.fromhex("7fc00000")
    with pytest.raises(BadFrameError, match="no number"):
        Sensirion().decode(stuffed(bytes(body)))


def test_a_lost_closing_flag_costs_nothing() -> None:
    framer = Sensirion().framer()
    assert framer.feed(NO_DATA[:-1] + CAPTURED + NO_DATA) == [NO_DATA, CAPTURED, NO_DATA]
    assert framer.skipped == framer.rejected == 0


def test_opening_wakes_and_starts() -> None:
    data = [step.data for step in Sensirion().opening(Mode.QUERY)]
    assert data == [b"\xff", sensirion.WAKE, sensirion.START]


def test_the_simulated_one_has_states() -> None:
    device = SimulatedSensirion()
    assert device.hear(sensirion.READ, 0.0) == bytes.fromhex("7e00034300b97e")
    assert device.hear(sensirion.START, 0.0) == bytes.fromhex("7e00000000ff7e")
    assert device.hear(sensirion.START, 0.0) == NOT_ALLOWED
    assert len(device.hear(sensirion.READ, 1.1)) >= 47
    assert device.hear(sensirion.READ, 1.2) == NO_DATA

"""Frames captured from real sensors and the maker's published commands."""

from __future__ import annotations

import pytest

from drivers import nova
from drivers.driver import Mode
from drivers.nova import Nova


@pytest.mark.parametrize(("frame", "value"), [("aac00600060058d93dab", 0.6), ("aac00900090058d943ab", 0.9)])
def test_captured_frames(frame: str, value: float) -> None:
    driver = Nova()
    assert driver.framer().feed(bytes.fromhex(frame)) == [bytes.fromhex(frame)]
    sample = driver.decode(bytes.fromhex(frame))
    assert sample is not None
    assert sample.values == {"pm2_5_ug_m3": value, "pm10_ug_m3": value}


def test_bytes_are_little_endian() -> None:
    """0x0102 = 258 -> 25.8; 0x2706 = 9990 -> 999.0."""
    sample = Nova().decode(bytes.fromhex("aac00201062758d961ab"))
    assert sample is not None
    assert sample.values == {"pm2_5_ug_m3": 25.8, "pm10_ug_m3": 999.0}


def test_sds198_measures_tsp_in_whole_micrograms() -> None:
    frame = bytes.fromhex("aacf00002c01a160 2eab".replace(" ", ""))
    driver = Nova("SDS198")
    assert driver.framer().feed(frame) == [frame]
    sample = driver.decode(frame)
    assert sample is not None
    assert sample.values == {"tsp_ug_m3": 300}
    assert Nova("SDS011").decode(frame) is None


def test_commands_are_the_published_ones() -> None:
    assert nova.QUERY.hex() == "aab404000000000000000000000000ffff02ab"
    assert nova.PASSIVE.hex() == "aab402010100000000000000000000ffff02ab"
    assert nova.ACTIVE.hex() == "aab402010000000000000000000000ffff01ab"
    assert nova.SLEEP.hex() == "aab406010000000000000000000000ffff05ab"
    assert nova.WAKE.hex() == "aab406010100000000000000000000ffff06ab"
    assert nova.CONTINUOUS.hex() == "aab408010000000000000000000000ffff07ab"
    assert nova.command(8, 1, 1).hex() == "aab408010100000000000000000000ffff08ab"
    assert nova.command(8, 1, 30).hex() == "aab408011e00000000000000000000ffff25ab"


def test_wake_then_continuous_then_mode() -> None:
    assert [c.data for c in Nova().opening(Mode.QUERY)] == [nova.WAKE, nova.CONTINUOUS, nova.PASSIVE]
    assert [c.data for c in Nova().opening(Mode.ACTIVE)] == [nova.WAKE, nova.CONTINUOUS, nova.ACTIVE]


def test_replies_are_no_measurement_and_a_wrong_tail_is_refused() -> None:
    framer = Nova().framer()
    assert Nova().decode(bytes.fromhex("aac50601000058d938ab")) is None
    assert framer.feed(bytes.fromhex("aac00600060058d93dac")) == []
    assert framer.reason == "tail"


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (nova.command(7, device=0xA160), "aab40700000000000000000000 0000a16008ab"),
        (nova.command(5, *[0] * 10, 0xA0, 0x01, device=0xA160), "aab405000000000000000000 00a001a160a7ab"),
    ],
)
def test_published_commands_to_one_device(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)

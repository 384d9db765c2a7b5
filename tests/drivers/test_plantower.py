"""Frames captured from real sensors, published vectors, and values computed by hand."""

from __future__ import annotations

import pytest

from drivers import plantower
from drivers.driver import Mode
from drivers.errors import BadFrameError, BadSettingError
from drivers.plantower import Plantower

CAPTURED = "42 4d 00 1c 00 00 00 08 00 08 00 00 00 08 00 08 00 d2 00 46 00 2d 00 1e 00 00 00 00 97 00 02 c5"


def whole(payload: str) -> bytes:
    body = bytes.fromhex(payload)
    frame = b"BM" + (len(body) + 2).to_bytes(2, "big") + body
    return frame + sum(frame).to_bytes(2, "big")


def test_captured_frame() -> None:
    sample = Plantower().decode(bytes.fromhex(CAPTURED))
    assert sample is not None
    assert sample.values == {
        "pm1_cf1_ug_m3": 0, "pm2_5_cf1_ug_m3": 8, "pm10_cf1_ug_m3": 8,
        "pm1_ug_m3": 0, "pm2_5_ug_m3": 8, "pm10_ug_m3": 8,
        "n0_3_per_cm3": 2.1, "n0_5_per_cm3": 0.7, "n1_per_cm3": 0.45, "n2_5_per_cm3": 0.3,
        "n5_per_cm3": 0, "n10_per_cm3": 0,
    }  # fmt: skip


def test_commands_are_the_published_ones() -> None:
    assert bytes.fromhex("42 4d e2 00 00 01 71") == plantower.READ
    assert bytes.fromhex("42 4d e1 00 00 01 70") == plantower.PASSIVE
    assert bytes.fromhex("42 4d e1 00 01 01 71") == plantower.ACTIVE
    assert bytes.fromhex("42 4d e4 00 00 01 73") == plantower.SLEEP
    assert bytes.fromhex("42 4d e4 00 01 01 74") == plantower.WAKE


def test_the_mode_is_set_after_waking() -> None:
    assert [c.data for c in Plantower().opening(Mode.ACTIVE)] == [plantower.WAKE, plantower.ACTIVE]
    assert [c.data for c in Plantower().opening(Mode.QUERY)] == [plantower.WAKE, plantower.PASSIVE]


@pytest.mark.parametrize("ack", ["e1000174", "e1010175", "e4000177"])
def test_acknowledgements_are_whole_but_no_measurement(ack: str) -> None:
    driver = Plantower()
    frame = bytes.fromhex("424d0004" + ack)
    assert driver.framer().feed(frame) == [frame]
    assert driver.decode(frame) is None


def test_pms3003() -> None:
    driver = Plantower("PMS3003")
    frame = whole("0001 0002 0003 0004 0005 0006 0000 0000 0000")
    assert driver.framer().feed(frame) == [frame]
    sample = driver.decode(frame)
    assert sample is not None
    assert list(sample.values.values()) == [1, 2, 3, 4, 5, 6]
    assert driver.opening(Mode.ACTIVE) == ()
    with pytest.raises(BadSettingError, match="allowed: active"):
        driver.check_mode("query")


def test_pms5003t_has_signed_temperature_and_four_counts() -> None:
    sample = Plantower("pms5003t").decode(whole("0001 0002 0003 0004 0005 0006 0064 0032 000a 0001 ffce 022b 9700"))
    assert sample is not None
    assert sample.values["temperature_c"] == -5.0
    assert sample.values["humidity_percent"] == 55.5
    assert sample.values["n2_5_per_cm3"] == 0.01
    assert "n5_per_cm3" not in sample.values


def test_pms5003st_has_all() -> None:
    frame = whole("0001 0002 0003 0004 0005 0006 0064 0032 000a 0005 0002 0001 0007 00fa 0190 0000 9700")
    assert len(frame) == 40
    sample = Plantower("PMS5003ST").decode(frame)
    assert sample is not None
    assert sample.values["n10_per_cm3"] == 0.01
    assert sample.values["formaldehyde_mg_m3"] == 0.007
    assert sample.values["temperature_c"] == 25.0
    assert sample.values["humidity_percent"] == 40.0


def test_pms5003s_has_formaldehyde() -> None:
    sample = Plantower("PMS5003S").decode(whole("0001 0002 0003 0004 0005 0006 0064 0032 000a 0005 0002 0001 000c"))
    assert sample is not None
    assert sample.values["formaldehyde_mg_m3"] == 0.012


def test_a_frame_of_another_model_says_which_are_possible() -> None:
    with pytest.raises(BadFrameError, match=r"24 bytes, but a PMS5003 sends 32.*PMS3003"):
        Plantower().decode(whole("0001 0002 0003 0004 0005 0006 0000 0000 0000"))


def test_unknown_model() -> None:
    with pytest.raises(BadSettingError, match=r"'PMS9003'; allowed: PMS5003, .*PMS5003ST"):
        Plantower("PMS9003")

"""Sentences from the public test corpus of the field, and sentences built by hand for the BeiDou talker."""

from __future__ import annotations

import pytest

from drivers.errors import BadFrameError
from drivers.nmea import Nmea

RMC = b"$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68\r\n"
GGA = b"$GPGGA,184353.07,1929.045,S,02410.506,E,1,04,2.6,100.00,M,-33.9,M,,0000*6D\r\n"
NO_FIX = b"$GPRMC,123519.00,V,4807.038,N,01131.000,E,,,230394,,,N*46\r\n"
VTG = b"$GPVTG,108.53,T,,M,0.04,N,0.07,K,A*31\r\n"


def sentence(body: str) -> bytes:
    check = 0
    for byte in body.encode():
        check ^= byte
    return f"${body}*{check:02x}\r\n".encode()


@pytest.mark.parametrize("frame", [RMC, GGA, NO_FIX, VTG])
def test_published_checksums(frame: bytes) -> None:
    framer = Nmea().framer()
    assert framer.feed(frame) == [frame]
    assert framer.feed(frame.replace(b"*", b"1*")) == []
    assert framer.reason == "checksum"


def test_rmc_gives_position_speed_and_course() -> None:
    sample = Nmea().decode(RMC)
    assert sample is not None
    assert sample.values == pytest.approx(
        {
            "latitude_deg": 49 + 16.45 / 60,
            "longitude_deg": -(123 + 11.12 / 60),
            "speed_m_s": 0.25722,
            "course_deg": 54.7,
        },
        abs=1e-5,
    )


def test_gga_alone_is_a_position() -> None:
    driver = Nmea()
    for _ in range(2):
        sample = driver.decode(GGA)
        assert sample is not None
        assert sample.values == pytest.approx(
            {
                "latitude_deg": -(19 + 29.045 / 60),
                "longitude_deg": 24 + 10.506 / 60,
                "satellites": 4,
                "hdop": 2.6,
                "altitude_m": 100.0,
            }
        )


def test_gga_adds_to_the_next_rmc_where_both_come() -> None:
    driver = Nmea()
    assert driver.decode(RMC) is not None
    assert driver.decode(GGA) is None
    sample = driver.decode(RMC)
    assert sample is not None
    assert (sample.values["satellites"], sample.values["hdop"], sample.values["altitude_m"]) == (4, 2.6, 100)


def test_no_fix_is_said_and_gives_no_position() -> None:
    sample = Nmea().decode(NO_FIX)
    assert sample is not None
    assert sample.values == {}
    assert "no fix" in sample.fault


@pytest.mark.parametrize("talker", ["GN", "BD", "GB"])
def test_other_talkers(talker: str) -> None:
    frame = sentence(f"{talker}RMC,010203.00,A,3203.61800,N,11847.81400,E,10.0,,010125,,,A")
    assert Nmea().framer().feed(frame) == [frame]
    sample = Nmea().decode(frame)
    assert sample is not None
    assert sample.values == pytest.approx(
        {"latitude_deg": 32.0603, "longitude_deg": 118.7969, "speed_m_s": 5.144444}, abs=1e-6
    )


def test_other_sentences_are_no_measurement() -> None:
    assert Nmea().decode(VTG) is None


@pytest.mark.parametrize(
    "body",
    [
        "GPRMC,1,A,4976.45,N,12311.12,W,0,0,191194,,",
        "GPRMC,1,A,4916.45,X,12311.12,W,0,0,191194,,",
        "GPRMC,1,A,,,,,0,0,191194,,",
        "GPRMC,1,A",
        "GPGGA,1,4916.45,N,12311.12,W,1,four,1,1,M",
        "GPRMC,1,A,4916.45,N,12311.12,W,nan,0,191194,,",
        "GPRMC,1,A,4916.45,N,12311.12,W,1_0,0,191194,,",
    ],
)
def test_whole_sentences_without_sense(body: str) -> None:
    with pytest.raises(BadFrameError, match="cannot be understood"):
        Nmea().decode(sentence(body))

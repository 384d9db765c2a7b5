"""Whole frames of each driver, published or built by hand; the framer's properties are held to all of them."""

from __future__ import annotations

FRAMES: dict[str, list[bytes]] = {
    "plantower": [
        bytes.fromhex("424d001c00000008000800000008000800d20046002d001e00000000970002c5"),
        bytes.fromhex("424d001400010002000300040005000600000000000000b8"),
        bytes.fromhex("424d0004e1000174"),
    ],
    "nova": [bytes.fromhex("aac00600060058d93dab"), bytes.fromhex("aac50601000058d938ab")],
    "honeywell": [
        bytes.fromhex("4005040030003156"),
        bytes.fromhex("400d0400040007000900170000000084"),
        bytes.fromhex("a5a5"),
    ],
    "sensirion": [
        bytes.fromhex("7e0003002840a783204117 77bb414a5f8341548ddd41d2833e427d33fc8542261722")
        + bytes.fromhex("4229a4d9422a29bc3f55b7e79e7e"),
        bytes.fromhex("7e00030000fc7e"),
        bytes.fromhex("7e00004300bc7e"),
    ],
    "modbus-station": [
        bytes.fromhex("010320") + bytes(32) + bytes.fromhex("927a"),
        bytes.fromhex("018302c0f1"),
    ],
    "nmea": [
        b"$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68\r\n",
        b"$GPVTG,108.53,T,,M,0.04,N,0.07,K,A*31\r\n",
    ],
}

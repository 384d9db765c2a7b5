"""The two checksums found in HJ 212 frames, over the data segment.

The standard's own (HJ 212-2017 appendix A) shifts before it mixes, so only 8 bits go from byte to byte and the check
takes just 256 values: one corruption in 256 passes it. CRC-16/MODBUS is what some dust vendors send instead.
"""

from __future__ import annotations

from enum import StrEnum

_POLYNOMIAL = 0xA001


class Dialect(StrEnum):
    """Which checksum a frame carries."""

    HJ = "hj"
    MODBUS = "modbus"


def _eight_shifts(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1
    return value


_TABLE = tuple(_eight_shifts(byte) for byte in range(256))


def crc_hj(data: bytes) -> int:
    """CRC of HJ 212-2017, appendix A: ``crc = (crc >> 8) ^ byte``, then eight shifts with 0xA001; starts at 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = _TABLE[crc >> 8 ^ byte]
    return crc


def crc_modbus(data: bytes) -> int:
    """CRC-16/MODBUS: reflected 0x8005, starts at 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


CRC = {Dialect.HJ: crc_hj, Dialect.MODBUS: crc_modbus}

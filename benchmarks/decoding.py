"""What a driver adds to ``struct.unpack`` and a checksum: the same stream cut, checked and unpacked, by it and barely.

Bare means: find the head, slice the known length, check, unpack to a tuple (text: split, and turn the fields used into
floats). Ours means: what the live agent does with the same bytes, from the stream to values under their names and in
their units. Cutting is on both sides. CPU of this process, the two in turns, the least of ``TURNS``.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable

from pymodbus.framer import FramerRTU

from benchmarks.row import Row
from drivers.table import driver_of
from edge_agent.hj212 import Frame, crc_hj, decode, encode

FRAMES = 200
TURNS = 100

Bare = Callable[[bytes], object]

_PLANTOWER = struct.Struct(">4x12H4x")
_NOVA = struct.Struct("<2xHH4x")
_SENSIRION = struct.Struct(">10f")
_HONEYWELL = struct.Struct(">3x2Hx")
_RENKE = struct.Struct(">3x16H2x")
_ESCAPED = re.compile(rb"\x7d(.)", re.DOTALL)


def rows() -> list[Row]:
    """One line a driver, and one for an HJ 212 frame."""
    found = [_compared(*case) for case in _CASES]
    return [*found, _hj212()]


def _plantower(frame: bytes) -> object:
    return sum(frame[:-2]) == frame[-2] << 8 | frame[-1] and _PLANTOWER.unpack(frame)


def _nova(frame: bytes) -> object:
    return sum(frame[2:8]) & 0xFF == frame[8] and _NOVA.unpack(frame)


def _sensirion(frame: bytes) -> object:
    body = _ESCAPED.sub(lambda found: bytes([found[1][0] ^ 0x20]), frame[1:-1])
    return ~sum(body[:-1]) & 0xFF == body[-1] and _SENSIRION.unpack_from(body, 4)


def _honeywell(frame: bytes) -> object:
    return sum(frame) & 0xFF == 0 and _HONEYWELL.unpack(frame)


def _renke(frame: bytes) -> object:
    return FramerRTU.check_CRC(frame[:-2], frame[-2] << 8 | frame[-1]) and _RENKE.unpack(frame)


def _rmc(frame: bytes) -> object:
    check = 0
    for byte in frame[1:-5]:
        check ^= byte
    fields = frame.split(b",")
    return check == int(frame[-4:-2], 16) and [float(fields[n]) for n in (3, 5, 7, 8)]


_CASES: list[tuple[str, bytes, bytes, Bare]] = [
    (
        "plantower",
        bytes.fromhex("424d001c00000008000800000008000800d20046002d001e00000000970002c5"),
        b"\x42\x4d\x00\x1c",
        _plantower,
    ),
    ("nova", bytes.fromhex("aac00600060058d93dab"), b"\xaa\xc0", _nova),
    (
        "sensirion",
        bytes.fromhex(
            "7e0003002840a78320411777bb414a5f8341548ddd41d2833e427d33fc85422617224229a4d9422a29bc3f55b7e79e7e"
        ),
        b"\x7e\x00",
        _sensirion,
    ),
    ("honeywell", bytes.fromhex("4005040030003156"), b"\x40\x05", _honeywell),
    (
        "modbus-station",
        bytes.fromhex("01032000150002000300870229ffcc02480023003c03f500013d52032c000c00000000caaf"),
        b"\x01\x03",
        _renke,
    ),
    ("nmea", b"$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68\r\n", b"$", _rmc),
]


def _compared(name: str, frame: bytes, head: bytes, bare: Bare) -> Row:
    driver = driver_of(name)
    query = next(iter(driver.queries()), b"")
    stream, length = frame * FRAMES, len(frame)

    def ours() -> list[object]:
        return [driver.decode(each, query) for each in driver.framer().feed(stream)]

    def theirs() -> list[object]:
        out: list[object] = []
        at = 0
        while (at := stream.find(head, at)) >= 0:
            out.append(bare(stream[at : at + length]))
            at += length
        return out

    assert len(ours()) == len(theirs()) == FRAMES
    assert all(theirs())
    ours_us, bare_us = _least_us(ours, theirs)
    values = len(driver.decode(frame, query).values)  # type: ignore[union-attr]
    return Row(
        f"{name}: {values} values of {length} bytes decoded, cutting included",
        f"{ours_us:.1f} µs = {ours_us / bare_us:.1f}× bare",
        f"cut, checked and unpacked to a tuple {bare_us:.1f} µs; at most 3×",
        ours_us <= 3 * bare_us,
    )


def _hj212() -> Row:
    cp = tuple(
        ((f"a3400{n}-Min", "80"), (f"a3400{n}-Avg", "95"), (f"a3400{n}-Max", "118"), (f"a3400{n}-Flag", "N"))
        for n in range(6)
    )
    fields = {"QN": "20260715101500001", "ST": "39", "CN": "2051", "PW": "123456", "MN": "010000A8900016F000169DC0"}
    raw = encode(Frame(fields | {"Flag": "5"}, cp))

    def theirs() -> object:
        region = raw[6:-6].partition(b"CP=&&")
        return crc_hj(raw[6:-6]), [pair.split(b"=") for pair in region[2].replace(b";", b",").split(b",")]

    ours_us, bare_us = _least_us(lambda: [decode(raw)] * FRAMES, lambda: [theirs()] * FRAMES)
    ours_us, bare_us = ours_us * FRAMES, bare_us * FRAMES
    return Row(
        f"HJ 212: one minute frame of {len(raw)} bytes decoded",
        f"{ours_us:.0f} µs = {ours_us / bare_us:.1f}× bare",
        f"its checksum, and CP split to pairs, {bare_us:.0f} µs; at most 3×",
        ours_us <= 3 * bare_us,
    )


def _least_us(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """CPU µs a frame of both, each call being for ``FRAMES`` frames."""
    least = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for n, call in enumerate((ours, theirs)):
            began = time.process_time()
            call()
            least[n] = min(least[n], time.process_time() - began)
    return least[0] / FRAMES * 1e6, least[1] / FRAMES * 1e6

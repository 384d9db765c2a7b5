"""Random and mutated bytes into HJ 212's framer and decoder; ``FUZZ_BYTES`` as in ``tests.drivers.test_fuzz``."""

from __future__ import annotations

import os
import random

import pytest

from edge_agent.hj212 import FrameError, Framer, decode, encode
from tests.hj212.test_hj212_codec import HJ, KEY, MODBUS, REFUSED

BYTES = int(os.environ.get("FUZZ_BYTES", "250000"))


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sm4"])
def test_millions_of_bytes(key: bytes | None) -> None:
    """Nothing but FrameError comes out, what is read can be written and read again, and whole frames are found."""
    chance = random.Random("hj212")
    framer = Framer()
    fed = read = 0
    while fed < BYTES:
        broken = chance.random() < 0.5
        part = bytearray(chance.choice([*HJ, *MODBUS, *REFUSED]) if chance.random() < 0.8 else chance.randbytes(60))
        if broken:
            for _ in range(chance.choice((1, 2, 5))):
                part[chance.randrange(len(part))] = chance.randrange(256)
            if chance.random() < 0.2:
                del part[chance.randrange(len(part)) :]
        part += b"\r\n"
        fed += len(part)
        for cut in framer.feed(bytes(part)):
            try:
                decoded = decode(cut, key=key)
            except FrameError:
                continue
            read += 1
            assert decode(encode(decoded.frame)).frame == decoded.frame
    assert read > BYTES / 2000
    framer.feed(b"\r\n" + HJ[2] + b"\r\n")
    assert HJ[7] in framer.feed(HJ[7] + b"\r\n") + framer.flush()

"""Random and mutated bytes into every decoder: no crash, no value that is no number, and what follows is read.

``FUZZ_BYTES`` sets how many bytes each decoder gets, else a quarter of a million.
"""

from __future__ import annotations

import math
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import Driver
from drivers.errors import BadFrameError, DeviceRefusedError
from drivers.table import SENSORS, driver_of
from tests.drivers.frames import FRAMES

BYTES = int(os.environ.get("FUZZ_BYTES", "250000"))
DRIVERS = [driver_of(name, model) for name in sorted(SENSORS) for model in driver_of(name).models]


def decoded(driver: Driver, frame: bytes) -> None:
    for query in (b"", *driver.queries()):
        try:
            sample = driver.decode(frame, query)
        except (BadFrameError, DeviceRefusedError):
            continue
        if sample is not None:
            assert all(math.isfinite(value) for value in sample.values.values()), frame.hex()


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: f"{d.name}-{d.model}")
@given(data=st.data())
def test_whatever_the_framer_lets_through_is_decoded_or_refused(driver: Driver, data: st.DataObject) -> None:
    """Payloads at will behind right headers and checksums: found by letting the framer judge many near-frames."""
    piece = st.one_of(st.binary(max_size=30), st.sampled_from(FRAMES[driver.name]))
    framer = driver.framer()
    for part in data.draw(st.lists(piece, max_size=12)):
        for frame in framer.feed(part):
            decoded(driver, frame)
    for frame in framer.end():
        decoded(driver, frame)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: f"{d.name}-{d.model}")
def test_millions_of_bytes(driver: Driver) -> None:
    chance = random.Random(f"{driver.name} {driver.model}")
    framer = driver.framer()
    fed = through = 0
    while fed < BYTES:
        part = bytearray(chance.choice(FRAMES[driver.name]) if chance.random() < 0.7 else chance.randbytes(40))
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            part[chance.randrange(len(part))] = chance.randrange(256)
        if chance.random() < 0.2:
            del part[chance.randrange(len(part)) :]
        fed += len(part)
        for frame in framer.feed(bytes(part)):
            through += 1
            decoded(driver, frame)
    assert through > BYTES / 1000
    framer.end()
    whole = next(frame for frame in FRAMES[driver.name] if driver.framer().feed(frame) == [frame])
    assert framer.feed(whole) + framer.end() == [whole]

"""Any split, any garbage: whole frames are never lost, broken ones never come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import Driver
from drivers.framer import Framer
from drivers.plantower import Plantower
from drivers.table import SENSORS, driver_of
from tests.drivers.frames import FRAMES

PLANTOWER = FRAMES["plantower"][0]
DRIVERS: list[Driver] = [driver_of(name) for name in sorted(SENSORS)]


def cut(driver: Driver, data: bytes, cuts: list[int]) -> tuple[list[bytes], Framer]:
    framer = driver.framer()
    frames: list[bytes] = []
    at = 0
    for size in cuts:
        frames += framer.feed(data[at : at + size])
        at += size
        assert len(framer._rest) < driver.longest + max(cuts)
    frames += framer.feed(data[at:])
    assert len(framer._rest) < driver.longest
    return frames + framer.end(), framer


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: d.name)
@given(data=st.data())
def test_whole_frames_survive_garbage_and_splits(driver: Driver, data: st.DataObject) -> None:
    """Garbage without header bytes cannot form frames, so exactly the frames put in come out."""
    harmless = st.binary(max_size=50).map(lambda b: b.translate(None, delete=driver.starts))
    parts = data.draw(st.lists(st.tuples(harmless, st.sampled_from(FRAMES[driver.name])), max_size=8))
    stream = b"".join(garbage + frame for garbage, frame in parts)
    cuts = data.draw(st.lists(st.integers(1, 40), max_size=60))
    frames, framer = cut(driver, stream, cuts)
    assert frames == [frame for _, frame in parts]
    assert framer.skipped == sum(len(garbage) for garbage, _ in parts)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: d.name)
@given(head=st.binary(max_size=60), data=st.data())
def test_any_garbage_delays_but_never_eats_a_frame(driver: Driver, head: bytes, data: st.DataObject) -> None:
    """Garbage may begin like a frame, even end in the middle of one: the frame behind it still comes out."""
    starts = [frame[:n] for frame in FRAMES[driver.name] for n in range(len(frame))]
    false_head = data.draw(st.sampled_from(starts))
    whole = FRAMES[driver.name][0]
    cuts = data.draw(st.lists(st.integers(1, 40), max_size=30))
    frames, _ = cut(driver, head + false_head + whole, cuts)
    assert frames
    assert frames[-1] == whole


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: d.name)
@given(data=st.data())
def test_splitting_changes_nothing(driver: Driver, data: st.DataObject) -> None:
    piece = st.one_of(st.binary(max_size=20), st.sampled_from(FRAMES[driver.name]), st.just(driver.starts))
    stream = b"".join(data.draw(st.lists(piece, max_size=12)))
    cuts = data.draw(st.lists(st.integers(1, 40), max_size=60))
    frames, framer = cut(driver, stream, cuts)
    again, once = cut(driver, stream, [])
    assert frames == again
    assert (framer.skipped, framer.rejected) == (once.skipped, once.rejected)
    assert framer.skipped + sum(map(len, frames)) == len(stream)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda d: d.name)
@given(data=st.data())
def test_one_flipped_bit_costs_one_frame(driver: Driver, data: st.DataObject) -> None:
    whole = FRAMES[driver.name][0]
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    broken = bytearray(whole)
    broken[bit // 8] ^= 1 << bit % 8
    frames, _ = cut(driver, whole + bytes(broken) + whole, [])
    assert frames == [whole, whole]


def test_a_header_inside_a_frame_is_data() -> None:
    """Payload words that read 42 4D 00 1C: concentration 16973 cannot be, but a counter can."""
    inner = bytearray(PLANTOWER)
    inner[16:20] = bytes.fromhex("424d001c")
    inner[30:] = sum(inner[:30]).to_bytes(2, "big")
    frames, framer = cut(Plantower(), bytes(inner) * 3, [7] * 20)
    assert frames == [bytes(inner)] * 3
    assert framer.skipped == framer.rejected == 0


def test_entering_a_stream_in_mid_frame() -> None:
    inner = bytearray(PLANTOWER)
    inner[16:20] = bytes.fromhex("424d001c")
    inner[30:] = sum(inner[:30]).to_bytes(2, "big")
    frames, framer = cut(Plantower(), bytes(inner[10:]) + bytes(inner) * 2, [])
    assert frames == [bytes(inner)] * 2
    assert framer.rejected == 1
    assert framer.reason == "checksum"


def test_a_false_head_holds_a_frame_back_only_until_the_pause() -> None:
    framer = Plantower().framer()
    assert framer.feed(b"\x42\x4d\x00\x24" + PLANTOWER) == []
    assert framer.end() == [PLANTOWER]

"""Frames against the vectors of the standard, of its 2025 edition and of devices in the field."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.hj212 import (
    Dialect,
    Frame,
    FrameError,
    Framer,
    cp_from_mapping,
    cp_to_mapping,
    crc_hj,
    decode,
    encode,
    join,
    sm4,
    split,
)

VECTORS = Path(__file__).parent / "vectors"
HJ = (VECTORS / "hj.txt").read_bytes().splitlines()
MODBUS = (VECTORS / "modbus.txt").read_bytes().splitlines()
REFUSED = (VECTORS / "refused.txt").read_bytes().splitlines()
KEY = b"0" * 16


def crc_of_the_standard(segment: bytes) -> int:
    """HJ 212-2017 appendix A, bit by bit."""
    crc = 0xFFFF
    for byte in segment:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            low = crc & 1
            crc >>= 1
            if low:
                crc ^= 0xA001
    return crc


def framed(segment: bytes) -> bytes:
    return b"##%04d%s%04X\r\n" % (len(segment), segment, crc_of_the_standard(segment))


@pytest.mark.parametrize("raw", HJ)
def test_frames_of_the_standard_and_the_field_are_read(raw: bytes) -> None:
    decoded = decode(raw)
    assert decoded.crc is Dialect.HJ
    written = encode(decoded.frame)
    if b";&&" not in raw:
        assert written == raw[:-4] + raw[-4:].upper() + b"\r\n"
    assert decode(written) == decoded


@pytest.mark.parametrize("raw", MODBUS)
def test_modbus_dialect_is_told_apart(raw: bytes) -> None:
    decoded = decode(raw)
    assert decoded.crc is Dialect.MODBUS
    assert encode(decoded.frame, dialect=Dialect.MODBUS) == raw + b"\r\n"
    with pytest.raises(FrameError, match=r"crc: the frame says 0323, its bytes give [0-9A-F]{4} \(hj\)"):
        decode(raw, dialect=Dialect.HJ)


@pytest.mark.parametrize(("raw", "reason"), list(zip(REFUSED, ["crc", "crc", "crc", "length"], strict=True)))
def test_broken_frames_of_the_field_are_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(FrameError) as refused:
        decode(raw)
    assert refused.value.reason == reason


def test_the_check_that_the_standards_prose_misprints_is_refused() -> None:
    with pytest.raises(FrameError, match=r"crc: the frame says 1C08, its bytes give 1C80 \(hj\)"):
        decode(HJ[2][:-4] + b"1C08")


def test_what_the_standards_own_sample_says() -> None:
    frame = decode(HJ[2]).frame
    assert (frame.qn, frame.cn, frame.flag, frame.wants_answer) == ("20160801085857223", 1062, 5, True)
    assert cp_to_mapping(frame.cp) == {"RtdInterval": "30"}


READ = [
    (0, ("2051", "31", 9, "010000A8900016F000169DC0"), {"DataTime": "20240520210600", "a01012-Avg": "9.3"}),
    (1, ("1011", "32", 9, "010000A8900016F000169DC0"), {}),
    (2, ("1062", "32", 5, "010000A8900016F000169DC0"), {"RtdInterval": "30"}),
    (3, ("2011", "22", 4, "Y80110010000010"), {"a21003-Rtd": "101.94", "a21002-Flag": "N", "a21005-Rtd": "0.00"}),
    (4, ("2011", "22", 4, "Y80110010000010"), {"a216-Rtd": "0.036", "a213-Rtd": "101.94"}),
    (5, ("2011", "32", 0, "NJGDKYYC202101q0001w0001"), {"DataTime": "20210305003817000", "ele02-Rtd": "0"}),
    (6, ("2011", "22", 7, "010000A8900016F000169DC0"), {"LA-td": "50.1", "a34002-Rtd": "295", "a34001-Flag": "N"}),
    (7, ("2011", "39", 4, "690000D5800028F889221AC0"), {"a34004-Rtd": "0.0", "LA-Rtd": "0.0", "a01008-Rtd": "0"}),
    (8, ("2011", "39", 0, "010000A00000000000A00654"), {"a34001-Rtd": "0.0", "a34004-Rtd": "23.0"}),
    (9, ("9014", "91", 4, "010000A8900016F000169DC0"), {}),
    (10, ("9011", "91", 4, "010000A8900016F000169DC0"), {"QnRtn": "1"}),
    (11, ("9012", "91", 4, "010000A8900016F000169DC0"), {"ExeRtn": "1"}),
    (12, ("2011", "23", 5, "010000A8900016F000169DC0"), {"LA-Rtd": "50.1"}),
    (13, ("2051", "39", 5, "010000A8900016F000169DC0"), {"a34001-Avg": "231.5", "a34002-Max": "118"}),
]


@pytest.mark.parametrize(("which", "header", "values"), READ)
def test_what_each_published_frame_says(which: int, header: tuple[str, str, int, str], values: dict[str, str]) -> None:
    frame = decode(HJ[which]).frame
    assert (frame.fields["CN"], frame.fields["ST"], frame.flag, frame.fields["MN"]) == header
    said = cp_to_mapping(frame.cp)
    assert {name: said.get(name) for name in values} == values
    assert bool(said) is bool(values)
    assert len(READ) == len(HJ)


def test_the_standards_noise_minute_record() -> None:
    """Table C.26, whose CP ends in a separator."""
    segment = (
        b"QN=20160801085000001;ST=23;CN=2051;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20160801084000;"
        b"L5-Data=53.0;L10-Data=53.0;L50-Data=49.0;L90-Data=45.0;L95-Data=43.0;Leq-Data=50.0;LMx-Data=54.0;"
        b"LMn-Data=42.0;&&"
    )
    frame = decode(framed(segment)).frame
    assert cp_to_mapping(frame.cp) == {
        "DataTime": "20160801084000", "L5-Data": "53.0", "L10-Data": "53.0", "L50-Data": "49.0", "L90-Data": "45.0",
        "L95-Data": "43.0", "Leq-Data": "50.0", "LMx-Data": "54.0", "LMn-Data": "42.0",
    }  # fmt: skip
    assert encode(frame) == framed(segment.replace(b";&&", b"&&"))


def test_a_field_dust_frame_with_a_flag_that_promises_packets_and_a_trailing_separator() -> None:
    frame = decode(HJ[6]).frame
    assert frame.flag == 7
    assert not frame.is_part
    assert cp_to_mapping(frame.cp)["a34001-Rtd"] == "217"
    assert frame.cp[-1] == (("a34001-Rtd", "217"), ("a34001-Flag", "N"))


@pytest.mark.parametrize(
    ("segment", "fields", "cp"),
    [
        (b"ST=39;CN=2011;PW=1;MN=A", {"ST": "39", "CN": "2011", "PW": "1", "MN": "A"}, {}),
        (b"QN=20260715000000000;CN=9014;Flag=4;CP=&&&&", {"QN": "20260715000000000", "CN": "9014", "Flag": "4"}, {}),
        (
            b"CN=2051;Flag=7;PNO=02;PNUM=0003;CP=&&A=1&&",
            {"CN": "2051", "Flag": "7", "PNO": "02", "PNUM": "0003"},
            {"A": "1"},
        ),
        (b"CN=2011;CP=&&a-Min=1,a-Avg=2,a-Max=3&&", {"CN": "2011"}, {"a-Min": "1", "a-Avg": "2", "a-Max": "3"}),
        (
            b"CN=2011;Flag=9;RF=1;CP=&&DataTime=20260715000000123&&",
            {"CN": "2011", "Flag": "9", "RF": "1"},
            {"DataTime": "20260715000000123"},
        ),
        ("CN=3020;CP=&&name=扬尘&&".encode(), {"CN": "3020"}, {"name": "扬尘"}),
        (b"CN=2011;CP=&&a=1;a=2&&", {"CN": "2011"}, {"a": ["1", "2"]}),
    ],
)
def test_tolerance(segment: bytes, fields: dict[str, str], cp: dict[str, object]) -> None:
    for raw in (framed(segment), framed(segment).lower() if segment.islower() else framed(segment)[:-2]):
        frame = decode(raw).frame
        assert dict(frame.fields) == fields
        assert cp_to_mapping(frame.cp) == cp


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"CP=&&a=1&&",
        b"CN=2011;CP=&&a=1",
        b"CN=2011;CP=a=1",
        b"CN=20X1;CP=&&&&",
        b"CN=2011;CN=2011;CP=&&&&",
        b"QN=202411123203230940;CN=2011;CP=&&&&",
        b"CN=2011;Flag=256;CP=&&&&",
        b"CN=2011;PNUM=2;PNO=3;CP=&&&&",
        b"CN=2011;what;CP=&&&&",
        b"CN=2011;CP=&&a&&",
        b"CN=2011;CP=&&a=1;;b=2&&",
        b"CN=2011;CP=&&a=\x001&&",
        b"CN=2011;CP=&&a=\xff&&",
        "CN=3020;CP=&&name=扬尘&&".encode("gbk"),
        "QN=２０１６０８０１０８５８５７２２３;CN=2011;CP=&&&&".encode(),
        "CN=２０１１;CP=&&&&".encode(),
    ],
)
def test_structure_is_checked_though_length_and_crc_are_right(segment: bytes) -> None:
    with pytest.raises(FrameError) as refused:
        decode(framed(segment))
    assert refused.value.reason == "structure"


@pytest.mark.parametrize("raw", [b"", b"##", b"##01", b"##0000", b"hello", b"##0101QN=2016", b"##00010000"])
def test_stumps_are_refused(raw: bytes) -> None:
    with pytest.raises(FrameError):
        decode(raw)


def test_the_check_takes_only_256_values() -> None:
    assert len({crc_hj(hashlib.sha256(b"%d" % i).digest()) for i in range(20000)}) == 256


@given(st.binary(max_size=300))
def test_crc_is_the_standards(data: bytes) -> None:
    assert crc_hj(data) == crc_of_the_standard(data)


def test_sm4_of_the_national_standard() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    cipher = sm4.encrypt(key, key)
    assert cipher.hex() == "681edf34d206965e86b3e94f536e4246"
    assert sm4.decrypt(cipher, key) == key


def test_the_2025_editions_enciphered_minute_frame_to_the_byte() -> None:
    cipher = bytes.fromhex((VECTORS / "sm4-vector-1.hex").read_text())
    plain = HJ[0]
    start = plain.index(b"CP=&&") + 5
    raw = plain[:start] + cipher + plain[start + len(cipher) :] + b"\r\n"
    frame = decode(plain).frame
    assert encode(frame, key=KEY) == raw
    assert decode(raw, key=KEY) == decode(plain)
    assert Framer().feed(raw) == [raw[:-2]]
    with pytest.raises(FrameError, match="needs its key"):
        decode(raw)
    printed = encode(frame, key=KEY, notation="print")
    assert printed.startswith(plain[:start] + b"{0xE4,0x3E,0x15,0x9A,")
    assert decode(printed, key=KEY) == decode(plain)


def test_commands_that_are_not_enciphered_stay_plain() -> None:
    assert encode(decode(HJ[1]).frame, key=KEY) == HJ[1] + b"\r\n"


def test_sm4_of_the_2025_editions_appendix_h() -> None:
    """Authorization of its HTTPS upload: padded to whole blocks (PKCS#7), base64."""
    plain = b"testuser:AezF0nZRs4kypuGO"
    padding = 16 - len(plain) % 16
    cipher = sm4.encrypt(plain + bytes([padding]) * padding, b"msbE74gsiSHSEh5e")
    assert base64.b64encode(cipher) == b"LG/m7lsFU/taig+vbQsDJXy4NGAaE2j2lplPwhZM7iM="


def test_a_wrong_key_and_no_key_are_told_apart() -> None:
    raw = encode(decode(HJ[0]).frame, key=KEY)
    with pytest.raises(FrameError, match=r"crc: .*needs its key"):
        decode(raw)
    with pytest.raises(FrameError, match=r"crc: .*is the key right"):
        decode(raw, key=b"1" * 16)


@given(st.binary(max_size=100), st.binary(min_size=16, max_size=16))
def test_sm4_keeps_the_length_and_the_remainder(data: bytes, key: bytes) -> None:
    cipher = sm4.encrypt(data, key)
    whole = len(data) // 16 * 16
    assert cipher[whole:] == data[whole:]
    assert sm4.decrypt(cipher, key) == data


WORDS = st.text("abcXYZ019", min_size=1, max_size=8)
FACTORS = st.lists(
    st.tuples(WORDS, st.lists(st.sampled_from(["Min", "Avg", "Max", "Flag"]), min_size=1, max_size=4, unique=True)),
    min_size=1,
    max_size=60,
    unique_by=lambda f: f[0],
)


def frame_of(factors: list[tuple[str, list[str]]]) -> Frame:
    cp = [(("DataTime", "20260715000000"),)]
    cp += [tuple((f"{name}-{kind}", "12.5") for kind in kinds) for name, kinds in factors]
    return Frame({"QN": "20260715000000000", "ST": "39", "CN": "2051", "PW": "1", "MN": "A1", "Flag": "9"}, tuple(cp))


@given(FACTORS)
def test_mapping_keeps_factors_together(factors: list[tuple[str, list[str]]]) -> None:
    frame = frame_of(factors)
    assert cp_from_mapping(cp_to_mapping(frame.cp)) == frame.cp


@given(FACTORS, st.integers(110, 400), st.randoms())
def test_packets_fit_can_be_read_alone_and_join_again(factors, max_cp, random) -> None:
    frame = frame_of(factors)
    parts = split(frame, max_cp)
    for part in parts:
        raw = encode(part)
        region = raw[raw.index(b"CP=&&") + 5 : -8]
        assert len(region) <= max_cp
        assert len(raw) - 12 <= 1024
        assert part.get("DataTime") == "20260715000000"
    if len(parts) > 1:
        assert [p.flag for p in parts] == [11] * len(parts)
        assert [int(p.fields["PNO"]) for p in parts] == list(range(1, len(parts) + 1))
        with pytest.raises(FrameError, match="missing"):
            join(parts[1:])
    random.shuffle(parts)
    assert join(parts) == frame


def test_what_cannot_be_written_is_refused() -> None:
    for cp in (((("a", "1;b=2"),),), ((("a", "1&&"),),), ((("a=b", "1"),),), ((("a", "1\n"),),)):
        with pytest.raises(FrameError):
            encode(Frame({"CN": "2011"}, cp))


@settings(max_examples=300)
@given(
    st.lists(st.one_of(st.sampled_from(HJ), st.binary(max_size=60)), max_size=12),
    st.lists(st.integers(1, 200), max_size=30),
)
def test_any_cutting_of_a_stream_gives_the_same_frames(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"\r\n".join(pieces) + b"\r\n"
    whole = Framer()
    expected = whole.feed(stream) + whole.flush()
    framer, got, at = Framer(), [], 0
    for cut in cuts:
        got += framer.feed(stream[at : at + cut])
        at += cut
    got += framer.feed(stream[at:]) + framer.flush()
    good = [c for c in expected if c in HJ]
    assert [c for c in got if c in HJ] == good


@settings(max_examples=300)
@given(st.integers(0, len(HJ) - 1), st.data())
def test_damage_costs_at_most_two_frames(which: int, data: st.DataObject) -> None:
    damaged = bytearray(HJ[which] + b"\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    after = [HJ[2], HJ[7], HJ[10]]
    framer = Framer()
    cuts = framer.feed(bytes(damaged) + b"".join(f + b"\r\n" for f in after))
    assert cuts[-1] == after[2]
    assert after[1] in cuts


@pytest.mark.slow
@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=200), st.sampled_from([*HJ, *MODBUS, *REFUSED])), st.data())
def test_random_and_mutated_bytes_are_refused_or_right(raw: bytes, data: st.DataObject) -> None:
    mutated = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 3))):
        if mutated:
            mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    framer = Framer()
    for cut in framer.feed(bytes(mutated)) + framer.flush():
        for key in (None, KEY):
            try:
                decoded = decode(cut, key=key)
            except FrameError:
                continue
            assert decode(encode(decoded.frame)).frame == decoded.frame


@pytest.mark.parametrize(
    "between",
    [b"\r\n", b"\n", b"\r", b"", b" ", b" \t\r\n", b"\0", b"\r\n\r\n", b" [ok]\r\n2026-07-15 10:00:00 RECV: "],
)
def test_frames_are_found_whatever_stands_between_them_on_a_line(between: bytes) -> None:
    frames = [HJ[2], HJ[9], HJ[6], HJ[13]]
    stream = between.join(frames) + between
    for size in (1, 7, len(stream)):
        framer = Framer()
        got = [cut for at in range(0, len(stream), size) for cut in framer.feed(stream[at : at + size])]
        assert [cut for cut in got + framer.flush() if cut.startswith(b"##")] == frames


def test_a_frame_without_cp_and_a_blank_behind_it_is_cut() -> None:
    raw = framed(b"ST=39;CN=2011;PW=1;MN=A")[:-2]
    assert Framer().feed(raw + b" \r\n" + HJ[2] + b"\r\n") == [raw, HJ[2]]


def test_nothing_waits_for_ever() -> None:
    framer = Framer()
    framer.feed(b"##9999")
    assert sum(len(framer.feed(b"x" * 1000)) for _ in range(40)) >= 1
    assert framer.feed(b"\r\n" + HJ[2] + b"\r\n")[-1] == HJ[2]

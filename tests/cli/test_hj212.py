"""``edge-agent hj212`` as a process: bytes in, lines out, and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "hj212" / "vectors"


def hj212(*words: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "edge_agent", "hj212", *words], input=given, capture_output=True)


def test_decode_prints_one_object_a_frame_and_encode_gives_the_bytes_back() -> None:
    frames = (VECTORS / "hj.txt").read_bytes().splitlines()[:6] + (VECTORS / "modbus.txt").read_bytes().splitlines()
    decoded = hj212("decode", given=b"\r\n".join(frames) + b"\r\n")
    lines = [json.loads(line) for line in decoded.stdout.splitlines()]
    assert (decoded.returncode, len(lines)) == (0, len(frames))
    assert {line["crc"] for line in lines} == {"hj", "modbus"}
    assert lines[2] == {
        "ok": True,
        "crc": "hj",
        "fields": {
            "QN": "20160801085857223",
            "ST": "32",
            "CN": "1062",
            "PW": "100000",
            "MN": "010000A8900016F000169DC0",
            "Flag": "5",
        },
        "cp": {"RtdInterval": "30"},
    }
    encoded = hj212("encode", given=decoded.stdout)
    assert encoded.stdout.splitlines() == [frame[:-4] + frame[-4:].upper() for frame in frames]
    assert encoded.returncode == 0


def test_refused_frames_have_their_reason_and_the_rest_goes_on() -> None:
    refused = (VECTORS / "refused.txt").read_bytes()
    good = (VECTORS / "modbus.txt").read_bytes()
    done = hj212("decode", given=b"hello\n" + refused + good)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("reason") for line in lines] == ["structure", "crc", "crc", "crc", "length", None]
    assert all(line["detail"] for line in lines[:-1])


def test_enciphered_frames_with_their_key() -> None:
    plain = hj212("decode", given=(VECTORS / "hj.txt").read_bytes().splitlines()[0]).stdout
    raw = hj212("encode", "--key", "0" * 16, given=plain).stdout
    assert hj212("decode", "--key", "30" * 16, given=raw).stdout == plain


def test_a_line_that_cannot_be_encoded_is_told_and_the_rest_goes_on() -> None:
    done = hj212(
        "encode", given=b'{"fields": {"CN": "x"}}\nnonsense\n{"fields": {"CN": "9014", "Flag": 4}, "cp": {}}\n'
    )
    assert done.returncode == 1
    assert done.stdout == b"##0022CN=9014;Flag=4;CP=&&&&" + done.stdout[-6:]
    assert [line.split(b":")[0] for line in done.stderr.splitlines()] == [b"line 1", b"line 2"]


def test_numbers_are_written_as_platforms_read_them() -> None:
    done = hj212("encode", given=b'{"fields": {"CN": 2011}, "cp": {"a": 0.00001, "b": 1e22, "c": 95.0, "d": 7}}\n')
    assert b"CP=&&a=0.00001;b=10000000000000000000000;c=95.0;d=7&&" in done.stdout
    for bad in (b"NaN", b"1e999", b"true", b"null", b'"\\ud800"'):
        done = hj212("encode", given=b'{"fields": {"CN": "2011"}, "cp": {"a": %s}}\n' % bad)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.startswith(b"line 1: ")


def test_json_nested_too_deep_is_told_in_a_sentence() -> None:
    done = hj212("encode", given=b"[" * 200_000 + b'\n{"fields": {"CN": "9014"}}\n')
    assert done.returncode == 1
    assert done.stderr.startswith(b"line 1: structure: is no line of JSON")
    assert done.stderr.count(b"\n") == 1
    assert done.stdout.startswith(b"##0015CN=9014;CP=&&&&")


def test_nothing_binary_and_a_line_without_end_are_answered() -> None:
    assert hj212("decode", given=b"").stdout == b""
    for given in (bytes(range(256)) * 20, b"x" * 100_000, b"##9999" + b"x" * 100_000):
        done = hj212("decode", given=given)
        assert done.returncode == 0
        assert {json.loads(line)["ok"] for line in done.stdout.splitlines()} == {False}

"""``edge-agent hj212 decode|encode``: frames on stdin to JSON lines, and back.

decode prints one object a frame: ``{"ok": true, "crc": "hj" or "modbus", "fields": {…}, "cp": {…}}`` or ``{"ok": false,
"reason": "length" or "crc" or "structure", "detail": …}``; a refused frame is a result, the exit code stays 0. encode
takes ``fields`` and ``cp`` (and ``crc``) of each line and writes the frame, in packets where it is too long; a line it
cannot encode is told on stderr, the others go on, the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from edge_agent.hj212 import Dialect, Frame, FrameError, Framer, cp_from_mapping, cp_to_mapping, decode, encode, split


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Direction, checksum, key."""
    parser.add_argument("direction", choices=["decode", "encode"])
    parser.add_argument("--json", action="store_true", help="JSON lines, which is what it speaks anyway")
    parser.add_argument("--crc", choices=["any", "hj", "modbus"], default="any", help="checksum to accept or to write")
    parser.add_argument("--key", type=sm4_key, metavar="KEY", help="SM4 key: 16 characters, or 32 hexadecimal digits")
    parser.add_argument("--notation", choices=["raw", "print"], default="raw", help="how enciphered bytes are written")


def sm4_key(text: str) -> bytes:
    """16 bytes from 32 hexadecimal digits or 16 characters. Raises ArgumentTypeError."""
    if len(text) == 32:
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    if len(text.encode()) == 16:
        return text.encode()
    raise argparse.ArgumentTypeError("an SM4 key is 16 characters or 32 hexadecimal digits")


def run(args: argparse.Namespace) -> int:
    """Converts stdin to stdout."""
    dialect = None if args.crc == "any" else Dialect(args.crc)
    if args.direction == "decode":
        for raw in _frames(sys.stdin.buffer):
            print(json.dumps(_decoded(raw, args.key, dialect), ensure_ascii=False), flush=True)
        return 0
    failed = False
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            for raw in _encoded(line, args.key, dialect, args.notation):
                sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()
        except ValueError as error:
            failed = True
            print(f"line {number}: {error}", file=sys.stderr)
    return 1 if failed else 0


def _frames(stream: BinaryIO) -> Iterator[bytes]:
    framer = Framer()
    read = getattr(stream, "read1", stream.read)
    while data := read(65536):
        yield from framer.feed(data)
    yield from framer.flush()


def _decoded(raw: bytes, key: bytes | None, dialect: Dialect | None) -> dict[str, Any]:
    try:
        decoded = decode(raw, key=key, dialect=dialect)
    except FrameError as error:
        return {"ok": False, "reason": error.reason, "detail": error.detail}
    frame = decoded.frame
    return {"ok": True, "crc": str(decoded.crc), "fields": dict(frame.fields), "cp": cp_to_mapping(frame.cp)}


def _encoded(line: bytes, key: bytes | None, dialect: Dialect | None, notation: Any) -> list[bytes]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = f"is no line of JSON ({error}); decode prints such lines"
        raise FrameError("structure", problem) from error
    if not isinstance(given, dict) or not isinstance(given.get("fields"), dict):
        raise FrameError("structure", 'needs an object with "fields" and "cp"')
    if given.get("ok") is False:
        raise FrameError("structure", f"is a frame that was refused ({given.get('reason')})")
    values = given.get("cp") or {}
    if not isinstance(values, dict):
        raise FrameError("structure", '"cp" must be an object')
    frame = Frame({name: _text(v) for name, v in given["fields"].items()}, cp_from_mapping(_texts(values)))
    chosen = dialect or Dialect(given.get("crc", "hj"))
    return [encode(part, dialect=chosen, key=key, notation=notation) for part in split(frame)]


def _texts(values: dict[str, Any]) -> dict[str, str | list[str]]:
    return {
        name: [_text(v) for v in value] if isinstance(value, list) else _text(value) for name, value in values.items()
    }


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FrameError("structure", f"{value!r} is no text or number")
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        raise FrameError("structure", f"{value!r} cannot be written: leave a value out that is not known")
    return f"{Decimal(str(value)):f}"

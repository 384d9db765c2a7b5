"""Joins JPEGs to a clip without encoding anything: Motion JPEG in AVI (RIFF, AVI 1.0 with an idx1 index).

A frame that is the one before it again costs 8 bytes: an empty chunk, which players show as "no change".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

MEDIA_TYPE = "video/x-msvideo"
_KEY_FRAME = 0x10
_HAS_INDEX = 0x10


def motion_jpeg(frames: Sequence[bytes], frames_per_s: float, width: int, height: int) -> bytes:
    """The file. ``frames`` are JPEGs of ``width``×``height``; an empty one repeats the one before it."""
    rate, scale = round(frames_per_s * 1000), 1000
    largest = max(len(frame) for frame in frames)
    main = struct.pack(
        "<14I", round(1e6 / frames_per_s), round(largest * frames_per_s), 0, _HAS_INDEX, len(frames), 0, 1, largest,
        width, height, 0, 0, 0, 0,
    )  # fmt: skip
    stream = struct.pack(
        "<4s4sIHHIIIIIIiI4H", b"vids", b"MJPG", 0, 0, 0, 0, scale, rate, 0, len(frames), largest, -1, 0,
        0, 0, width, height,
    )  # fmt: skip
    picture = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    streams = _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", picture))
    header = _list(b"hdrl", _chunk(b"avih", main) + streams)
    body, index = [], []
    offset = 4
    for frame in frames:
        chunk = _chunk(b"00dc", frame)
        index.append(struct.pack("<4sIII", b"00dc", _KEY_FRAME if frame else 0, offset, len(frame)))
        body.append(chunk)
        offset += len(chunk)
    content = header + _list(b"movi", b"".join(body)) + _chunk(b"idx1", b"".join(index))
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"AVI " + content


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)

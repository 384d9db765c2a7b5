"""The manifest of an evidence pack, and the note of what the device removed from one: signed documents of two lines.

The first line is the document as canonical JSON (keys sorted, no blanks, UTF-8); the second ``{"ed25519":"<hex>"}``
signs exactly the bytes of the first, without its line feed, by RFC 8032. So ``head -n 1 | tr -d '\\n'`` and any Ed25519
program can check it. Every file of a pack is named with its size and SHA-256; the manifest names the SHA-256 of the
whole manifest file before it in the device's chain. A chain begins at number 1 with an empty ``previous`` and bears the
id of its first message; a new key begins a new chain.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from edge_agent.messages.envelope import Message

MANIFEST = "manifest.jsonl"
REMOVED = "removed.jsonl"
MEDIA_TYPE = "application/jsonl"
MANIFEST_ROLE = "manifest"
MOST_BYTES = 4 << 20
_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/x-msvideo": ".avi",
}

Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
PreviousHash = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Number = Annotated[int, msgspec.Meta(ge=1)]
_Document = TypeVar("_Document", bound=msgspec.Struct)


class NotSignedError(ValueError):
    """No signed document of ours; the text says why."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest link of a chain: its number, the SHA-256 of its manifest file, the key that signed it."""

    chain: str
    number: int
    sha256: str
    key: str


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place in the chain ``id``; ``previous`` is the SHA-256 of manifest ``number`` - 1, empty for the first."""

    id: str
    number: Number
    previous: PreviousHash


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the pack; where ``sent`` is false it stays on the device until it is asked for."""

    n: Number
    name: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[a-z0-9]+$")]
    role: str
    time: str
    media_type: str
    size: Count
    width: Count
    height: Count
    sent: bool
    sha256: Hash
    sm3: PreviousHash = ""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that judged: SHA-256 of its ONNX file, as its card says, or of the file of its correction."""

    name: str
    version: str
    sha256: Hash


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``message`` is the id of the violation or stay, ``kind`` what kind it is, ``data`` what was judged, as raised.

    ``time`` is as the clock had it when recorded, with its trust and its measured error (-1: unknown); a later
    correction of an untrusted time does not change the manifest, ``boot`` and ``monotonicms`` tell how to make it.
    ``key`` is the public key in hexadecimal.
    """

    format: Literal["edge-evidence/1"] = "edge-evidence/1"
    message: str
    type: str
    subject: str
    kind: str
    site: str
    device: str
    position: tuple[float, float] | None
    time: str
    timetrust: str
    timeerrorms: int
    boot: str
    monotonicms: int
    sequence: int
    data: Any
    files: list[File]
    software: str
    models: list[Model]
    chain: Link
    key: Hash


class RemovedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``reason``: keep_days, keep_mb (retention, after acknowledgement), outbox-full, disk-full (no room left)."""

    name: str
    time: str
    reason: str


class Removed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device removed from the pack whose manifest file has the SHA-256 ``manifest``."""

    format: Literal["edge-evidence-removed/1"] = "edge-evidence-removed/1"
    message: str
    manifest: Hash
    removed: list[RemovedFile]
    key: Hash


def file_name(n: int, role: str, media_type: str) -> str:
    """The name of the ``n``-th piece in its pack, such as ``1.jpg``."""
    return MANIFEST if role == MANIFEST_ROLE else f"{n}{_SUFFIXES.get(media_type, '.bin')}"


def canonical(document: object) -> bytes:
    """Canonical JSON. A decoded document gives the bytes it was decoded from, or they were not canonical."""
    return msgspec.json.encode(msgspec.to_builtins(document), order="sorted")


def signed_text(line: bytes, signature: bytes) -> bytes:
    """The file of a signed document."""
    return line + b"\n" + canonical({"ed25519": signature.hex()}) + b"\n"


def read_signed(content: bytes, kind: type[_Document]) -> tuple[_Document, bytes, bytes]:
    """The document, the bytes that are signed, the signature. Raises NotSignedError."""
    lines = content[: MOST_BYTES + 1].split(b"\n")
    if len(content) > MOST_BYTES or len(lines) != 3 or lines[2]:
        raise NotSignedError("is not the two lines of a signed document")
    try:
        document = msgspec.json.decode(lines[0], type=kind)
        signature = bytes.fromhex(msgspec.json.decode(lines[1], type=dict[str, str])["ed25519"])
        exact = canonical(msgspec.json.decode(lines[0])) == lines[0] and signed_text(lines[0], signature) == content
    except (ValueError, KeyError, RecursionError) as error:
        raise NotSignedError(f"cannot be read: {error}") from error
    if not exact:
        raise NotSignedError("is not in canonical form: it was edited")
    return document, lines[0], signature


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def judged(message: Message) -> dict[str, Any]:
    """What a message says beside its evidence."""
    data = msgspec.to_builtins(message.data)
    return {name: value for name, value in data.items() if name != "evidence"}

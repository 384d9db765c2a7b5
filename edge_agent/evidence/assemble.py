"""Puts evidence packs together from the messages of a broker: ``<folder>/<site>/<device>/<message id>/<file>``.

A pack that came whole is what ``edge-agent verify`` reads; what the device keeps and did not send is not in it. Pieces
are checked against the SHA-256 they were announced with and appear under their name at once or not at all. Parts that
wait for others are bounded to 64 MB, the oldest piece is let go first.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import msgspec

from edge_agent.evidence.manifest import digest, file_name
from edge_agent.messages.envelope import Message
from edge_agent.messages.gate import EvidenceData

_MOST_WAITING = 64 << 20
_SOURCE = re.compile(r"edge/v1/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")


class PackWriter:
    """``update`` for each message; what is no evidence is passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[tuple[str, int, int, str], dict[int, bytes]] = {}

    def update(self, message: Message) -> Path | None:
        """The file that is whole with ``message``. Raises ValueError for a forged name, OSError."""
        if message.type != "edge.evidence.v1":
            return None
        data = message.data
        piece = msgspec.json.decode(data, type=EvidenceData) if isinstance(data, msgspec.Raw) else data
        piece = msgspec.convert(piece, EvidenceData)
        place = _SOURCE.fullmatch(message.source)
        if place is None or str(uuid.UUID(piece.violation)) != piece.violation:
            raise ValueError(f"evidence of {message.source!r} names a message {piece.violation!r} that cannot be")
        content = self._whole(message.source, piece)
        if content is None:
            return None
        if digest(content) != piece.sha256:
            raise ValueError(f"piece {piece.n} of {piece.violation} came damaged: its SHA-256 differs")
        folder = self._folder / place[1] / place[2] / piece.violation
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file_name(piece.n, piece.role, piece.media_type)
        draft = folder.parent / f".{piece.violation}-{path.name}"
        draft.write_bytes(content)
        return draft.replace(path)

    def _whole(self, source: str, piece: EvidenceData) -> bytes | None:
        if piece.parts == 1:
            return piece.data
        key = (source + piece.violation, piece.n, piece.parts, piece.sha256)
        parts = self._parts.setdefault(key, {})
        parts[piece.part] = piece.data
        if len(parts) == piece.parts:
            return b"".join(content for _, content in sorted(self._parts.pop(key).items()))
        while sum(len(p) for waiting in self._parts.values() for p in waiting.values()) > _MOST_WAITING:
            del self._parts[next(iter(self._parts))]
        return None

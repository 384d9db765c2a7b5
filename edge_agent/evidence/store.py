"""The evidence folder: ``YYYY/MM/DD/<violation id>/<n>.<jpg|png|mp4>`` under ``data_dir/evidence``.

Invariant: a folder named after a violation is whole and synced. It is written under a name that begins with a dot,
every file synced, then the folder; then renamed, then the folder of the day synced. What a power cut leaves under a
dotted name is swept away at the next start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.evidence.files import Files
from edge_agent.messages.envelope import Picture, rfc3339
from edge_agent.messages.gate import EvidenceRef

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of evidence; ``path`` is relative to the evidence folder."""

    path: str
    size: int


def reference(n: int, picture: Picture) -> EvidenceRef:
    """What a violation says of its ``n``-th picture, counted from 1."""
    return EvidenceRef(
        n=n,
        role=picture.role,
        time=rfc3339(picture.time),
        media_type=picture.media_type,
        sha256=hashlib.sha256(picture.content).hexdigest(),
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
        sent=not picture.local,
    )


class EvidenceStore:
    """Files of evidence by violation. Not locked: the recorder is its only writer."""

    def __init__(self, root: Path, files: Files | None = None) -> None:
        self.root = root
        self._files = files or Files()
        self._folder(root)

    def keep(self, violation: str, time: float, pictures: Iterable[Picture]) -> list[Piece]:
        """Writes the pictures of one violation; when it returns they survive a power cut. Raises OSError."""
        day = self.root / datetime.fromtimestamp(time, UTC).strftime("%Y/%m/%d")
        self._folder(day)
        draft, final = day / f".{violation}", day / violation
        self._files.remove(draft)
        pieces = []
        try:
            self._files.make_folder(draft)
            for n, picture in enumerate(pictures, 1):
                name = f"{n}{_SUFFIXES.get(picture.media_type, '.bin')}"
                self._files.write(draft / name, picture.content)
                pieces.append(Piece((final / name).relative_to(self.root).as_posix(), len(picture.content)))
            self._files.sync_folder(draft)
            self._files.move(draft, final)
            self._files.sync_folder(day)
        except OSError:
            self._files.remove(draft)
            raise
        return pieces

    def read(self, path: str) -> bytes:
        """The content of a piece. Raises OSError."""
        return (self.root / path).read_bytes()

    def drop(self, path: str) -> None:
        """Removes a piece, and its violation's folder when it was the last."""
        file = self.root / path
        self._files.remove(file)
        try:
            file.parent.rmdir()
        except OSError:
            return

    def sweep(self) -> int:
        """Removes what a power cut left half-written; how many folders that were."""
        half = [p for p in self.root.glob("[0-9]*/[0-9]*/[0-9]*/.*") if p.is_dir()]
        for path in half:
            self._files.remove(path)
        return len(half)

    def scan(self) -> Iterator[Piece]:
        """Every piece on disk."""
        for file in self.root.glob("[0-9]*/[0-9]*/[0-9]*/*/*"):
            if file.is_file():
                yield Piece(file.relative_to(self.root).as_posix(), file.stat().st_size)

    def _folder(self, path: Path) -> None:
        if path.is_dir():
            return
        if not path.parent.is_dir():
            self._folder(path.parent)
        self._files.make_folder(path)
        self._files.sync_folder(path.parent)

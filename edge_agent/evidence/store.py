"""The evidence folder: ``YYYY/MM/DD/<message id>/<n>.<jpg|png|mp4>`` under ``data_dir/evidence``, with the manifest.

Invariant: a folder named after a violation is whole and synced. It is written under a name that begins with a dot,
every file synced, then the folder; then renamed, then the folder of the day synced. What a power cut leaves under a
dotted name is swept away at the next start. What is removed from a sealed pack is noted in it first, signed; the
manifest itself stays, so the chain of a device whose pictures had to go can still be followed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from edge_agent.errors import EdgeAgentError
from edge_agent.evidence.files import Files
from edge_agent.evidence.manifest import MANIFEST, REMOVED, digest, file_name
from edge_agent.evidence.seal import Seal
from edge_agent.messages.envelope import Picture, rfc3339
from edge_agent.messages.gate import EvidenceRef

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of evidence; ``path`` is relative to the evidence folder."""

    path: str
    size: int

    @property
    def sealing(self) -> bool:
        """Whether it is the manifest, which stays when the pictures go."""
        return self.path.endswith(f"/{MANIFEST}")


def reference(n: int, picture: Picture) -> EvidenceRef:
    """What a violation says of its ``n``-th picture, counted from 1."""
    return EvidenceRef(
        n=n,
        role=picture.role,
        time=rfc3339(picture.time),
        media_type=picture.media_type,
        sha256=digest(picture.content),
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
        sent=not picture.local,
        box=picture.box,
    )


class EvidenceStore:
    """Files of evidence by message; without ``seal`` packs are not sealed.

    Not locked: the recorder is its only writer.
    """

    def __init__(self, root: Path, files: Files | None = None, seal: Seal | None = None) -> None:
        self.root = root
        self.seal = seal
        self._files = files or Files()
        self._folder(root)

    def keep(self, violation: str, time: float, pictures: Iterable[Picture], manifest: bytes = b"") -> list[Piece]:
        """Writes the pictures of one message, and its manifest; when it returns they survive a power cut.

        Raises OSError; then nothing is left of it.
        """
        day = self._day(time)
        self._folder(day)
        draft, final = day / f".{violation}", day / violation
        self._files.remove(draft)
        pieces = []
        try:
            self._files.make_folder(draft)
            contents = [(file_name(n, p.role, p.media_type), p.content) for n, p in enumerate(pictures, 1)]
            for name, content in [*contents, *([(MANIFEST, manifest)] if manifest else [])]:
                self._files.write(draft / name, content)
                pieces.append(Piece((final / name).relative_to(self.root).as_posix(), len(content)))
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

    def pack(self, message: str) -> str:
        """Where the pack of a message is or was, relative to the evidence folder. Raises ValueError for no id."""
        key = uuid.UUID(message)
        if str(key) != message:
            raise ValueError(f"{message!r} is no id as the device gives them")
        day = self._day((key.int >> 80) / 1000)
        return (day / message).relative_to(self.root).as_posix()

    def drop(self, path: str) -> None:
        """Removes a piece, and its folder when it was the last."""
        file = self.root / path
        self._files.remove(file)
        try:
            file.parent.rmdir()
        except OSError:
            return

    def drop_pack(self, folder: str) -> None:
        """Removes a whole pack."""
        self._files.remove(self.root / folder)

    def remove(self, pieces: Iterable[str], time: float, reason: str) -> None:
        """Removes pieces for want of room or when they were kept long enough; a sealed pack says so from then on."""
        packs: dict[str, list[str]] = {}
        for path in pieces:
            packs.setdefault(str(PurePosixPath(path).parent), []).append(PurePosixPath(path).name)
        for folder, names in packs.items():
            try:
                self._note(self.root / folder, names, time, reason)
            except (OSError, EdgeAgentError) as error:
                log.error("%s: what is removed cannot be noted, it will seem missing: %s", folder, error)
            for name in names:
                self.drop(f"{folder}/{name}")

    def _note(self, folder: Path, names: Sequence[str], time: float, reason: str) -> None:
        manifest, note = folder / MANIFEST, folder / REMOVED
        if self.seal is None or not manifest.exists():
            return
        before = note.read_bytes() if note.exists() else b""
        new = folder / f".{REMOVED}"
        self._files.write(new, self.seal.removed(manifest.read_bytes(), before, names, time, reason))
        self._files.move(new, note)
        self._files.sync_folder(folder)

    def sweep(self) -> int:
        """Removes what a power cut left half-written; how many folders that were."""
        half = [p for p in self.root.glob("[0-9]*/[0-9]*/[0-9]*/.*") if p.is_dir()]
        for path in (*half, *self.root.glob(f"[0-9]*/[0-9]*/[0-9]*/*/.{REMOVED}")):
            self._files.remove(path)
        return len(half)

    def scan(self) -> Iterator[Piece]:
        """Every piece on disk; notes of removal are none."""
        for file in self.root.glob("[0-9]*/[0-9]*/[0-9]*/*/*"):
            if file.name not in (REMOVED, f".{REMOVED}") and file.is_file():
                yield Piece(file.relative_to(self.root).as_posix(), file.stat().st_size)

    def _day(self, time: float) -> Path:
        return self.root / datetime.fromtimestamp(time, UTC).strftime("%Y/%m/%d")

    def _folder(self, path: Path) -> None:
        if path.is_dir():
            return
        if not path.parent.is_dir():
            self._folder(path.parent)
        self._files.make_folder(path)
        self._files.sync_folder(path.parent)

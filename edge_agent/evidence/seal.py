"""Seals evidence packs: manifests and notes of removal, signed with the device's key, which is read on first use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent import __version__
from edge_agent.evidence.manifest import (
    MANIFEST_ROLE,
    MEDIA_TYPE,
    File,
    Head,
    Link,
    Manifest,
    Model,
    NotSignedError,
    Removed,
    RemovedFile,
    canonical,
    digest,
    file_name,
    judged,
    read_signed,
    signed_text,
)
from edge_agent.messages.envelope import Message, Picture, rfc3339
from edge_agent.messages.gate import EvidenceRef

if TYPE_CHECKING:
    from edge_agent.evidence.key import SigningKey


KEY_FILE = "evidence.key"


@dataclass(slots=True)
class Seal:
    """Of one device. ``make_key``: a missing key is made; else it must be there. ``models`` are named in manifests."""

    site: str
    device: str
    key_file: Path
    make_key: bool = True
    sm3: bool = False
    position: tuple[float, float] | None = None
    models: list[Model] = field(default_factory=list)
    _key: SigningKey | None = None

    @property
    def key(self) -> SigningKey:
        """Raises ConfigError for a key that cannot be used, OSError when none can be made."""
        if self._key is None:
            from edge_agent.evidence import key

            missing = self.make_key and not self.key_file.exists()
            self._key = key.make_key(self.key_file) if missing else key.load_key(self.key_file)
        return self._key

    @property
    def public_key(self) -> str:
        """In hexadecimal; empty while the key was not used yet."""
        return self._key.public if self._key else ""

    def manifest(
        self, message: Message, pictures: Sequence[Picture], references: Sequence[EvidenceRef], head: Head | None
    ) -> tuple[bytes, Head]:
        """The manifest file of a pack that follows ``head``, and the head it makes. Raises as ``key``."""
        key = self.key
        before = head if head and head.key == key.public else None
        link = Link(
            id=before.chain if before else message.id,
            number=before.number + 1 if before else 1,
            previous=before.sha256 if before else "",
        )
        data = judged(message)
        document = Manifest(
            message=message.id,
            type=message.type,
            subject=message.subject,
            kind=str(data.get("kind") or message.type.split(".")[1]),
            site=self.site,
            device=self.device,
            position=self.position,
            time=message.time,
            timetrust=str(message.timetrust),
            timeerrorms=message.timeerrorms,
            boot=message.boot,
            monotonicms=message.monotonicms,
            sequence=message.sequence,
            data=data,
            files=[self._file(p, r) for p, r in zip(pictures, references, strict=True)],
            software=f"edge-agent {__version__}",
            models=self.models,
            chain=link,
            key=key.public,
        )
        content = self._signed(document)
        return content, Head(chain=link.id, number=link.number, sha256=digest(content), key=key.public)

    def removed(self, manifest: bytes, before: bytes, names: Sequence[str], time: float, reason: str) -> bytes:
        """The note that ``names`` were removed from a pack; ``before`` is the pack's older note, or empty."""
        entries: list[RemovedFile] = []
        try:
            message = read_signed(manifest, Manifest)[0].message
            if before:
                entries = read_signed(before, Removed)[0].removed
        except NotSignedError:
            message = ""
        gone = {entry.name for entry in entries}
        entries += [RemovedFile(name=n, time=rfc3339(time), reason=reason) for n in names if n not in gone]
        return self._signed(Removed(message=message, manifest=digest(manifest), removed=entries, key=self.key.public))

    def _signed(self, document: Manifest | Removed) -> bytes:
        line = canonical(document)
        return signed_text(line, self.key.sign(line))

    def _file(self, picture: Picture, reference: EvidenceRef) -> File:
        extra = ""
        if self.sm3:
            from edge_agent.evidence.key import sm3

            extra = sm3(picture.content)
        return File(
            n=reference.n,
            name=file_name(reference.n, reference.role, reference.media_type),
            role=reference.role,
            time=reference.time,
            media_type=reference.media_type,
            size=reference.size,
            width=reference.width,
            height=reference.height,
            sent=reference.sent,
            sha256=reference.sha256,
            sm3=extra,
        )


def manifest_reference(n: int, time: str, content: bytes) -> EvidenceRef:
    """What a message says of its own manifest."""
    return EvidenceRef(
        n=n,
        role=MANIFEST_ROLE,
        time=time,
        media_type=MEDIA_TYPE,
        sha256=digest(content),
        size=len(content),
        width=0,
        height=0,
    )

"""What is still on the device of a pack, read from its manifest and its note of removal."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from edge_agent.evidence.manifest import (
    MANIFEST,
    REMOVED,
    File,
    Manifest,
    NotSignedError,
    Removed,
    file_name,
    read_signed,
)
from edge_agent.evidence.seal import manifest_reference
from edge_agent.evidence.store import EvidenceStore
from edge_agent.messages.gate import EvidenceRef


@dataclass(frozen=True, slots=True)
class KeptPack:
    """``here`` of the ``of`` pieces can be sent; ``gone`` are sentences about the others that were asked for."""

    folder: str
    of: int
    here: list[EvidenceRef]
    gone: list[str]

    def path(self, ref: EvidenceRef) -> str:
        """Of a piece, relative to the evidence folder."""
        return f"{self.folder}/{file_name(ref.n, ref.role, ref.media_type)}"

    def tell(self, queued: list[EvidenceRef], waiting: list[EvidenceRef]) -> str:
        """What becomes of a request."""
        parts = []
        if queued:
            parts.append(f"queued: {_names(queued)}, {sum(ref.size for ref in queued)} bytes")
        if waiting:
            parts.append(f"already waiting to be acknowledged: {_names(waiting)}")
        if self.gone:
            parts.append(f"gone: {', '.join(self.gone)}")
        return "; ".join(parts)


def read_pack(store: EvidenceStore, message: str, roles: Collection[str]) -> KeptPack:
    """The pack of a message, only pieces of ``roles`` where any are named. Raises ValueError with why there is none."""
    try:
        folder = store.pack(message)
    except ValueError as error:
        raise ValueError(f"{message!r} is no id of a message: {error}") from error
    try:
        content = store.read(f"{folder}/{MANIFEST}")
    except OSError as error:
        raise ValueError(
            f"no sealed evidence of {message} is on this device: it had none, or was removed with its manifest"
        ) from error
    try:
        manifest = read_signed(content, Manifest)[0]
    except NotSignedError as error:
        raise ValueError(f"the manifest of {message} {error}") from error
    refs = [_reference(file) for file in manifest.files]
    own = manifest_reference(len(refs) + 1, manifest.time, content)
    everything = [*refs, own]
    unknown = set(roles) - {ref.role for ref in everything}
    if unknown:
        have = ", ".join(sorted({ref.role for ref in everything}))
        raise ValueError(f"the pack has no {', '.join(sorted(unknown))}; it has {have}")
    wanted = [ref for ref in everything if not roles or ref.role in roles]
    pack = KeptPack(folder, len(everything), [], [])
    reasons = _removed(store, folder)
    for ref in wanted:
        name = file_name(ref.n, ref.role, ref.media_type)
        if (store.root / folder / name).is_file():
            pack.here.append(ref)
        else:
            pack.gone.append(f"{name} ({reasons.get(name, 'missing, nobody knows why')})")
    return pack


def _reference(file: File) -> EvidenceRef:
    fields = msgspec.structs.asdict(file)
    return EvidenceRef(**{name: fields[name] for name in EvidenceRef.__struct_fields__ if name in fields})


def _removed(store: EvidenceStore, folder: str) -> dict[str, str]:
    try:
        note = read_signed(store.read(f"{folder}/{REMOVED}"), Removed)[0]
    except (OSError, NotSignedError):
        return {}
    return {entry.name: f"{entry.reason}, {entry.time}" for entry in note.removed}


def _names(refs: list[EvidenceRef]) -> str:
    return ", ".join(file_name(ref.n, ref.role, ref.media_type) for ref in refs)

"""Turns drafts into committed messages: the only way into the outbox, and its twin for replays.

When ``record`` returns a violation, its pictures are synced on disk and it is committed; so is everything that is no
telemetry. Telemetry is committed within the configured bound of time and rows. Sequences are issued in the order of
``record``: the message first, then one for each of its pictures that is sent, then its manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.errors import EdgeAgentError, OutboxError
from edge_agent.evidence import EvidenceStore, Piece
from edge_agent.evidence.kept import KeptPack, read_pack
from edge_agent.evidence.manifest import Head
from edge_agent.evidence.seal import KEY_FILE, Seal, manifest_reference
from edge_agent.evidence.store import reference
from edge_agent.messages.channels import CHANNELS
from edge_agent.messages.envelope import Draft, Message, Picture, TimeTrust, source
from edge_agent.messages.gate import EvidenceData, EvidenceRef
from edge_agent.outbox.outbox import Outbox
from edge_agent.outbox.row import Row, id_bytes

log = logging.getLogger(__name__)

# A state is published by the uplink; evidence follows its violation.
_NOT_RECORDED = ("status", "evidence")


class Recorder(Protocol):
    """What a source's thread hands its drafts to."""

    def record(self, draft: Draft) -> Message:
        """The message made of ``draft``. Raises OutboxError when it could not be committed: it was not raised then."""
        ...


class OutboxRecorder:
    """Records into an outbox. Safe for threads."""

    def __init__(self, outbox: Outbox, site: str) -> None:
        self.outbox = outbox
        self._source = source(site, outbox.device)

    def record(self, draft: Draft) -> Message:
        """See ``Recorder``. Raises ValueError for a draft whose data is not of its channel."""
        _check(draft)
        with self.outbox.lock:
            first = self.outbox.issue()
            try:
                return self._record(draft, first)
            except BaseException:
                self.outbox.withdraw(first)
                raise

    def _record(self, draft: Draft, sequence: int) -> Message:
        boot, monotonic, trust, error = self.outbox.boot_time(draft.time)
        row = Row(
            sequence=sequence,
            id=id_bytes(draft.time, self.outbox.device, boot, sequence),
            channel=draft.channel,
            subject=draft.subject,
            time=draft.time,
            boot=boot,
            monotonic=monotonic,
            trust=trust,
            error_s=error,
            data=b"",
        )
        message = row.envelope(self._source, data=draft.data)
        references, pieces, head = self._keep(message, draft)
        if references:
            message = msgspec.structs.replace(message, data=msgspec.structs.replace(draft.data, evidence=references))
        row = msgspec.structs.replace(row, data=msgspec.json.encode(message.data))
        if CHANNELS[draft.channel].priority.telemetry:
            self.outbox.group(row)
            return message
        following = [
            self._announcement(row, message.id, ref, len(references), piece.path)
            for ref, piece in zip(references, pieces, strict=True)
            if ref.sent
        ]
        try:
            self.outbox.commit([row, *following], pieces, head)
        except OutboxError:
            for piece in pieces:
                self.outbox.evidence.drop(piece.path)
            raise
        return message

    def _keep(self, message: Message, draft: Draft) -> tuple[list[EvidenceRef], list[Piece], Head | None]:
        """References, files in the same order, and the new head of the chain where the pack is sealed.

        A violation is worth more than its pictures: on a disk that stays full it is recorded without them, and with
        them but unsealed where the key cannot be used.
        """
        pictures = draft.pictures
        if not pictures:
            return [], [], None
        references = [reference(n, p) for n, p in enumerate(pictures, 1)]
        manifest, head = self._sealed(message, pictures, references)
        need = sum(len(p.content) for p in pictures) + len(manifest)
        for attempt in (0, 1):
            try:
                pieces = self.outbox.evidence.keep(message.id, draft.time, pictures, manifest)
                if head:
                    references.append(manifest_reference(len(references) + 1, message.time, manifest))
                return references, pieces, head
            except OSError as error:
                if attempt == 0 and self.outbox.make_room(need):
                    continue
                log.error("%s is recorded without its %d pictures: %s", message.id, len(pictures), error)
        return [], [], None

    def _sealed(
        self, message: Message, pictures: Sequence[Picture], references: Sequence[EvidenceRef]
    ) -> tuple[bytes, Head | None]:
        seal = self.outbox.evidence.seal
        if seal is None:
            return b"", None
        try:
            return seal.manifest(message, pictures, references, self.outbox.head)
        except (EdgeAgentError, OSError) as error:
            log.error("%s is recorded without a signed manifest: %s", message.id, error)
            return b"", None

    def _announcement(
        self, like: Row, message: str, ref: EvidenceRef, of: int, path: str, *, historical: bool = False
    ) -> Row:
        number = self.outbox.issue()
        data = EvidenceData(
            violation=message,
            n=ref.n,
            of=of,
            role=ref.role,
            time=ref.time,
            media_type=ref.media_type,
            sha256=ref.sha256,
            size=ref.size,
            part=1,
            parts=1,
            data=b"",
        )
        return msgspec.structs.replace(
            like,
            sequence=number,
            id=id_bytes(like.time, self.outbox.device, like.boot, number),
            channel="evidence",
            subject=message,
            data=msgspec.json.encode(data),
            piece=path,
            historical=historical,
        )

    def send_again(self, message: str, roles: Collection[str] = ()) -> str:
        """Queues the pack of a message anew, local pieces with it, marked historical; a sentence says what.

        ``roles`` chooses some of it. Raises ValueError when nothing can be queued, with what is gone and why;
        OutboxError when it could not be committed.
        """
        with self.outbox.lock:
            pack = read_pack(self.outbox.evidence, message, roles)
            waiting = self.outbox.waiting(pack.folder)
            queued = [ref for ref in pack.here if pack.path(ref) not in waiting]
            if not (queued or waiting):
                raise ValueError(pack.tell([], []))
            if queued:
                self._queue_again(message, pack, queued)
            return pack.tell(queued, [ref for ref in pack.here if pack.path(ref) in waiting])

    def _queue_again(self, message: str, pack: KeptPack, queued: list[EvidenceRef]) -> None:
        now = self.outbox.clock.time()
        boot, monotonic, trust, error = self.outbox.boot_time(now)
        like = Row(0, b"", "evidence", message, now, boot, monotonic, trust, error, b"")
        rows = [self._announcement(like, message, ref, pack.of, pack.path(ref), historical=True) for ref in queued]
        try:
            self.outbox.commit(rows)
        except OutboxError:
            self.outbox.withdraw(rows[0].sequence)
            raise


class ReplayRecorder:
    """Gives the messages a live run would have committed, with sequences from 1 and boot ``replay``.

    Keeps nothing and seals nothing: no message refers to a manifest.
    """

    def __init__(self, site: str, device: str) -> None:
        self._device = device
        self._source = source(site, device)
        self._sequence = 0

    def record(self, draft: Draft) -> Message:
        """See ``Recorder``; pictures are hashed and let go."""
        _check(draft)
        self._sequence += 1
        sequence = self._sequence
        self._sequence += sum(not picture.local for picture in draft.pictures)
        row = Row(
            sequence=sequence,
            id=id_bytes(draft.time, self._device, "replay", sequence),
            channel=draft.channel,
            subject=draft.subject,
            time=draft.time,
            boot="replay",
            monotonic=0.0,
            trust=TimeTrust.RECORDED,
            error_s=0.0,
            data=b"",
        )
        data = draft.data
        if draft.pictures:
            references = [reference(n, p) for n, p in enumerate(draft.pictures, 1)]
            data = msgspec.structs.replace(data, evidence=references)
        return row.envelope(self._source, data=data)


def _check(draft: Draft) -> None:
    channel = CHANNELS.get(draft.channel)
    if channel is None or draft.channel in _NOT_RECORDED:
        recordable = [name for name in CHANNELS if name not in _NOT_RECORDED]
        raise ValueError(f"{draft.channel!r} is not a channel to record on; allowed: {', '.join(recordable)}")
    if not isinstance(draft.data, channel.data):
        raise ValueError(f"channel {draft.channel!r} takes {channel.data.__name__}, not {type(draft.data).__name__}")  # noqa: TRY004
    if draft.pictures and not channel.pictures:
        takers = [each.name for each in CHANNELS.values() if each.pictures]
        raise ValueError(f"channel {draft.channel!r} takes no pictures; allowed: {', '.join(takers)}")


def configured_seal(config: Config) -> Seal:
    """What seals the evidence of a configured device; touches no file."""
    given = config.evidence.key_file
    return Seal(
        config.device.site,
        config.device.id,
        Path(given) if given else Path(config.device.data_dir) / KEY_FILE,
        make_key=not given,
        sm3=config.evidence.sm3,
        position=config.device.position,
    )


def open_recorder(
    config: Config, destinations: Mapping[str, Collection[str] | None], clock: Clock | None = None
) -> OutboxRecorder:
    """The recorder of a configured device: outbox and evidence under its ``data_dir``, for all ``destinations``.

    Raises OutboxError when the folder cannot be written or another process uses it.
    """
    folder = Path(config.device.data_dir)
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        evidence = EvidenceStore(folder / "evidence", seal=configured_seal(config))
    except OSError as error:
        raise OutboxError(
            f"{folder} cannot be used: {error.strerror}; device.data_dir must be a writable folder"
        ) from error
    outbox = Outbox.open(
        folder / "outbox.db",
        device=config.device.id,
        destinations=destinations,
        evidence=evidence,
        clock=clock,
        bounds=config.outbox,
    )
    return OutboxRecorder(outbox, config.device.site)

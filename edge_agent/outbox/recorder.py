"""Turns drafts into committed messages: the only way into the outbox, and its twin for replays.

When ``record`` returns a violation, its pictures are synced on disk and it is committed; so is everything that is no
telemetry. Telemetry is committed within the configured bound of time and rows. Sequences are issued in the order of
``record``: the message first, then one for each of its pictures.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.errors import OutboxError
from edge_agent.evidence import EvidenceStore, Piece
from edge_agent.evidence.store import reference
from edge_agent.messages.channels import CHANNELS
from edge_agent.messages.envelope import Draft, Message, TimeTrust, message_id, source
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
        id_text = message_id(draft.time, self.outbox.device, boot, sequence)
        pieces = self._keep(id_text, draft)
        references = [reference(n, p) for n, p in enumerate(draft.pictures, 1)] if pieces else []
        data = _with_evidence(draft, references)
        rows: list[Row] = []
        for payload, piece in [
            (data, ""),
            *zip(_announced(id_text, references), [p.path for p in pieces], strict=True),
        ]:
            if isinstance(payload, EvidenceData) and not references[payload.n - 1].sent:
                continue
            number = sequence if not rows else self.outbox.issue()
            rows.append(
                Row(
                    sequence=number,
                    id=id_bytes(draft.time, self.outbox.device, boot, number),
                    channel="evidence" if piece else draft.channel,
                    subject=id_text if piece else draft.subject,
                    time=draft.time,
                    boot=boot,
                    monotonic=monotonic,
                    trust=trust,
                    error_s=error,
                    data=msgspec.json.encode(payload),
                    piece=piece,
                )
            )
        if CHANNELS[draft.channel].priority.telemetry:
            self.outbox.group(rows[0])
        else:
            try:
                self.outbox.commit(rows, pieces)
            except OutboxError:
                for piece_file in pieces:
                    self.outbox.evidence.drop(piece_file.path)
                raise
        return rows[0].envelope(self._source, data=data)

    def _keep(self, id_text: str, draft: Draft) -> list[Piece]:
        """A violation is worth more than its pictures: on a disk that stays full it is recorded without them."""
        if not draft.pictures:
            return []
        need = sum(len(p.content) for p in draft.pictures)
        for attempt in (0, 1):
            try:
                return self.outbox.evidence.keep(id_text, draft.time, draft.pictures)
            except OSError as error:
                if attempt == 0 and self.outbox.make_room(need):
                    continue
                log.error("violation %s is recorded without its %d pictures: %s", id_text, len(draft.pictures), error)
        return []


class ReplayRecorder:
    """Gives the messages a live run would have committed, with sequences from 1 and boot ``replay``; keeps nothing."""

    def __init__(self, site: str, device: str) -> None:
        self._device = device
        self._source = source(site, device)
        self._sequence = 0

    def record(self, draft: Draft) -> Message:
        """See ``Recorder``; pictures are hashed and let go."""
        _check(draft)
        self._sequence += 1
        sequence = self._sequence
        self._sequence += len(draft.pictures)
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
        data = _with_evidence(draft, [reference(n, p) for n, p in enumerate(draft.pictures, 1)])
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


def _with_evidence(draft: Draft, references: list[EvidenceRef]) -> msgspec.Struct:
    if not references:
        return draft.data
    return msgspec.structs.replace(draft.data, evidence=references)


def _announced(violation: str, references: list[EvidenceRef]) -> list[EvidenceData]:
    return [
        EvidenceData(
            violation=violation,
            n=ref.n,
            of=len(references),
            role=ref.role,
            time=ref.time,
            media_type=ref.media_type,
            sha256=ref.sha256,
            size=ref.size,
            part=1,
            parts=1,
            data=b"",
        )
        for ref in references
    ]


def open_recorder(
    config: Config, destinations: Mapping[str, Collection[str] | None], clock: Clock | None = None
) -> OutboxRecorder:
    """The recorder of a configured device: outbox and evidence under its ``data_dir``, for all ``destinations``.

    Raises OutboxError when the folder cannot be written or another process uses it.
    """
    folder = Path(config.device.data_dir)
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        evidence = EvidenceStore(folder / "evidence")
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

"""Raises violations as cases, remembers what was raised, and answers the command ``review``.

A violation is worth more than its paperwork: where the docket cannot be read or written, violations are raised all the
same (without an event id) and ``problems`` says so. What was committed but not yet remembered when the power went is
taken from the outbox at the next start. An accepted review is committed as a ``correction`` before it is answered; the
same command again is answered as before and does nothing. Should the power go between the two, the same correction can
come twice, with the same ``command``.
"""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.agent.commands import Handler
from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.errors import OutboxError
from edge_agent.events.cases import Cases
from edge_agent.evidence.manifest import file_name
from edge_agent.messages import Change, CorrectionData, Draft, Message, Priority, ViolationData, rfc3339
from edge_agent.messages.envelope import TimeTrust
from edge_agent.outbox import OutboxRecorder
from edge_agent.outbox.row import Row
from edge_agent.review.decide import Outcome, ReviewCommand, decide
from edge_agent.review.docket import Docket, Raised
from edge_agent.review.labels import LabelStore

log = logging.getLogger(__name__)

_CHANNELS = {"violation": Priority.VIOLATION, "stay": Priority.STAY}
_EVERY_DESTINATION = (1 << 62) - 1
_MOST_WAITING = 10_000
_EVER = (1 << 62) - 1
_COLUMN = {"load": "load_state", "wheels": "mud_state"}


class Reviews:
    """Safe for threads."""

    def __init__(self, config: Config, file: Path, recorder: OutboxRecorder, clock: Clock) -> None:
        """Raises ConfigError for a code map that cannot be used."""
        self._cases = Cases(config, file)
        self._serials = config.events.serials if config.events else (1, 1)
        self._evidence = recorder.outbox.evidence
        self._clock = clock
        self._lock = threading.Lock()
        self._problem = ""
        data_dir = Path(config.device.data_dir)
        self._labels = LabelStore(data_dir / "labels", config.review.labels)
        recorder.outbox.redated = self.redated
        self._docket: Docket | None = None
        try:
            self._docket = Docket(data_dir / "review.db", config.review.remember)
            for channel, priority in _CHANNELS.items():
                for row in recorder.outbox.fetch(_EVERY_DESTINATION, priority, 0, _EVER, _MOST_WAITING):
                    if row.channel == channel:
                        self._docket.remember(row.envelope("").id, channel, row.time, row.data)
        except (sqlite3.Error, OutboxError) as error:
            self._fail(error)

    def close(self) -> None:
        """Once."""
        if self._docket:
            self._docket.close()

    def problems(self) -> list[str]:
        """What keeps reviews from being answered."""
        return [self._problem] if self._problem else []

    def raised(self, draft: Draft) -> Draft:
        """A violation's draft with severity, need of review and case; any other as it is."""
        if not isinstance(draft.data, ViolationData):
            return draft
        trusted = self._clock.place(draft.time).trusted
        data = self._cases.raised(draft.data, draft.time, self._serial, trusted=trusted)
        return dataclasses.replace(draft, data=data)

    def redated(self, row: Row) -> Row:
        """A violation whose time was settled after it was raised, with the deadline counted from that time."""
        if row.channel != "violation" or row.trust not in (TimeTrust.CORRECTED, TimeTrust.ESTIMATED):
            return row
        data = self._cases.redated(msgspec.json.decode(row.data, type=ViolationData), row.time)
        return msgspec.structs.replace(row, data=msgspec.json.encode(data))

    def remember(self, message: Message, draft: Draft) -> None:
        """Takes in what was committed."""
        if draft.channel not in _CHANNELS or self._docket is None:
            return
        try:
            self._docket.remember(message.id, draft.channel, draft.time, msgspec.json.encode(message.data))
            self._problem = ""
        except sqlite3.Error as error:
            self._fail(error)

    def handler(self, record: Callable[[Draft], Any]) -> Handler:
        """The command; ``record`` commits a correction, or raises OutboxError."""

        def handle(payload: bytes) -> str:
            command = msgspec.json.decode(payload, type=ReviewCommand)
            with self._lock:
                try:
                    return self._answer(command, record)
                except OutboxError as error:
                    raise ValueError(f"the correction could not be committed: {error}; send it again") from error
                except sqlite3.Error as error:
                    self._fail(error)
                    raise ValueError(f"what was raised cannot be looked up: {error}; send it again") from error

        return handle

    def _answer(self, command: ReviewCommand, record: Callable[[Draft], Any]) -> str:
        if self._docket is None:
            raise ValueError(f"nothing can be reviewed: {self._problem}")
        said = msgspec.json.encode(command)
        before = self._docket.answered(command.id)
        if before is not None:
            if before[0] != said:
                raise ValueError(f"id {command.id!r} was used for another review; give each review its own")
            return before[1]
        channel = "stay" if command.stay else "violation"
        raised = self._docket.find(command.of, channel)
        if raised is None and command.of:
            newest = self._docket.newest(channel)
            known = f"; the newest is {newest}" if newest else f"; it remembers no {channel}"
            raise ValueError(
                f"{channel} {command.of!r} is none that this device remembers; allowed is the message id of a "
                f"{channel} it raised{known}"
            )
        outcome = decide(command, raised.standing if raised else {})
        assert raised is not None
        now = self._clock.time()
        record(Draft("correction", now, self._correction(command, outcome, raised, now), subject=raised.id))
        answer = f"{command.action}: done"
        try:
            answer += self._labelled(command, outcome, raised)
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the crop of %s is not kept as a label: %s", raised.id, error)
            answer += f"; its picture could not be kept as a label: {error}"
        self._docket.settle(raised.id, outcome.standing, command.id, said, answer)
        return answer

    def _correction(self, command: ReviewCommand, outcome: Outcome, raised: Raised, now: float) -> CorrectionData:
        changes = list(outcome.changes)
        codes = [self._cases.code(each.get("kind", "")) for each in (raised.standing, outcome.standing)]
        if codes[0] != codes[1]:
            changes.append(Change(field="case.code", before=codes[0], after=codes[1]))
        return CorrectionData(
            of=raised.id,
            of_channel="stay" if command.stay else "violation",
            action=command.action,
            by=command.by,
            reason=command.reason,
            time=rfc3339(now),
            command=command.id,
            changes=changes,
        )

    def _labelled(self, command: ReviewCommand, outcome: Outcome, raised: Raised) -> str:
        """Keeps the best full picture with what a person saw in it; the newest review of a violation holds."""
        if command.stay:
            return ""
        data = msgspec.json.decode(raised.data, type=ViolationData)
        if data.passage is None:
            return ""
        name = f"{data.passage.camera}-{raised.id}.jpg"
        if not outcome.labels:
            self._labels.drop(name)
            return ""
        crops = [each.time for each in data.evidence if each.role == "crop"]
        full = [each for each in data.evidence if each.role == "full" and each.media_type == "image/jpeg"]
        if not full:
            return "; it has no picture to keep as a label"
        best = next((each for each in full if each.time in crops), full[-1])
        folder = self._evidence.pack(raised.id)
        picture = self._evidence.read(f"{folder}/{file_name(best.n, best.role, best.media_type)}")
        row = {
            "file": name,
            "note": "pass " + "".join(c for c in data.passage.passage if c.isalnum()),
            "source": f"review by {command.by}",
            "camera": data.passage.camera,
            "box": " ".join(f"{side:g}" for side in best.box) if best.box else "",
            **{_COLUMN[of]: state for of, state in outcome.labels.items()},
        }
        self._labels.put(row, picture)
        return "; kept as a label: " + ", ".join(f"{of} {state}" for of, state in outcome.labels.items())

    def _serial(self) -> int | None:
        if self._docket is None:
            return None
        try:
            return self._docket.serial(*self._serials)
        except sqlite3.Error as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        problem = f"reviews cannot be answered, and no event ids given: review.db: {error}"
        if problem != self._problem:
            log.error("%s", problem)
        self._problem = problem

"""Sends the outbox's dust windows to a platform that speaks HJ 212, and answers what it asks. One TCP connection.

- A record leaves the outbox when the platform answered it with 9014 (or, with ``answer = false``, when it was sent).
  One record is on the way at a time; it is sent again with its QN after ``timeout_s``, ``retries`` times. Then the
  connection is taken for dead, unless the platform answers others: such a record counts as refused, is offered again
  with growing waits and set aside after ``reject_after`` times.
- A record in several packets waits for an answer to each; where fewer came by ``timeout_s`` and the connection still
  lives, TCP has delivered them all, and the platform is one that answers them once.
- New data goes first; the backlog follows, marked RF=1 where the edition has it. Real-time values are sent once, not
  kept: the minute records hold them all.
- The platform's commands are answered at once, 100 of them at most wait; long history answers go between the uploads,
  20 frames a turn.
- Reconnects for ever, with full jitter up to ``retry_max_s``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field

import msgspec

from edge_agent.backoff import back_off
from edge_agent.config.hj212 import Hj212
from edge_agent.errors import UplinkError
from edge_agent.hj212 import Cn, Frame, FrameError
from edge_agent.hj212.words import ST_INTERACTION, QnRtn
from edge_agent.outbox import Lane, Outbox
from edge_agent.uplink.history import CHANNELS, NAME, History, window_of
from edge_agent.uplink.hj212_archive import Archive
from edge_agent.uplink.hj212_dialogue import Dialogue, PlatformState
from edge_agent.uplink.hj212_link import Link, read_key
from edge_agent.uplink.hj212_records import local_time
from edge_agent.uplink.hj212_uploads import Upload, Uploads
from edge_agent.uplink.state import LinkState, Traffic

log = logging.getLogger(__name__)

_TURN_S = 0.5
_REPLIES_A_TURN = 20
_REPLIES_WAITING = 100
_TAKE = 200
_BACKLOG_READY = 50
_STEADY_S = 30.0


class PlatformLink(LinkState, frozen=True, kw_only=True):
    """``resent``: records sent again with their QN; ``bad_frames``: frames of the platform that could not be read."""

    resent: int
    bad_frames: int


@dataclass(slots=True)
class _Traffic(Traffic):
    resent: int = 0
    bad_frames: int = 0


@dataclass(slots=True)
class _OnTheWay:
    """The record whose answer is waited for."""

    upload: Upload
    qn: str
    packets: list[bytes]
    deadline: float
    tries: int = 0
    answers: int = 0


@dataclass(slots=True)
class _Session:
    """What is known of the present connection."""

    link: Link
    since: float
    on_the_way: _OnTheWay | None = None
    replies: deque[Iterator[Frame]] = field(default_factory=deque)
    backlog_read: bool = False
    acknowledged: int = 0
    backlog_due: float = 0.0
    heartbeat_due: float = 0.0
    settled: float = 0.0


class Hj212Uplink:
    """One platform. ``run`` is the body of a thread; ``state`` may be asked from any."""

    def __init__(self, settings: Hj212, outbox: Outbox, history: History, windows_s: Collection[float] = ()) -> None:
        """``windows_s``: see ``Dialogue``. Raises ConfigError for an SM4 key file that cannot be used."""
        self.name = settings.name
        self._settings = settings
        self._outbox = outbox
        self._clock = outbox.clock
        self._history = history
        self._queue = outbox.queue(settings.name)
        self._key = read_key(settings)
        self._uploads = Uploads(settings.sensors, settings.send, settings.utc_offset_h * 3600)
        state = self._remembered()
        self._archive = Archive(settings, history, lambda: state.min_interval_min * 60.0)
        self._dialogue = Dialogue(settings, state, self._archive.asked_for, self._set_clock, windows_s)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._session: _Session | None = None
        self._count = _Traffic()
        self._error = ""
        self._last_qn_ms = 0

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Until ``stop`` is set (``wake`` makes it notice at once). ``beat`` is called at every sign of progress."""
        self._outbox.listen(self.wake)
        wait_s = back_off(0.5, self._settings.retry_max_s)
        failures = 0
        try:
            while not stop.is_set():
                beat()
                began = self._clock.monotonic()
                try:
                    self._serve(stop, beat)
                except UplinkError as error:
                    self._say(str(error))
                    failures = 1 if self._clock.monotonic() - began > _STEADY_S else failures + 1
                    stop.wait(wait_s(failures))
        finally:
            self._outbox.forget(self.wake)
            self._queue.settle()

    def wake(self) -> None:
        """Lets the thread look at once at what is new."""
        os.eventfd_write(self._wake, 1)

    def state(self) -> PlatformLink:
        """How it stands now."""
        session = self._session
        return PlatformLink(
            connected=session is not None,
            address=f"{self._settings.host}:{self._settings.port}",
            since=session.since if session else 0.0,
            error=self._error,
            **asdict(self._count),
        )

    def _serve(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        session = _Session(Link(self._settings, self._key), self._clock.time())
        try:
            self._queue.rewind()
            self._uploads.clear()
            self._session, self._error = session, ""
            self._count.connections += 1
            log.info("connected to the platform %s:%d", self._settings.host, self._settings.port)
            if not self._clock.trust().trusted:
                self._send(session, self._dialogue.frame(Cn.ASK_CALIBRATION, self._next_qn(), answer=True))
            while not stop.is_set():
                beat()
                self._turn(session)
        finally:
            self._session = None
            session.link.close()
            self._queue.settle()

    def _turn(self, session: _Session) -> None:
        self._gather(session)
        self._upload(session)
        self._reply(session)
        self._heartbeat(session)
        self._receive(session)
        self._watch_deadline(session)
        if self._clock.monotonic() - session.settled >= _TURN_S:
            session.settled = self._clock.monotonic()
            self._queue.settle()

    def _gather(self, session: _Session) -> None:
        """Takes rows out of the outbox as far as they can be sent soon."""
        lanes = [Lane.LIVE]
        if self._uploads.backlog_ready < _BACKLOG_READY:
            lanes.append(Lane.BACKLOG)
        state = self._dialogue.state
        real_time_s = float(state.real_time_s) if state.real_time_on else 0.0
        for lane in lanes:
            rows = self._queue.take(_TAKE, lane)
            if lane is Lane.BACKLOG:
                session.backlog_read = len(rows) < _TAKE
            for row in rows:
                self._uploads.add(row, window_of(row), state.min_interval_min * 60.0, real_time_s)
        self._uploads.close(self._clock.time(), backlog_read=session.backlog_read)
        if self._uploads.unwanted:
            self._queue.acknowledge(self._uploads.unwanted)
            self._uploads.unwanted.clear()

    def _upload(self, session: _Session) -> None:
        while session.on_the_way is None:
            now = self._clock.monotonic()
            upload = self._uploads.next(backlog=now >= session.backlog_due)
            if upload is None:
                return
            if upload.historical and self._settings.backfill_per_s:
                session.backlog_due = now + 1 / self._settings.backfill_per_s
            self._start(session, upload)

    def _start(self, session: _Session, upload: Upload) -> None:
        qn = self._next_qn()
        asks = self._settings.answer and upload.cn is not Cn.REAL_TIME
        frame = self._dialogue.frame(upload.cn, qn, self._archive.upload(upload), answer=asks, resend=upload.historical)
        try:
            packets = session.link.written(frame)
        except FrameError as error:
            for sequence in upload.sequences:
                self._queue.give_up(sequence, f"cannot be written as HJ 212: {error}")
            return
        session.link.send(b"".join(packets), self._dialogue.state.timeout_s)
        self._count.sent += 1
        if asks:
            deadline = self._clock.monotonic() + self._dialogue.state.timeout_s
            session.on_the_way = _OnTheWay(upload, qn, packets, deadline)
        else:
            self._done(session, upload)

    def _done(self, session: _Session, upload: Upload) -> None:
        self._queue.acknowledge(upload.sequences)
        if upload.cn is not Cn.REAL_TIME:
            session.acknowledged += 1
            self._count.acknowledged += 1
            self._count.last_acknowledged = self._clock.time()

    def _reply(self, session: _Session) -> None:
        for _ in range(_REPLIES_A_TURN):
            if not session.replies:
                return
            frame = next(session.replies[0], None)
            if frame is None:
                session.replies.popleft()
                self._remember()
            else:
                self._send(session, frame)

    def _heartbeat(self, session: _Session) -> None:
        now = self._clock.monotonic()
        if self._settings.heartbeat_s and now >= session.heartbeat_due:
            session.heartbeat_due = now + self._settings.heartbeat_s
            self._send(session, self._dialogue.frame(Cn.HEARTBEAT, self._next_qn(), st=ST_INTERACTION))

    def _receive(self, session: _Session) -> None:
        busy = bool(session.replies) or (session.on_the_way is None and bool(self._uploads.backlog_ready))
        limited = self._clock.monotonic() < session.backlog_due
        wait_s = 0.01 if busy and limited else 0.0 if busy else _TURN_S
        if session.on_the_way is not None:
            wait_s = min(wait_s, max(0.0, session.on_the_way.deadline - self._clock.monotonic()))
        for frame in session.link.receive(wait_s, self._wake):
            self._heard(session, frame)
        self._count.bad_frames += session.link.bad_frames
        session.link.bad_frames = 0

    def _heard(self, session: _Session, frame: Frame) -> None:
        waiting = session.on_the_way
        if waiting and frame.qn == waiting.qn and frame.cn == Cn.DATA_ANSWER:
            waiting.answers += 1
            if waiting.answers >= len(waiting.packets):
                session.on_the_way = None
                self._done(session, waiting.upload)
        elif waiting and frame.qn == waiting.qn and frame.cn == Cn.REQUEST_ANSWER:
            code = frame.get("QnRtn")
            if code and code != str(int(QnRtn.READY)):
                self._refused(session, waiting, f"QnRtn={code}")
        elif len(session.replies) < _REPLIES_WAITING:
            session.replies.append(self._dialogue.answer(frame, self._clock.time()))
        else:
            self._say(f"the platform asks faster than it is answered: its {frame.cn} is left out")

    def _watch_deadline(self, session: _Session) -> None:
        waiting = session.on_the_way
        if waiting is None or self._clock.monotonic() < waiting.deadline:
            return
        if waiting.answers:
            session.on_the_way = None
            self._done(session, waiting.upload)
        elif waiting.tries < self._dialogue.state.retries:
            waiting.tries += 1
            waiting.deadline = self._clock.monotonic() + self._dialogue.state.timeout_s
            self._count.resent += 1
            session.link.send(b"".join(waiting.packets), self._dialogue.state.timeout_s)
        elif session.acknowledged:
            self._refused(session, waiting, "no answer, though others are answered")
            session.acknowledged = 0
        else:
            raise UplinkError(f"the platform did not answer {waiting.tries + 1} times")

    def _refused(self, session: _Session, waiting: _OnTheWay, why: str) -> None:
        session.on_the_way = None
        self._count.refused += 1
        reason = f"{int(waiting.upload.cn)} of {local_time(waiting.upload.start, self._settings.utc_offset_h)}: {why}"
        for sequence in waiting.upload.sequences:
            if self._queue.reject(sequence, reason, self._settings.reject_after):
                log.error("%s refused %s for good", self.name, reason)

    def _send(self, session: _Session, frame: Frame) -> None:
        session.link.send(b"".join(session.link.written(frame)), self._dialogue.state.timeout_s)

    def _next_qn(self) -> str:
        """The time to the millisecond, never the same twice."""
        self._last_qn_ms = max(int(self._clock.time() * 1000), self._last_qn_ms + 1)
        return local_time((self._last_qn_ms + 0.5) / 1000, self._settings.utc_offset_h, milliseconds=True)

    def _remembered(self) -> PlatformState:
        """What the platform has set, as long as the configuration it was set against is the same."""
        configured = PlatformState.of(self._settings)
        with contextlib.suppress(msgspec.DecodeError):
            found = msgspec.json.decode(self._history.setting(f"hj212.{self.name}") or "[]", type=list[PlatformState])
            if len(found) == 2 and found[0] == configured:
                return found[1]
        return configured

    def _remember(self) -> None:
        pair = [PlatformState.of(self._settings), self._dialogue.state]
        self._history.remember(f"hj212.{self.name}", msgspec.json.encode(pair).decode())

    def _set_clock(self, moment: float) -> bool:
        if not self._settings.set_clock:
            return False
        try:
            time.clock_settime(time.CLOCK_REALTIME, moment)
        except OSError as error:
            log.warning("the platform's time could not be set: %s", error)
            return False
        return True

    def _say(self, error: str) -> None:
        if error != self._error:
            log.warning("%s: %s", self.name, error)
        self._error = error


def destinations(platforms: list[Hj212]) -> dict[str, frozenset[str]]:
    """What the outbox must serve for these platforms: each, and the history they share."""
    return {platform.name: CHANNELS for platform in platforms} | ({NAME: CHANNELS} if platforms else {})

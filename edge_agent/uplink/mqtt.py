"""Sends the outbox to an MQTT broker: MQTT 5 first, 3.1.1 where the broker has no more; QoS 1.

Invariants: a message leaves the outbox only by the broker's PUBACK; a lost connection never counts against a message;
a refused connection is no connection. What was in flight when a connection broke is sent again, in the same order, so a
receiver may see a message twice but never misses one. Live messages go before the backlog, which is marked
``historical``. Memory is bounded by the window, 2 MB of payload, and a few hundred rows read ahead, however long the
backlog.

Reconnects for ever, through the list of addresses in turn, with full jitter up to ``retry_max_s``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import msgspec

from edge_agent.backoff import back_off
from edge_agent.clock import Clock
from edge_agent.config.device import Device
from edge_agent.config.uplink import Address, Mqtt
from edge_agent.errors import OutboxError, UplinkError
from edge_agent.messages.channels import CHANNELS
from edge_agent.messages.envelope import Message, TimeTrust, message_id, rfc3339, source
from edge_agent.messages.system import StatusData
from edge_agent.outbox import Outbox
from edge_agent.uplink.mqtt_caution import Caution, Lesson
from edge_agent.uplink.mqtt_connection import Connection, PacketTooLargeError, Will, connect
from edge_agent.uplink.mqtt_feed import Feed
from edge_agent.uplink.mqtt_flight import STATUS, Flight
from edge_agent.uplink.mqtt_packets import Packet, Packets
from edge_agent.uplink.mqtt_reasons import Verdict, unwanted, verdict
from edge_agent.uplink.state import LinkState, Traffic

log = logging.getLogger(__name__)

_FLIGHT_BYTES = 2 << 20
# What is written before acknowledgements are looked at again, so that the broker, and deleting, keep up.
_STRIDE_BYTES = 32 << 10
_SETTLE_S = 0.5
_BUSY_WAIT_S = 5.0
_GOODBYE_S = 2.0
_STEADY_S = 30.0
_INSECURE = "messages leave this machine unencrypted (insecure = true); anybody on the way may read and forge them"
# A broker that did not speak MQTT 5 is asked again after this time; it may have been updated.
_ASK_AGAIN_S = 3600.0
_SMALLEST_PACKET = 8 << 10
# The largest packet that is received; commands are small.
_TAKES_BYTES = 256 << 10


class BrokerLink(LinkState, frozen=True, kw_only=True):
    """``in_flight``: packets sent and not yet acknowledged."""

    protocol: str
    in_flight: int
    insecure: bool


@dataclass(slots=True)
class _Session:
    """What is known of the present connection."""

    connection: Connection
    since: float
    window: int
    limit: int
    feed: Feed
    flight: Flight = field(default_factory=Flight)
    settled: float = 0.0
    acknowledged: int = 0


class MqttUplink:
    """One broker (or list of addresses). ``run`` is the body of a thread; ``state`` may be asked from any."""

    def __init__(
        self,
        settings: Mqtt,
        device: Device,
        outbox: Outbox,
        *,
        status: Callable[[], StatusData] = lambda: StatusData(state="online"),
        on_command: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._device = device
        self._outbox = outbox
        self._clock: Clock = outbox.clock
        self._queue = outbox.queue(settings.name)
        self._packets = Packets(device.site, device.id, outbox.evidence)
        self._source = source(device.site, device.id)
        self._status = status
        self._status_due = threading.Event()
        self._on_command = on_command
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._session: _Session | None = None
        self._error = ""
        self._count = Traffic()
        self._old_version: dict[Address, float] = {}
        self._limit = settings.max_packet_kb << 10
        self._caution = Caution()
        self._packs = settings.pack_backfill
        self._offending: set[int] = set()
        self._first_connected = float("inf")

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Until ``stop`` is set (``wake`` makes it notice at once). ``beat`` is called at every sign of progress."""
        self._outbox.listen(self.wake)
        wait_s = back_off(0.5, self._settings.retry_max_s)
        failures = 0
        turn = 0
        addresses = self._settings.addresses
        try:
            while not stop.is_set():
                beat()
                address = addresses[turn % len(addresses)]
                began = self._clock.monotonic()
                try:
                    self._serve(address, stop, beat)
                except (UplinkError, OutboxError) as error:
                    self._say(str(error))
                else:
                    continue
                turn += 1
                failures = 1 if self._clock.monotonic() - began > _STEADY_S else failures + 1
                if turn % len(addresses) == 0 or failures > len(addresses):
                    stop.wait(wait_s(failures))
        finally:
            self._outbox.forget(self.wake)
            self._queue.settle()

    def wake(self) -> None:
        """Lets the thread look at once at what is new."""
        os.eventfd_write(self._wake, 1)

    def refresh_status(self) -> None:
        """The status has changed: publishes it anew."""
        self._status_due.set()
        self.wake()

    def state(self) -> BrokerLink:
        """How it stands now."""
        session = self._session
        return BrokerLink(
            connected=session is not None,
            address=str(session.connection.address) if session else "",
            protocol={5: "MQTT 5", 4: "MQTT 3.1.1"}[session.connection.version] if session else "",
            since=session.since if session else 0.0,
            in_flight=len(session.flight) if session else 0,
            error=self._trouble(),
            insecure=self._settings.plain,
            **asdict(self._count),
        )

    def _trouble(self) -> str:
        waits = self._caution.waiting
        hung_up = f"it hangs up on {waits} messages, which others go before; look at its permissions" if waits else ""
        return "; ".join(text for text in (self._error, hung_up) if text)

    def _serve(self, address: Address, stop: threading.Event, beat: Callable[[], None]) -> None:
        connection = self._connect(address)
        self._queue.rewind()
        now = self._clock.monotonic()
        self._first_connected = min(self._first_connected, now)
        limit = min(self._limit, connection.maximum_packet or self._limit)
        window = 1 if self._caution.careful else self._window(connection)
        feed = Feed(self._queue, self._packets, self._settings, self._clock,
                    limit=limit, window=window, packs=self._packs)  # fmt: skip
        session = _Session(connection, self._clock.time(), window, limit, feed, settled=now)
        self._session, self._error = session, ""
        self._offending.clear()
        self._count.connections += 1
        log.info("connected to %s with MQTT %s", address, "5" if connection.version == 5 else "3.1.1")
        try:
            if self._on_command is not None:
                connection.subscribe(f"{self._source}/cmd/#")
            self._publish_status(session, self._status())
            while not stop.is_set():
                beat()
                self._turn(session)
            self._leave(session)
        except PacketTooLargeError:
            self._limit = max(_SMALLEST_PACKET, session.limit // 2)
            raise
        finally:
            self._session = None
            connection.abandon()
            self._acknowledge(session, connection.events.acknowledged)
            self._queue.settle()
            self._learn_from(session)

    def _connect(self, address: Address) -> Connection:
        client_id = f"{self._device.site}.{self._device.id}.{self.name}"
        will = Will(f"{self._source}/status", self._status_payload(self._last_word()))
        asked = self._old_version.get(address, float("-inf"))
        now = self._clock.monotonic()
        old = now - asked < _ASK_AGAIN_S
        connection = connect(address, self._settings, client_id, will, old=old, takes=_TAKES_BYTES)
        if connection.version == 4 and not old:
            self._old_version[address] = now
        return connection

    def _window(self, connection: Connection) -> int:
        return max(1, min(self._settings.in_flight, connection.receive_maximum))

    def _last_word(self) -> StatusData:
        """What the broker says when this connection breaks: who it was, and by which key its evidence is proven."""
        return msgspec.structs.replace(self._status(), state="offline", problems=[])

    def _turn(self, session: _Session) -> None:
        wait_s = 0.0 if self._fill(session) else self._wait_s(session)
        events = session.connection.step(wait_s, self._wake)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._acknowledge(session, events.acknowledged)
        for topic, payload in events.received:
            self._command(topic, payload)
        for refused in events.refused:
            self._say(refused)
        if self._status_due.is_set():
            self._status_due.clear()
            self._publish_status(session, self._status())
        now = self._clock.monotonic()
        if now - session.settled >= _SETTLE_S:
            session.settled = now
            self._queue.hand_over()
        oldest = session.flight.oldest()
        patience = max(30.0, 2.0 * self._settings.keepalive_s)
        if oldest is not None and now - oldest > patience:
            raise UplinkError(f"{session.connection.address} has acknowledged nothing for {patience:.0f} s")

    def _wait_s(self, session: _Session) -> float:
        return max(0.02, 1.0 / self._settings.backfill_per_s) if session.feed.throttled else _SETTLE_S

    def _fill(self, session: _Session) -> bool:
        """Sends what fits the window, in strides; whether there may be more, after a look at what came in."""
        if self._holding():
            return False
        until = session.flight.bytes + _STRIDE_BYTES
        with session.connection.gathered():
            while len(session.flight) < session.window and session.flight.bytes < _FLIGHT_BYTES:
                if session.flight.bytes >= until:
                    return True
                packet = session.feed.next(session.window - len(session.flight))
                if packet is None:
                    return False
                self._send(session, packet)
        return False

    def _holding(self) -> bool:
        """Whether to wait for the clock to be synchronised, see ``hold_untrusted_s``."""
        if self._clock.monotonic() - self._first_connected > self._settings.hold_untrusted_s:
            return False
        return self._clock.expects_trust()

    def _send(self, session: _Session, packet: Packet) -> None:
        mid = session.connection.publish(
            packet.topic, packet.payload, retain=packet.retain, content_type=packet.content_type
        )
        session.flight.sent(mid, packet, self._clock.monotonic())
        self._count.sent += 1

    def _acknowledge(self, session: _Session, found: list[tuple[int, int]]) -> None:
        done: list[int] = []
        for mid, code in found:
            answered = session.flight.answered(mid)
            if answered is None:
                continue
            sequence, delivered = answered
            judged = verdict(code)
            if judged is not Verdict.ACCEPTED:
                self._refused(session, sequence, code, judged)
                continue
            if sequence == STATUS:
                continue
            session.acknowledged += 1
            if delivered:
                done += session.feed.done(sequence)
        if done:
            self._count.acknowledged += len(done)
            self._count.last_acknowledged = self._clock.time()
            self._queue.acknowledge(done)
            self._forgive(done)
            if self._caution.acknowledged(done, session.acknowledged):
                session.window = self._window(session.connection)

    def _forgive(self, done: list[int]) -> None:
        """What was refused and is now taken is no problem any longer."""
        if self._offending:
            self._offending.difference_update(done)
            if not self._offending:
                self._error = ""

    def _refused(self, session: _Session, sequence: int, code: int, judged: Verdict) -> None:
        self._count.refused += 1
        what = "the status" if sequence == STATUS else f"message {sequence}"
        self._error = f"{session.connection.address} refused {what}: {unwanted(code)}"
        self._offending.add(sequence)
        session.flight.forget(sequence)
        if sequence == STATUS:
            log.warning("%s", self._error)
            return
        sequences = session.feed.done(sequence)
        if judged is Verdict.BUSY or len(sequences) > 1:
            for each in sequences:
                self._queue.put_back(each, _BUSY_WAIT_S)
        elif self._queue.reject(sequence, self._error, self._settings.reject_after):
            log.error("%s for the %dth time; it is set aside", self._error, self._settings.reject_after)

    def _command(self, topic: str, payload: bytes) -> None:
        prefix = f"{self._source}/cmd/"
        if self._on_command is None or not topic.startswith(prefix):
            log.warning("a message on %s was not asked for; it is dropped", topic)
            return
        try:
            self._on_command(topic.removeprefix(prefix), payload)
        except Exception:
            log.exception("command %s failed", topic)

    def _publish_status(self, session: _Session, data: StatusData) -> None:
        if self._settings.plain:
            data = msgspec.structs.replace(data, problems=[*data.problems, f"{self.name}: {_INSECURE}"])
        payload = self._status_payload(data)
        mid = session.connection.publish(f"{self._source}/status", payload, retain=True)
        session.flight.sent(mid, Packet(STATUS, "", payload), self._clock.monotonic())

    def _status_payload(self, data: StatusData) -> bytes:
        time, monotonic = self._clock.time(), self._clock.monotonic()
        trust = self._clock.trust()
        return msgspec.json.encode(
            Message(
                id=message_id(time, self._device.id, self._clock.boot, 0, f"|{data.state}|{monotonic}"),
                source=self._source,
                type=CHANNELS["status"].event_type,
                time=rfc3339(time),
                sequence=0,
                boot=self._clock.boot,
                monotonicms=round(monotonic * 1000),
                timetrust=TimeTrust.TRUSTED if trust.trusted else TimeTrust.UNTRUSTED,
                timeerrorms=round(trust.error_s * 1000) if trust.trusted else -1,
                data=data,
            )
        )

    def _leave(self, session: _Session) -> None:
        """Says that the agent stops, and waits a moment for what is in flight."""
        self._publish_status(session, msgspec.structs.replace(self._status(), state="stopped"))
        deadline = self._clock.monotonic() + _GOODBYE_S
        while session.flight and self._clock.monotonic() < deadline:
            self._acknowledge(session, session.connection.step(0.1).acknowledged)
        session.connection.close()

    def _learn_from(self, session: _Session) -> None:
        """See ``Caution``."""
        if not session.flight.rows:
            return
        connection = session.connection
        sequence, size = session.flight.alone()
        shrinks = connection.version == 4 and min(size, self._limit) > _SMALLEST_PACKET
        batch = session.feed.is_batch(sequence)
        lesson = self._caution.lost(session.acknowledged, sequence, shrinks=shrinks, batch=batch)
        if lesson is None:
            return
        log.warning("%s hung up on message %d (%d bytes), perhaps its topic is not permitted; now %s",
                    connection.address, sequence, size, lesson.value)  # fmt: skip
        if lesson is Lesson.SMALLER:
            self._limit = max(_SMALLEST_PACKET, self._limit // 2)
        elif lesson is Lesson.UNPACKED:
            self._packs = False
        elif self._outbox.depth().messages > 1:
            self._queue.postpone(sequence, self._caution.wait_s(sequence))

    def _say(self, error: str) -> None:
        if error != self._error:
            log.warning("%s: %s", self.name, error)
        self._error = error

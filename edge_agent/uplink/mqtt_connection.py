"""One MQTT connection, driven by the one thread that made it: no hidden queue, no hidden thread.

paho-mqtt gives packets and framing; what is in flight, and what to do about it, is known by the caller, who gets every
acknowledgement with its reason code. A new connection is a new object, so nothing of an old one leaks into it.
Larger packets than ``takes`` bytes (0: any) are not received: a broker of MQTT 5 is told so, an older one is left.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.config.uplink import Address, Mqtt, Tls
from edge_agent.errors import UplinkError
from edge_agent.messages.envelope import CLOUDEVENTS
from edge_agent.uplink.mqtt_client import Client
from edge_agent.uplink.mqtt_reasons import PACKET_TOO_LARGE, UNSUPPORTED_VERSION, explain, farewell, refusal, unheard

if TYPE_CHECKING:
    import ssl

CONNECT_TIMEOUT_S = 10.0
# Some brokers of MQTT 3.1.1 let a client of MQTT 5 wait for ever.
_ANSWER_TIMEOUT_S = {5: 5.0, 4: 10.0}


log = logging.getLogger(__name__)


class VersionError(UplinkError):
    """The broker does not speak this version of MQTT, or hung up on it: try the older one."""


class PacketTooLargeError(UplinkError):
    """The broker hung up on the size of a packet."""


@lru_cache(maxsize=256)
def _topic(topic: str) -> bytes:
    """As PUBLISH has it."""
    name = topic.encode()
    return len(name).to_bytes(2) + name


@lru_cache(maxsize=8)
def _properties(content_type: str) -> bytes:
    """Of a PUBLISH in MQTT 5."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = content_type
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    return packed


def publish_packet(topic: str, packet_id: int, properties: bytes, payload: bytes, *, retain: bool) -> bytes:
    """A PUBLISH with QoS 1 (MQTT 5.0 §3.3; in 3.1.1 without properties)."""
    head = _topic(topic)
    left = len(head) + 2 + len(properties) + len(payload)
    length = bytearray()
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return b"".join((b"\x33" if retain else b"\x32", length, head, packet_id.to_bytes(2), properties, payload))


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Events:
    """What came in during one ``step``: acknowledgements as (packet id, reason code), messages as (topic, payload).

    ``refused``: sentences about subscriptions that were not granted.
    """

    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)


class Connection:
    """Connected when the constructor returns. Raises UplinkError with a sentence for a person."""

    def __init__(
        self,
        address: Address,
        settings: Mqtt,
        client_id: str,
        will: Will | None,
        *,
        version: int = 5,
        takes: int = 0,
    ) -> None:
        self.address = address
        self.version = version
        self.receive_maximum = 65_535
        self.maximum_packet: int | None = None
        self.session_present = False
        self.events = Events()
        self._takes = takes
        self._gathered: list[bytes] | None = None
        self._unanswered: set[int] = set()
        self._asked: dict[int, tuple[str, ...]] = {}
        self._answer: ReasonCode | None = None
        self._goodbye: ReasonCode | None = None
        self._lost: UplinkError | None = None
        self._client = self._make_client(settings, client_id, will)
        if settings.username:
            self._client.username_pw_set(settings.username, read_password(settings.password_file))
        if address.secure:
            self._client.tls_set_context(tls_context(settings.tls))
        self._poll = select.poll()
        try:
            self._connect(settings)
        except BaseException:
            self._close_socket()
            raise

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, content_type: str = CLOUDEVENTS) -> int:
        """Sends with QoS 1 and returns the packet id that its acknowledgement will bear. Raises UplinkError."""
        packet_id = self._client.packet_id()
        while packet_id in self._unanswered:
            packet_id = self._client.packet_id()
        properties = _properties(content_type) if self.version == 5 else b""
        packet = publish_packet(topic, packet_id, properties, payload, retain=retain)
        self._unanswered.add(packet_id)
        if self._gathered is None:
            self._send([packet])
        else:
            self._gathered.append(packet)
        return packet_id

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What is published inside leaves in one write, and in as few TCP segments as possible."""
        packets: list[bytes] = []
        self._gathered = packets
        try:
            yield
        finally:
            self._gathered = None
            if packets:
                self._send(packets)

    def _send(self, packets: list[bytes]) -> None:
        code = self._client.send(packets)
        if code not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            raise UplinkError(f"{self.address}: sending failed: {paho.error_string(code)}")

    def subscribe(self, *filters: str) -> None:
        """With QoS 1. What is refused is told by ``step``."""
        _, packet_id = self._client.subscribe([(f, 1) for f in filters])
        if packet_id is not None:
            self._asked[packet_id] = filters

    def step(self, timeout_s: float, wake: int = -1) -> Events:
        """Sends and receives what there is, waiting at most ``timeout_s`` or until the descriptor ``wake`` is readable.

        Raises UplinkError when the connection is lost, but not before all that came in over it was returned: a message
        was acknowledged when it came, the broker will not send it again.
        """
        if self._lost is None:
            try:
                self._turn(timeout_s, wake)
            except UplinkError as error:
                self._lost = error
        events, self.events = self.events, Events()
        if self._lost is not None and not (events.acknowledged or events.received or events.refused):
            raise self._lost
        return events

    def _turn(self, timeout_s: float, wake: int = -1) -> None:
        sock: Any = self._client.socket()
        if sock is None:
            raise self._loss()
        pending = getattr(sock, "pending", None)
        if pending is not None and pending():
            timeout_s = 0.0
        self._poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        if wake >= 0:
            self._poll.register(wake, select.POLLIN)
        ready = dict(self._poll.poll(timeout_s * 1000))
        self._poll.unregister(sock)
        if (pending is not None and pending()) or ready.get(sock.fileno(), 0) & ~select.POLLOUT:
            self._read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is None:
            raise self._loss()

    def _read(self) -> None:
        try:
            acknowledged = self._client.receive()
        except Exception as error:
            self._close_socket()
            raise UplinkError(f"{self.address} sent what is no MQTT ({type(error).__name__}: {error})") from error
        self.events.acknowledged += acknowledged
        self._unanswered.difference_update(packet_id for packet_id, _ in acknowledged)

    def close(self) -> None:
        """Says goodbye, so that the will is not published."""
        self._client.disconnect()
        self._close_socket()

    def abandon(self) -> None:
        """Drops the connection without a word."""
        self._close_socket()

    def _make_client(self, settings: Mqtt, client_id: str, will: Will | None) -> Client:
        five = self.version == 5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            clean_session=None if five else settings.session_expiry_s == 0,
        )
        client.largest = self._takes
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        if will is not None:
            properties = None
            if five:
                properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
                properties.ContentType = CLOUDEVENTS
            client.will_set(will.topic, will.payload, 1, True, properties)
        return client

    def _connect(self, settings: Mqtt) -> None:
        arguments: dict[str, Any] = {}
        if self.version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = settings.session_expiry_s
            if self._takes:
                properties.MaximumPacketSize = self._takes
            arguments = {"clean_start": settings.session_expiry_s == 0, "properties": properties}
        try:
            self._client.connect(self.address.host, self.address.port, settings.keepalive_s, **arguments)
        except (OSError, ValueError) as error:
            raise UplinkError(explain(self.address, error)) from error
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S[self.version]
        while self._answer is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise VersionError(f"{self.address} accepts connections but does not answer as an MQTT broker")
            try:
                self._turn(left)
            except UplinkError:
                if self._answer is None:
                    hint = _certificate_hint(settings.tls) if self.address.secure else ""
                    raise VersionError(f"{self.address} hung up before it answered{hint}") from None
        if self._answer.is_failure:
            text = refusal(self.address, self._answer.value, str(self._answer))
            raise VersionError(text) if self._answer.value == UNSUPPORTED_VERSION else UplinkError(text)

    def _on_connect(
        self, _c: object, _u: object, flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._answer = reason
        self.session_present = flags.session_present
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        self.maximum_packet = getattr(properties, "MaximumPacketSize", None)

    def _on_subscribe(self, _c: object, _u: object, mid: int, reasons: list[ReasonCode], _p: object) -> None:
        for wanted, reason in zip(self._asked.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self.events.refused.append(unheard(self.address, wanted, reason.value, str(reason)))

    def _on_message(self, _c: object, _u: object, message: paho.MQTTMessage) -> None:
        self.events.received.append((message.topic, bytes(message.payload)))

    def _on_disconnect(self, _c: object, _u: object, flags: Any, reason: ReasonCode, _p: object) -> None:
        if flags.is_disconnect_packet_from_server:
            self._goodbye = reason

    def _loss(self) -> UplinkError:
        if self._client.oversized:
            return UplinkError(
                f"{self.address} sent a packet of {self._client.oversized} bytes; at most {self._takes} are taken"
            )
        if self._goodbye is not None:
            text = farewell(self.address, self._goodbye.value, str(self._goodbye))
            return PacketTooLargeError(text) if self._goodbye.value == PACKET_TOO_LARGE else UplinkError(text)
        return UplinkError(f"{self.address} is gone: the connection was lost")

    def _close_socket(self) -> None:
        self._client.on_disconnect = None
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()


def connect(
    address: Address,
    settings: Mqtt,
    client_id: str,
    will: Will | None = None,
    *,
    old: bool = False,
    takes: int = 0,
) -> Connection:
    """A connection of the newest version the broker speaks and ``settings`` allow; ``old`` does not try MQTT 5.

    Raises UplinkError.
    """
    if settings.version != "3.1.1" and not old:
        try:
            return Connection(address, settings, client_id, will, takes=takes)
        except VersionError as error:
            if settings.version == "5":
                raise
            log.info("%s; trying MQTT 3.1.1", error)
    return Connection(address, settings, client_id, will, version=4, takes=takes)


def read_password(file: str) -> str | None:
    """The first line of a password file. Raises UplinkError when others may read it."""
    if not file:
        return None
    require_private(file)
    return Path(file).read_text().split("\n", 1)[0]


def require_private(file: str) -> None:
    """Raises UplinkError when ``file`` is missing or may be read or changed by others than its owner and group."""
    try:
        mode = Path(file).stat().st_mode
    except OSError as error:
        raise UplinkError(f"{file}: {error.strerror}; give the path of an existing file") from error
    if stat.S_IMODE(mode) & 0o037:
        raise UplinkError(f"{file} may be read or changed by others (mode {stat.S_IMODE(mode):o}); chmod 600 {file}")
    if not os.access(file, os.R_OK):
        raise UplinkError(f"{file} cannot be read by this user; chown it to the user the agent runs as")


def _certificate_hint(tls: Tls) -> str:
    """Why a broker may have hung up on us without a word: what is wrong with our certificate."""
    if not tls.certificate:
        return "; it may want a certificate of this device (tls.certificate, tls.key)"
    from cryptography import x509

    try:
        ours = x509.load_pem_x509_certificate(Path(tls.certificate).read_bytes())
    except (OSError, ValueError):
        return ""
    now = datetime.now(UTC)
    if now > ours.not_valid_after_utc:
        return (
            f"; the certificate of this device expired on {ours.not_valid_after_utc:%Y-%m-%d}: renew {tls.certificate}"
        )
    if now < ours.not_valid_before_utc:
        return "; the certificate of this device is not valid yet, or this machine's clock is wrong"
    return "; it may not know the authority that signed the certificate of this device, or have revoked it"


def tls_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer, the server's name checked. Raises UplinkError."""
    import ssl

    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
    except OSError as error:
        raise UplinkError(f"tls.ca {tls.ca}: {error}; it must be a file of certificates in PEM") from error
    if tls.certificate:
        require_private(tls.key)
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except OSError as error:
            raise UplinkError(f"tls.certificate {tls.certificate}, tls.key {tls.key}: {error}; both in PEM") from error
    return context

"""One MQTT connection, driven by the one thread that made it: no hidden queue, no hidden thread.

paho-mqtt gives packets and framing; what is in flight, and what to do about it, is known by the caller, who gets every
acknowledgement with its reason code. A new connection is a new object, so nothing of an old one leaks into it.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from edge_agent.uplink.mqtt_reasons import PACKET_TOO_LARGE, UNSUPPORTED_VERSION, explain, farewell, refusal

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


class _ContentType(Properties):
    """Properties of a PUBLISH, packed once: they are the same for every message."""

    def __init__(self, content_type: str) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self.ContentType = content_type
        self.__dict__["_packed"] = super().pack()  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """The bytes on the wire."""
        packed: bytes = self.__dict__["_packed"]
        return packed


_PROPERTIES: dict[str, _ContentType] = {}


def _properties(content_type: str) -> _ContentType:
    if content_type not in _PROPERTIES:
        _PROPERTIES[content_type] = _ContentType(content_type)
    return _PROPERTIES[content_type]


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Events:
    """What came in during one ``step``: acknowledgements as (packet id, reason code), messages as (topic, payload)."""

    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)


class Connection:
    """Connected when the constructor returns. Raises UplinkError with a sentence for a person."""

    def __init__(
        self, address: Address, settings: Mqtt, client_id: str, will: Will | None, *, version: int = 5
    ) -> None:
        self.address = address
        self.version = version
        self.receive_maximum = 65_535
        self.maximum_packet: int | None = None
        self.session_present = False
        self.events = Events()
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
        properties = _properties(content_type) if self.version == 5 else None
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            raise UplinkError(f"{self.address}: sending failed: {paho.error_string(info.rc)}")
        return info.mid

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What is published inside leaves in as few TCP segments as possible."""
        sock: Any = self._client.socket()
        if sock is None:
            raise self._loss()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        try:
            yield
        finally:
            still: Any = self._client.socket()
            if still is sock:
                still.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def subscribe(self, *filters: str) -> None:
        """With QoS 1."""
        self._client.subscribe([(f, 1) for f in filters])

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
        if self._lost is not None and not (events.acknowledged or events.received):
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
            self._client.loop_read()
        except Exception as error:
            self._close_socket()
            raise UplinkError(f"{self.address} sent what is no MQTT ({type(error).__name__}: {error})") from error

    def close(self) -> None:
        """Says goodbye, so that the will is not published."""
        self._client.disconnect()
        self._close_socket()

    def abandon(self) -> None:
        """Drops the connection without a word."""
        self._close_socket()

    def _make_client(self, settings: Mqtt, client_id: str, will: Will | None) -> paho.Client:
        five = self.version == 5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            clean_session=None if five else settings.session_expiry_s == 0,
        )
        client.max_inflight_messages_set(0)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
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
                    wants = "; it may want a certificate of this device (tls.certificate, tls.key)"
                    hint = wants if self.address.secure and not settings.tls.certificate else ""
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

    def _on_publish(self, _c: object, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self.events.acknowledged.append((mid, reason.value))

    def _on_message(self, _c: object, _u: object, message: paho.MQTTMessage) -> None:
        self.events.received.append((message.topic, bytes(message.payload)))

    def _on_disconnect(self, _c: object, _u: object, flags: Any, reason: ReasonCode, _p: object) -> None:
        if flags.is_disconnect_packet_from_server:
            self._goodbye = reason

    def _loss(self) -> UplinkError:
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
    address: Address, settings: Mqtt, client_id: str, will: Will | None = None, *, old: bool = False
) -> Connection:
    """A connection of the newest version the broker speaks and ``settings`` allow; ``old`` does not try MQTT 5.

    Raises UplinkError.
    """
    if settings.version != "3.1.1" and not old:
        try:
            return Connection(address, settings, client_id, will)
        except VersionError as error:
            if settings.version == "5":
                raise
            log.info("%s; trying MQTT 3.1.1", error)
    return Connection(address, settings, client_id, will, version=4)


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

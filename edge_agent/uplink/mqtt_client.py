"""paho's client with what costs it most done here: a window of PUBLISHes is one write, PUBACKs are read many at once.

Connecting, TLS, subscriptions, keepalive and all other packets are paho's. Its ``publish`` is not used: it keeps a book
of what is in flight, with a lock and an event for each message, and the caller keeps that book already.

Leans on these inner parts of paho 2, which a test names: ``_sock_recv``, ``_packet_queue``, ``_mid_generate``,
``_in_packet``, ``_handle_pubackcomp``.
"""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MessageType, MQTTErrorCode

_READ_BYTES = 64 << 10
_PUBACK = int(MessageType.PUBACK)
_PUBLISH_QOS_1 = int(MessageType.PUBLISH) | 1 << 1


class Client(paho.Client):
    """``largest``: a packet of more bytes is not taken; the connection is closed and ``oversized`` tells its size."""

    largest = 0
    oversized = 0
    _came = b""
    _at = 0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._acknowledged: list[tuple[int, int]] = []

    def packet_id(self) -> int:
        """One after the other, from 1 to 65,535 and again."""
        return self._mid_generate()

    def send(self, packets: list[bytes]) -> MQTTErrorCode:
        """Writes whole PUBLISH packets as far as the socket takes them; ``loop_write`` goes on with the rest."""
        whole: Any = memoryview(b"".join(packets))
        return self._packet_queue(_PUBLISH_QOS_1, whole, 0, 1)

    def receive(self) -> list[tuple[int, int]]:
        """Reads what there is: acknowledgements as (packet id, reason code); all else goes to paho's callbacks."""
        self._came, self._at = self._waiting(), 0
        if not self._came:
            self.loop_read()
        while self._at < len(self._came) and self.socket() is not None:
            self._take_acknowledgements()
            if self._at < len(self._came):
                self.loop_read()
        found, self._acknowledged = self._acknowledged, []
        return found

    def _waiting(self) -> bytes:
        """What can be read now; TLS gives every record of the broker's apart, often one acknowledgement each."""
        pieces: list[bytes] = []
        left = _READ_BYTES
        while left > 0:
            try:
                piece = super()._sock_recv(left)
            except OSError:
                break
            pieces.append(piece)
            left -= len(piece)
            if not piece or not hasattr(self.socket(), "pending"):
                break
        return b"".join(pieces)

    def _take_acknowledgements(self) -> None:
        """Those that lie whole and short at the head of what came; the rest is for paho to put together."""
        if self._in_packet["command"]:
            return
        came, at, end = self._came, self._at, len(self._came)
        while at + 4 <= end and came[at] == _PUBACK:
            length = came[at + 1]
            if not 2 <= length < 0x80 or at + 2 + length > end:
                break
            self._acknowledged.append((came[at + 2] << 8 | came[at + 3], came[at + 4] if length > 2 else 0))
            at += 2 + length
        self._at = at

    def _handle_pubackcomp(self, cmd: str) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) < 2:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._acknowledged.append((packet[0] << 8 | packet[1], packet[2] if len(packet) > 2 else 0))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _sock_recv(self, bufsize: int) -> bytes:
        """From what was read ahead, then from the socket."""
        if bufsize > self.largest > 0:
            self.oversized = bufsize
            raise ConnectionError
        if self._at >= len(self._came):
            return super()._sock_recv(bufsize)
        first, self._at = self._at, min(self._at + bufsize, len(self._came))
        return self._came[first : self._at]

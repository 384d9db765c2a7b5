"""Bytes of a broker that has lost its mind, or of somebody who is none."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import Mqtt
from edge_agent.errors import UplinkError
from edge_agent.uplink.mqtt_connection import Connection

CONNACK_5 = bytes.fromhex("2003000000")
CONNACK_4 = bytes.fromhex("20020000")

# Packets with a right frame and random content reach deeper than noise.
PACKET = st.builds(lambda head, body: bytes([head, len(body)]) + body, st.integers(0, 255), st.binary(max_size=100))
BYTES = st.lists(PACKET | st.binary(max_size=30), max_size=6).map(b"".join)


class Babbler:
    """Answers a CONNECT with what it is told to."""

    def __init__(self) -> None:
        self.answer = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(2)
                client.recv(4096)
                client.sendall(self.answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass


@pytest.fixture(scope="module")
def babbler() -> Babbler:
    """One for all examples."""
    return Babbler()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(said=BYTES, version=st.sampled_from((4, 5)), accepted=st.booleans())
def test_whatever_comes_ends_in_a_sentence(babbler: Babbler, said: bytes, version: int, accepted: bool) -> None:
    babbler.answer = ((CONNACK_5 if version == 5 else CONNACK_4) if accepted else b"") + said
    mqtt = msgspec.convert({"broker": f"mqtt://127.0.0.1:{babbler.port}"}, Mqtt)
    with pytest.raises(UplinkError):  # noqa: PT012
        connection = Connection(mqtt.addresses[0], mqtt, "victim", None, version=version)
        connection.publish("edge/v1/s/d/dust", b"{}")
        while True:
            connection.step(1.0)


def test_messages_that_came_just_before_a_loss_are_not_lost_with_it() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    connected = threading.Event()

    def vanish() -> None:
        client, _ = server.accept()
        client.recv(4096)
        client.sendall(CONNACK_5)
        connected.wait(10)
        for n in range(1, 9):
            client.sendall(b"\x32\x0d\x00\x03a/b" + bytes([0, n, 0]) + b"n=%03d" % n)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    broker = threading.Thread(target=vanish)
    broker.start()
    mqtt = msgspec.convert({"broker": f"mqtt://127.0.0.1:{server.getsockname()[1]}"}, Mqtt)
    connection = Connection(mqtt.addresses[0], mqtt, "listener", None, version=5)
    connected.set()
    broker.join(10)
    came: list[tuple[str, bytes]] = []
    with pytest.raises(UplinkError), server:  # noqa: PT012
        while True:
            came += connection.step(1.0).received
    assert came[0] == ("a/b", b"n=001")
    assert came == [("a/b", b"n=%03d" % n) for n in range(1, len(came) + 1)]

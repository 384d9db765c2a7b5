"""paho's client where it was changed: acknowledgements in any pieces, packets that are too large, what is refused."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.config import Mqtt
from edge_agent.errors import UplinkError
from edge_agent.uplink.mqtt_client import Client
from edge_agent.uplink.mqtt_connection import Connection
from tests.brokers import Mosquitto
from tests.house import opened, uplink, violation, wait_until

CONNACK = bytes.fromhex("2003000000")
PINGRESP = b"\xd0\x00"
# A PUBACK may carry a code, and a reason in words.
REASON = b"\x1f\x00\xc8" + b"r" * 200
ACKNOWLEDGEMENT = st.tuples(st.integers(1, 65_535), st.sampled_from((None, 0x00, 0x10, 0x87)), st.booleans())


def puback(packet_id: int, code: int | None, in_words: bool) -> bytes:
    """MQTT 5.0 §3.4."""
    if code is None:
        return b"\x40\x02" + packet_id.to_bytes(2)
    rest = packet_id.to_bytes(2) + bytes([code])
    if not in_words:
        return b"\x40" + bytes([len(rest)]) + rest
    rest += b"\xcb\x01" + REASON
    return b"\x40" + bytes([len(rest) & 0x7F | 0x80, len(rest) >> 7]) + rest


def test_the_inner_parts_of_paho_that_are_leant_on_are_there() -> None:
    for name in ("_sock_recv", "_packet_queue", "_mid_generate", "_handle_pubackcomp"):
        assert callable(getattr(paho.Client, name))
    assert "command" in paho.Client(CallbackAPIVersion.VERSION2)._in_packet


@settings(max_examples=200, deadline=None)
@given(
    acknowledgements=st.lists(ACKNOWLEDGEMENT, max_size=30),
    pings=st.sets(st.integers(0, 29)),
    cuts=st.lists(st.integers(1, 50), max_size=20),
)
def test_acknowledgements_are_read_in_whatever_pieces_they_come(
    acknowledgements: list[tuple[int, int | None, bool]], pings: set[int], cuts: list[int]
) -> None:
    stream = b"".join(puback(*one) + (PINGRESP if n in pings else b"") for n, one in enumerate(acknowledgements))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        ours.setblocking(False)
        client._sock = ours
        found: list[tuple[int, int]] = []
        for length in [*cuts, len(stream)]:
            piece, stream = stream[:length], stream[length:]
            if piece:
                theirs.sendall(piece)
                found += client.receive()
        assert found == [(packet_id, code or 0) for packet_id, code, _ in acknowledgements]
        assert client._sock is ours


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that gives one answer to each thing it is told, on every connection; its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                for answer in answers:
                    client.recv(65_536)
                    client.sendall(answer)
                while client.recv(65_536):
                    pass

    threading.Thread(target=serve, daemon=True).start()
    yield f"mqtt://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def connection(url: str, **more: int) -> Connection:
    """Without a will."""
    mqtt = msgspec.convert({"broker": url}, Mqtt)
    return Connection(mqtt.addresses[0], mqtt, "x", None, **more)


@pytest.mark.parametrize("length", ["808008", "ffffff7f"])
def test_a_packet_too_large_for_this_machine_is_not_taken(length: str) -> None:
    with answering(CONNACK + b"\x30" + bytes.fromhex(length) + b"\x00\x01a") as url:
        peer = connection(url, takes=100_000)
        with pytest.raises(UplinkError, match=r"sent a packet of \d+ bytes; at most 100000 are taken"):  # noqa: PT012
            while True:
                peer.step(1.0)


@pytest.mark.parametrize(("code", "why"), [(0x87, "does not authorise"), (0x9E, "no shared subscriptions")])
def test_a_subscription_that_is_refused_is_told(code: int, why: str) -> None:
    with answering(CONNACK, bytes.fromhex("90040001") + b"\x00" + bytes([code])) as url:
        peer = connection(url)
        peer.subscribe("edge/v1/#")
        assert why in peer.step(5.0).refused[0]


def test_listen_says_that_it_may_not_listen_and_fails() -> None:
    with answering(CONNACK, bytes.fromhex("900400010087")) as url:
        command = [sys.executable, "-m", "edge_agent", "listen", "--broker", url, "--json", "--seconds", "20"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "refused the subscription to edge/v1/#: it does not authorise us to read there" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_command_larger_than_commands_are_does_not_reach_the_agent(mosquitto: Mosquitto, tmp_path: Path) -> None:
    heard: list[bytes] = []
    with (
        opened(tmp_path / "data") as recorder,
        uplink(recorder, mosquitto.url, on_command=lambda _, payload: heard.append(payload)) as link,
    ):
        wait_until(lambda: link.state().connected and link.state().in_flight == 0)
        sender = connection(mosquitto.url)
        for payload in (b"x" * 1_000_000, b"{}"):
            sender.publish("edge/v1/north/post-1/cmd/reload", payload)
            sender.step(0.2)
        wait_until(lambda: heard == [b"{}"])
        recorder.record(violation(1))
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        assert link.state().connections == 1

"""The uplink against a real Mosquitto."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import threading
from pathlib import Path

import msgspec
import pytest

from edge_agent.clock import Clock
from edge_agent.config import Mqtt
from edge_agent.messages import EvidenceData, Message, StatusData, rfc3339
from edge_agent.uplink.mqtt import MqttUplink
from edge_agent.uplink.mqtt_connection import Connection
from tests.brokers import Mosquitto, free_port
from tests.house import DEVICE, Receiver, dust, opened, uplink, violation, wait_until
from tests.outbox.test_times import PlayedClock


class Later(Clock):
    """A clock that can be put ahead, monotonic time as well."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def time(self) -> float:
        return super().time() + self.ahead


def test_a_violation_and_its_picture_arrive_and_leave_the_outbox(mosquitto: Mosquitto, tmp_path: Path) -> None:
    picture = os.urandom(5000)
    with opened(tmp_path / "data") as recorder, Receiver(mosquitto.url) as receiver, uplink(recorder, mosquitto.url):
        message = recorder.record(violation(1, pictures=(picture,)))
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        wait_until(lambda: len(receiver.of("evidence")) == 1)
        (came,) = receiver.of("violation")
        assert (came.id, came.sequence) == (message.id, 1)
        topic, _ = next((t, m) for t, m in receiver.messages if "/evidence/" in t)
        assert topic == f"edge/v1/north/post-1/evidence/{message.id}/1"
        evidence = msgspec.convert(receiver.of("evidence")[0].data, EvidenceData)
        assert evidence.data == picture
        assert evidence.sha256 == hashlib.sha256(picture).hexdigest()
        assert receiver.ledger.complete


def test_status_is_retained_and_the_will_says_offline(mosquitto: Mosquitto, tmp_path: Path) -> None:
    def state() -> str:
        (line,) = mosquitto.read("edge/v1/north/post-1/status", 1)
        return str(json.loads(line)["data"]["state"])

    with opened(tmp_path / "data") as recorder:
        with uplink(recorder, mosquitto.url) as link:
            wait_until(lambda: link.state().connected)
            wait_until(lambda: link.state().in_flight == 0)
            assert state() == "online"
        assert state() == "stopped"


def test_the_will_names_the_device_and_the_key_of_its_evidence(mosquitto: Mosquitto, tmp_path: Path) -> None:
    def told(message: Message) -> StatusData:
        return msgspec.convert(message.data, StatusData)

    said = StatusData(state="online", version="1", kind="gate", problems=["dust"], evidence_key="ab" * 32)
    with (
        opened(tmp_path / "data") as recorder,
        Receiver(mosquitto.url) as receiver,
        uplink(recorder, mosquitto.url, status=lambda: said) as link,
    ):
        wait_until(lambda: link.state().connected and link.state().in_flight == 0)
        session = link._session
        assert session is not None
        session.connection._client.socket().shutdown(socket.SHUT_RDWR)
        wait_until(lambda: "offline" in [told(m).state for m in receiver.of("status")], what="the will")
    (will,) = [told(m) for m in receiver.of("status") if told(m).state == "offline"]
    assert will == msgspec.structs.replace(said, state="offline", problems=[])


def test_a_broker_absent_at_start_gets_everything_in_order_when_it_comes(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "mosquitto")
    with opened(tmp_path / "data") as recorder, uplink(recorder, broker.url) as link:
        for n in range(50):
            recorder.record(violation(n))
        wait_until(lambda: "nothing listens" in link.state().error)
        assert not link.state().connected
        broker.start()
        try:
            with Receiver(broker.url) as receiver:
                wait_until(lambda: recorder.outbox.depth().messages == 0)
                for n in range(50, 60):
                    recorder.record(violation(n))
                wait_until(lambda: "v59" in receiver.subjects())
                assert receiver.subjects()[-10:] == [f"v{n}" for n in range(50, 60)]
        finally:
            broker.stop()


def test_nothing_is_lost_or_reordered_when_the_broker_restarts_in_mid_stream(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with opened(tmp_path / "data") as recorder, Receiver(mosquitto.url) as receiver, uplink(recorder, mosquitto.url):
        for n in range(300):
            recorder.record(violation(n))
            if n in (80, 200):
                mosquitto.restart()
        wait_until(lambda: recorder.outbox.depth().messages == 0, 40)
        wait_until(lambda: len(set(receiver.subjects())) == 300, 40)
        first_seen = list(dict.fromkeys(receiver.subjects()))
        assert first_seen == [f"v{n}" for n in range(300)]
        assert receiver.ledger.complete


def test_evidence_larger_than_the_brokers_packet_comes_in_parts_that_join(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "mosquitto", "max_packet_size 20000")
    broker.start()
    picture = os.urandom(100_000)
    try:
        with opened(tmp_path / "data") as recorder, Receiver(broker.url) as receiver, uplink(recorder, broker.url):
            recorder.record(violation(1, pictures=(picture,)))
            wait_until(lambda: recorder.outbox.depth().messages == 0)
            wait_until(lambda: receiver.ledger.accounts()[0].evidence == 1)
            parts = [msgspec.convert(m.data, EvidenceData) for m in receiver.of("evidence")]
            assert len(parts) > 5
            assert b"".join(p.data for p in sorted(parts, key=lambda p: p.part)) == picture
            assert len({m.id for m in receiver.of("evidence")}) == len(parts)
            assert receiver.ledger.complete
    finally:
        broker.stop()


def test_a_refused_connection_is_no_connection(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "mosquitto", anonymous=False)
    broker.start()
    try:
        with opened(tmp_path / "data") as recorder, uplink(recorder, broker.url) as link:
            recorder.record(violation(1))
            wait_until(lambda: "does not authorise" in link.state().error)
            assert not link.state().connected
            assert link.state().connections == 0
            assert recorder.outbox.depth().messages == 1
    finally:
        broker.stop()


def test_addresses_are_tried_in_turn(mosquitto: Mosquitto, tmp_path: Path) -> None:
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    with opened(tmp_path / "data") as recorder, uplink(recorder, [nobody, mosquitto.url]) as link:
        recorder.record(violation(1))
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        assert link.state().address == mosquitto.url


@pytest.mark.slow
def test_a_broker_that_hangs_is_left_and_nothing_is_lost(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with opened(tmp_path / "data") as recorder, uplink(recorder, mosquitto.url, keepalive_s=5) as link:
        wait_until(lambda: link.state().connected)
        mosquitto.freeze()
        recorder.record(violation(1))
        wait_until(lambda: not link.state().connected, 40, "the stalled connection is given up")
        assert recorder.outbox.depth().messages == 1
        mosquitto.thaw()
        with Receiver(mosquitto.url):
            wait_until(lambda: recorder.outbox.depth().messages == 0)


def test_what_waited_long_is_marked_historical_and_live_goes_first(mosquitto: Mosquitto, tmp_path: Path) -> None:
    clock = Later()
    with opened(tmp_path / "data", clock=clock) as recorder:
        for n in range(100):
            recorder.record(dust(n, clock.time()))
        recorder.outbox.flush()
        clock.ahead = 3600.0
        recorder.record(violation(1, clock.time()))
        with Receiver(mosquitto.url) as receiver, uplink(recorder, mosquitto.url, backfill_per_s=200.0, in_flight=5):
            wait_until(lambda: len(receiver.of("dust")) >= 20)
            recorder.record(violation(2, clock.time()))
            wait_until(lambda: recorder.outbox.depth().messages == 0)
            wait_until(lambda: len(receiver.of("dust")) == 100)
        assert receiver.subjects() == ["v1", "v2"]
        assert not any(m.historical for m in receiver.of("violation"))
        assert all(m.historical for m in receiver.of("dust"))
        assert receiver.subjects("dust") == [f"d{n}" for n in range(100)]
        order = [m.subject for t, m in receiver.messages if "/status" not in t]
        assert order[0] == "v1"
        assert order.index("v2") < 99


@pytest.mark.slow
def test_a_broker_killed_without_warning_loses_nothing_of_ours(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with opened(tmp_path / "data") as recorder, Receiver(mosquitto.url) as receiver, uplink(recorder, mosquitto.url):
        for n in range(100):
            recorder.record(violation(n))
        mosquitto.stop(signal.SIGKILL)
        for n in range(100, 200):
            recorder.record(violation(n))
        mosquitto.start()
        wait_until(lambda: recorder.outbox.depth().messages == 0, 40)
        # What the broker had acknowledged and not yet written is the broker's own loss: at most its window.
        wait_until(lambda: len(set(receiver.subjects())) >= 200 - 20, 20)
        assert set(receiver.subjects()) >= {f"v{n}" for n in range(100, 200)} - {f"v{n}" for n in range(100, 120)}


def test_a_packed_backlog_gives_the_same_messages_in_fewer_packets(mosquitto: Mosquitto, tmp_path: Path) -> None:
    clock = Later()
    with opened(tmp_path / "data", clock=clock) as recorder:
        for n in range(1200):
            recorder.record(dust(n, clock.time()))
        recorder.record(violation(1, clock.time(), pictures=(b"x" * 100,)))
        clock.ahead = 3600.0
        with (
            Receiver(mosquitto.url) as receiver,
            uplink(recorder, mosquitto.url, pack_backfill=True, backfill_per_s=1000.0) as link,
        ):
            wait_until(lambda: recorder.outbox.depth().messages == 0)
            wait_until(lambda: len(receiver.messages) >= 1202)
            assert link.state().sent < 50
        assert receiver.ledger.complete
        batched = [m.subject for t, m in receiver.messages if t.endswith("/batch")]
        assert batched == [f"d{n}" for n in range(1200)]


def test_a_broker_that_sends_garbage_is_left_and_tried_again(tmp_path: Path) -> None:
    """Whatever comes instead of an answer: a sentence, no crash, nothing lost."""
    answers = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x03\x00\x00\x00" + b"\xff" * 40, b"\x20\xff\xff\xff\xff\x7f",
        b"\x20\x03\x00\x00\x00\x40\x02\x00\x09", b"\x20\x08\x00\x00\x05\x21\x00\x00\x27\x00", b"\xe0\x02\x95\x00", b"",
    ]  # fmt: skip
    server = socket.create_server(("127.0.0.1", 0))
    served: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                client.recv(4096)
                answer = answers[len(served) % len(answers)]
                client.sendall(answer)
                served.append(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = server.getsockname()[1]
    with opened(tmp_path / "data") as recorder, uplink(recorder, f"mqtt://127.0.0.1:{port}", retry_max_s=0.05) as link:
        recorder.record(violation(1))
        wait_until(lambda: len(served) > 3 * len(answers), 60)
        assert link.state().error
        assert recorder.outbox.depth().messages == 1
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_commands_reach_the_agent_and_one_that_fails_breaks_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    heard: list[tuple[str, bytes]] = []

    def on_command(name: str, payload: bytes) -> None:
        heard.append((name, payload))
        raise RuntimeError("this command always fails")

    with opened(tmp_path / "data") as recorder:
        settings = msgspec.convert({"broker": mosquitto.url}, Mqtt)
        link = MqttUplink(settings, DEVICE, recorder.outbox, on_command=on_command)
        stop = threading.Event()
        thread = threading.Thread(target=link.run, args=(stop,), daemon=True)
        thread.start()
        wait_until(lambda: link.state().connected and link.state().in_flight == 0)
        sender = Connection(settings.addresses[0], settings, "sender", None)
        for payload in (b"{}", b"\xff\x00", b"x" * 100_000):
            sender.publish("edge/v1/north/post-1/cmd/reload", payload)
        while len(heard) < 3:
            sender.step(0.1)
        assert [payload for _, payload in heard] == [b"{}", b"\xff\x00", b"x" * 100_000]
        recorder.record(violation(1))
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        stop.set()
        link.wake()
        thread.join(10)


def test_messages_wait_for_the_clock_while_something_is_at_work_to_set_it(mosquitto: Mosquitto, tmp_path: Path) -> None:
    clock = PlayedClock()
    with (
        opened(tmp_path / "data", clock=clock) as recorder,
        Receiver(mosquitto.url) as receiver,
        uplink(recorder, mosquitto.url) as link,
    ):
        at = clock.real
        recorder.record(violation(1, clock.time()))
        wait_until(lambda: link.state().connected and link.state().in_flight == 0)
        assert recorder.outbox.depth().messages == 1
        assert link.state().acknowledged == 0
        clock.synchronise()
        recorder.record(violation(2, clock.time()))
        wait_until(lambda: len(receiver.of("violation")) == 2)
        clock.run(5)
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        first, second = receiver.of("violation")
        assert (first.time, first.timetrust, first.timeerrorms) == (rfc3339(at), "corrected", 5)
        assert second.timetrust == "trusted"


def test_a_destination_that_hangs_does_not_hold_back_another(mosquitto: Mosquitto, tmp_path: Path) -> None:
    slow = Mosquitto(tmp_path / "slow")
    slow.start()
    try:
        with (
            opened(tmp_path / "data", destinations=("fast", "slow")) as recorder,
            uplink(recorder, mosquitto.url, name="fast") as fast,
            uplink(recorder, slow.url, name="slow") as other,
        ):
            wait_until(lambda: other.state().connected and other.state().in_flight == 0)
            slow.freeze()
            for n in range(100):
                recorder.record(violation(n))
            wait_until(lambda: fast.state().acknowledged == 100)
            assert recorder.outbox.depth().messages == 100
            slow.thaw()
            wait_until(lambda: recorder.outbox.depth().messages == 0, 60)
    finally:
        slow.stop()

"""What works on which broker: the same checks on four of them. ``docs/brokers.md`` is written by this run.

Where RabbitMQ or NATS is not installed, its rows are left out and the test says which package has it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from edge_agent.config import Mqtt
from edge_agent.demo.broker import EmbeddedBroker
from edge_agent.errors import UplinkError
from edge_agent.outbox import OutboxRecorder
from edge_agent.uplink import mqtt_caution
from edge_agent.uplink.mqtt import MqttUplink
from edge_agent.uplink.mqtt_connection import Connection, connect
from tests.brokers import Broker, Mosquitto, Nats, RabbitMq, free_port
from tests.house import Receiver, dust, opened, uplink, violation, wait_until

BROKERS: dict[str, tuple[type[Broker] | None, str]] = {
    "Mosquitto": (Mosquitto, "mosquitto"),
    "RabbitMQ": (RabbitMq, "rabbitmq-server"),
    "NATS": (Nats, "nats-server"),
    "embedded (amqtt)": (None, ""),
}
PATIENCE_S = 40.0


def missing_of(receiver: Receiver, wanted: set[str]) -> set[str]:
    """What has not come when it should have; a receiver that hears nothing takes its session up anew.

    All of it was acknowledged by the broker before: what is missing then, the broker has lost.
    """
    deadline = time.monotonic() + PATIENCE_S
    heard, count = time.monotonic(), 0
    while (missing := wanted - set(receiver.subjects())) and time.monotonic() < deadline:
        if len(receiver.subjects()) > count:
            heard, count = time.monotonic(), len(receiver.subjects())
        elif time.monotonic() - heard > 10.0:
            receiver.reconnect()
            heard = time.monotonic()
        time.sleep(0.02)
    return missing


@contextmanager
def running(name: str, folder: Path) -> Iterator[tuple[str, Broker | None]]:
    """The address of a started broker, and the broker where it is a process of ours."""
    kind, package = BROKERS[name]
    if kind is None:
        with EmbeddedBroker() as embedded:
            yield embedded.url, None
        return
    if shutil.which(package, path=os.environ["PATH"] + ":/usr/sbin") is None and kind is not Mosquitto:
        pytest.skip(f"{package} is not installed; apt-get install {package}")
    broker = kind(folder / "broker")
    broker.start()
    try:
        yield broker.url, broker
    finally:
        broker.stop()


def connected(url: str, client_id: str, **settings: object) -> Connection:
    """A client of the version the broker speaks."""
    mqtt = msgspec.convert({"broker": url, **settings}, Mqtt)
    return connect(mqtt.addresses[0], mqtt, client_id)


def received(connection: Connection, topic: str, timeout_s: float = 5.0) -> list[bytes]:
    """The first payloads on ``topic``."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = [payload for where, payload in connection.step(0.1).received if where == topic]
        if found:
            return found
    return []


def delivered(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """200 messages and 3 pictures, in order, nothing missing."""
    with Receiver(url) as receiver, uplink(recorder, url) as link:
        for n in range(200):
            recorder.record(violation(n, pictures=(os.urandom(20_000),) if n in (5, 50, 150) else ()))
        wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
        wait_until(lambda: receiver.ledger.complete and len(receiver.subjects()) >= 200, PATIENCE_S)
        assert list(dict.fromkeys(receiver.subjects())) == [f"v{n}" for n in range(200)]
        assert receiver.ledger.accounts()[0].evidence == 3
        return link.state().protocol


def retained_status(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """Who subscribes later sees the state; a device that vanishes is offline."""
    topic = "edge/v1/north/post-1/status"
    with uplink(recorder, url, keepalive_s=5) as link:
        wait_until(lambda: link.state().connected and link.state().in_flight == 0, PATIENCE_S)
        late = connected(url, "late")
        late.subscribe(topic)
        assert json.loads(received(late, topic)[0])["data"]["state"] == "online"
        session = link._session
        assert session is not None
        os.close(os.dup(session.connection._client.socket().fileno()))
        session.connection._client.socket().shutdown(2)
        states = [json.loads(p)["data"]["state"] for p in received(late, topic, 30.0)]
        late.close()
        assert states[0] == "offline", states
    return "yes"


def large_evidence(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """A picture of 2 MB."""
    with Receiver(url, since=None) as receiver, uplink(recorder, url):
        recorder.record(violation(1, pictures=(os.urandom(2 << 20),)))
        wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
        wait_until(lambda: receiver.ledger.accounts()[0].evidence == 1, PATIENCE_S)
        return f"in {len(receiver.of('evidence'))} parts"


def durable_session(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """A subscriber that was away gets what it missed."""
    away = connected(url, "away", session_expiry_s=3600)
    away.subscribe("edge/v1/north/post-1/violation")
    away.step(0.5)
    away.abandon()
    with uplink(recorder, url):
        recorder.record(violation(77))
        wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
    back = connected(url, "away", session_expiry_s=3600)
    found = received(back, "edge/v1/north/post-1/violation")
    back.close()
    return "yes" if found else "no"


def survives_restart(url: str, recorder: OutboxRecorder, broker: Broker | None) -> str:
    """Restarted in mid-stream."""
    if broker is None:
        return "not tried"
    with Receiver(url) as receiver, uplink(recorder, url):
        for n in range(300, 450):
            recorder.record(violation(n))
            if n == 370:
                broker.restart()
        wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
        missing = missing_of(receiver, {f"v{n}" for n in range(300, 450)})
    return f"{len(missing)} of 150 lost after it had acknowledged them" if missing else "nothing lost"


def shared_subscription(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """Two consumers of one group share the load."""
    try:
        members = [connected(url, f"member-{n}") for n in (1, 2)]
        for member in members:
            member.subscribe("$share/city/edge/v1/+/+/violation")
            member.step(0.5)
    except UplinkError:
        return "no"
    counts = [0, 0]
    with uplink(recorder, url):
        for n in range(40):
            recorder.record(violation(n))
        wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
    for _ in range(20):
        for index, member in enumerate(members):
            try:
                counts[index] += len(member.step(0.05).received)
            except UplinkError:
                return "no"
    for member in members:
        member.close()
    return "yes" if sum(counts) == 40 and min(counts) > 0 else "no"


def told_limits(url: str, recorder: OutboxRecorder, _: Broker | None) -> str:
    """What the broker says of itself."""
    probe = connected(url, "probe")
    window = probe.receive_maximum if probe.version == 5 else None
    packet = probe.maximum_packet
    probe.close()
    if window is None:
        return "says nothing (3.1.1)"
    return f"window {window}, packet {packet or 'unlimited'}"


CHECKS: dict[str, Callable[[str, OutboxRecorder, Broker | None], str]] = {
    "delivered in order, nothing missing": delivered,
    "retained status, last will": retained_status,
    "2 MB picture": large_evidence,
    "subscriber that was away": durable_session,
    "shared subscription": shared_subscription,
    "limits it states": told_limits,
    "restart in mid-stream": survives_restart,
}
# NATS 2.9 sometimes does not deliver what it acknowledged just before it stopped; the embedded one keeps nothing.
KEEP_WHAT_THEY_ACKNOWLEDGED = ("Mosquitto", "RabbitMQ")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BROKERS)
def test_broker(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    row = examine(name, tmp_path)
    record_property("row", row)
    assert row["delivered in order, nothing missing"] in ("MQTT 5", "MQTT 3.1.1")
    if name in KEEP_WHAT_THEY_ACKNOWLEDGED:
        assert row["restart in mid-stream"] == "nothing lost"


def examine(name: str, folder: Path) -> dict[str, str]:
    """The row of one broker."""
    row = {}
    with running(name, folder) as (url, broker):
        for number, (what, check) in enumerate(CHECKS.items()):
            with opened(folder / f"data-{number}") as recorder:
                row[what] = check(url, recorder, broker)
    return row


@pytest.mark.slow
def test_when_the_node_in_use_dies_the_next_gets_the_rest(tmp_path: Path) -> None:
    nodes = [Mosquitto(tmp_path / f"node-{n}") for n in range(2)]
    for node in nodes:
        node.start()
    try:
        with (
            opened(tmp_path / "data") as recorder,
            Receiver(nodes[0].url) as first,
            Receiver(nodes[1].url) as second,
            uplink(recorder, [node.url for node in nodes]) as link,
        ):
            record_and_kill(recorder, link, nodes)
            wait_until(lambda: len({*first.subjects(), *second.subjects()}) == 200, PATIENCE_S)
            assert second.subjects()[-1] == "v199"
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_cluster_that_loses_the_node_in_use_takes_everything_on_another(tmp_path: Path) -> None:
    if shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("nats-server is not installed; apt-get install nats-server")
    ports = tuple(free_port() for _ in range(3))
    nodes = [Nats(tmp_path / f"node-{n}", ports[n:] + ports[:n]) for n in range(3)]
    starters = [threading.Thread(target=node.start) for node in nodes]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    try:
        wait_until(lambda: all(is_ready(node.url) for node in nodes), 90, "the cluster has a leader")
        with opened(tmp_path / "data") as recorder, uplink(recorder, [node.url for node in nodes]) as link:
            record_and_kill(recorder, link, nodes)
            assert link.state().acknowledged >= 200
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_three_rabbitmq_nodes_lose_nothing_when_the_node_in_use_is_killed(tmp_path: Path) -> None:
    if shutil.which("rabbitmq-server", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("rabbitmq-server is not installed; apt-get install rabbitmq-server")
    nodes = [RabbitMq(tmp_path / f"node-{n}") for n in range(3)]
    RabbitMq.join(nodes)
    for node in nodes:
        node.start()
    try:
        assert all(node.node in nodes[0].control("cluster_status") for node in nodes)
        mirrored = '{"ha-mode":"all","ha-sync-mode":"automatic"}'
        nodes[0].control("set_policy", "mirrored", "^mqtt-subscription-", mirrored, "--apply-to", "queues")
        away = connected(nodes[0].url, "platform", session_expiry_s=3600)
        away.subscribe("edge/v1/north/post-1/violation")
        away.step(1.0)
        away.abandon()
        with (
            opened(tmp_path / "data") as recorder,
            Receiver(nodes[1].url) as receiver,
            uplink(recorder, [node.url for node in nodes]) as link,
        ):
            record_and_kill(recorder, link, nodes)
            assert missing_of(receiver, {f"v{n}" for n in range(200)}) == set()
        back = connected(nodes[2].url, "platform", session_expiry_s=3600)
        came: set[str] = set()
        deadline = time.monotonic() + PATIENCE_S
        while len(came) < 200 and time.monotonic() < deadline:
            came |= {json.loads(payload)["subject"] for _, payload in back.step(0.1).received}
        assert len(came) == 200
        back.close()
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_topic_that_makes_rabbitmq_hang_up_holds_back_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closes the connection on what a user may not publish: that is no refusal, and violations come first."""
    if shutil.which("rabbitmq-server", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("rabbitmq-server is not installed; apt-get install rabbitmq-server")
    monkeypatch.setattr(mqtt_caution, "_WAIT_S", 3.0)
    broker = RabbitMq(tmp_path / "broker")
    broker.start()
    try:
        broker.control("set_topic_permissions", "guest", "amq.topic", r"\.(status|dust)$", ".*")
        with (
            opened(tmp_path / "data") as recorder,
            Receiver(broker.url, since=None) as receiver,
            uplink(recorder, broker.url, version="3.1.1", retry_max_s=0.2) as link,
        ):
            for n in range(2):
                recorder.record(violation(n))
            for n in range(30):
                recorder.record(dust(n))
            wait_until(lambda: len(set(receiver.subjects("dust"))) == 30, PATIENCE_S)
            wait_until(lambda: "hangs up on 2 messages" in link.state().error, PATIENCE_S)
            wait_until(lambda: recorder.outbox.depth().by_class == {"violation": 2}, PATIENCE_S)
            assert recorder.outbox.depth().lost == {}
            broker.control("set_topic_permissions", "guest", "amq.topic", ".*", ".*")
            wait_until(lambda: recorder.outbox.depth().messages == 0, PATIENCE_S)
            wait_until(lambda: sorted(set(receiver.subjects())) == ["v0", "v1"])
            assert link.state().error == ""
    finally:
        broker.stop()


def record_and_kill(recorder: OutboxRecorder, link: MqttUplink, nodes: Sequence[Broker]) -> None:
    """Records 200 violations, kills the first node among them, and waits until another has acknowledged all."""
    wait_until(lambda: link.state().connected, PATIENCE_S)
    assert link.state().address == nodes[0].url
    for n in range(200):
        recorder.record(violation(n))
        if n == 100:
            nodes[0].stop(signal.SIGKILL)
    wait_until(lambda: recorder.outbox.depth().messages == 0, 2 * PATIENCE_S)
    assert link.state().address != nodes[0].url


def is_ready(url: str) -> bool:
    """Whether a client is accepted."""
    try:
        connected(url, "probe").close()
    except UplinkError:
        return False
    return True

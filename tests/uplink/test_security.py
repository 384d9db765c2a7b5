"""Who may speak, and how: TLS, certificates, secrets, the ACL that ships."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge_agent.config import Mqtt
from edge_agent.errors import UplinkError
from edge_agent.files import shipped
from edge_agent.uplink.mqtt_connection import Connection, read_password
from tests.brokers import Mosquitto
from tests.certificates import Authority
from tests.house import DEVICE, Receiver, dust, opened, uplink, violation, wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for the module; keys take a moment."""
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


class TlsMosquitto(Mosquitto):
    """Mosquitto with TLS on its port."""

    def __init__(self, folder: Path, authority: Authority, pair: tuple[Path, Path], extra: str = "") -> None:
        files = f"cafile {authority.ca}\ncertfile {pair[0]}\nkeyfile {pair[1]}\n{extra}"
        super().__init__(folder, listener=files, anonymous="allow_anonymous false" not in extra)

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"


@pytest.fixture
def mutual(tmp_path: Path, authority: Authority) -> Iterator[TlsMosquitto]:
    """As ``config/mosquitto`` has it: certificates from both sides, the shipped ACL."""
    acl = tmp_path / "acl"
    acl.write_text(shipped("config", "mosquitto", "acl.example").read_text())
    extra = f"require_certificate true\nuse_identity_as_username true\nacl_file {acl}\n"
    broker = TlsMosquitto(tmp_path / "mosquitto", authority, authority.issue("broker"), extra)
    broker.start()
    yield broker
    broker.stop()


def tls(authority: Authority, name: str) -> dict[str, str]:
    """The settings of somebody with a certificate."""
    certificate, key = authority.issue(name)
    return {"ca": str(authority.ca), "certificate": str(certificate), "key": str(key)}


def test_with_certificates_on_both_sides_messages_arrive(
    mutual: TlsMosquitto, authority: Authority, tmp_path: Path
) -> None:
    settings = tls(authority, DEVICE.id)
    with opened(tmp_path / "data") as recorder, uplink(recorder, mutual.url, tls=settings) as link:
        recorder.record(violation(1, pictures=(b"jpeg" * 50_000,)))
        wait_until(lambda: recorder.outbox.depth().messages == 0)
        assert link.state().connected
        assert not link.state().insecure


def answer(settings: Mqtt, topic: str) -> int:
    """The reason code of a PUBACK. On a connection of its own: Mosquitto 2.0.11 hangs up after it denied one."""
    connection = Connection(settings.addresses[0], settings, "intruder", None)
    packet = connection.publish(topic, b"{}")
    for _ in range(50):
        for mid, code in connection.step(0.1).acknowledged:
            assert mid == packet
            connection.abandon()
            return code
    raise AssertionError(f"{topic}: no answer")


def test_a_device_cannot_speak_or_listen_for_another(mutual: TlsMosquitto, authority: Authority) -> None:
    device = msgspec.convert({"broker": mutual.url, "tls": tls(authority, "post-2"), "session_expiry_s": 0}, Mqtt)
    city = msgspec.convert({"broker": mutual.url, "tls": tls(authority, "platform")}, Mqtt)
    platform = Connection(city.addresses[0], city, "platform", None)
    platform.subscribe("edge/v1/#")
    platform.step(0.5)
    base = "edge/v1/north"
    assert answer(device, f"{base}/post-1/violation") == 0x87
    assert answer(device, f"{base}/post-1/status") == 0x87
    assert answer(device, f"{base}/post-2/cmd/open") == 0x87
    assert answer(device, f"{base}/post-2/evidence/id/1") == 0x00
    came = [topic for _ in range(10) for topic, _ in platform.step(0.05).received]
    assert came == [f"{base}/post-2/evidence/id/1"]
    listener = Connection(device.addresses[0], device, "listener", None)
    listener.subscribe("edge/v1/#", f"{base}/post-1/cmd/#", f"{base}/post-2/cmd/#")
    listener.step(0.5)
    platform.publish(f"{base}/post-1/cmd/open", b"for post-1 only")
    platform.publish(f"{base}/post-2/cmd/open", b"for post-2")
    platform.step(0.2)
    heard = [topic for _ in range(10) for topic, _ in listener.step(0.05).received]
    assert heard
    assert set(heard) == {f"{base}/post-2/cmd/open"}


@pytest.mark.slow
def test_what_the_broker_refuses_is_set_aside_the_rest_goes_on_and_it_is_tried_again(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("".join(f"topic write edge/v1/north/post-1/{c}\n" for c in ("status", "dust", "loss")))
    broker = Mosquitto(tmp_path / "mosquitto", f"acl_file {acl}")
    broker.start()
    try:
        with opened(tmp_path / "data") as recorder, uplink(recorder, broker.url, reject_after=2) as link:
            recorder.record(violation(1))
            recorder.record(dust(1))
            wait_until(lambda: recorder.outbox.depth().lost.get("rejected") == {"violation": 1}, 40)
            assert link.state().refused >= 2
            wait_until(lambda: recorder.outbox.depth().by_class == {"violation": 1}, 40, "only the dead letter")
        acl.write_text("topic readwrite #\n")
        broker.restart()
        with (
            opened(tmp_path / "data") as recorder,
            Receiver(broker.url, since=None) as receiver,
            uplink(recorder, broker.url),
        ):
            wait_until(lambda: recorder.outbox.depth().messages == 0)
            wait_until(lambda: receiver.subjects() == ["v1"])
    finally:
        broker.stop()


def failure(broker: TlsMosquitto, **settings: object) -> str:
    """The sentence a connection fails with."""
    mqtt = msgspec.convert({"broker": broker.url, **settings}, Mqtt)
    with pytest.raises(UplinkError) as error:
        Connection(mqtt.addresses[0], mqtt, "x", None).step(1.0)
    return str(error.value)


def test_a_certificate_that_cannot_be_trusted_is_refused_with_what_to_do(tmp_path: Path, authority: Authority) -> None:
    cases = {
        "has expired": (authority.issue("expired", days=-1), str(authority.ca)),
        "is for another name": (authority.issue("elsewhere", "DNS:elsewhere.example"), str(authority.ca)),
        "signed by nobody we know": (authority.issue("good"), ""),
    }
    for number, (sentence, (pair, ca)) in enumerate(cases.items()):
        broker = TlsMosquitto(tmp_path / str(number), authority, pair)
        broker.start()
        try:
            assert sentence in failure(broker, tls={"ca": ca})
        finally:
            broker.stop()


def test_without_a_certificate_of_its_own_a_device_is_refused(mutual: TlsMosquitto, authority: Authority) -> None:
    assert "certificate of this device" in failure(mutual, tls={"ca": str(authority.ca)})


def test_a_certificate_of_ours_that_expired_or_is_not_known_is_named(
    mutual: TlsMosquitto, authority: Authority, tmp_path: Path
) -> None:
    ours = tls(authority, "before")
    authority.issue("before", days=-1)
    assert "expired on 20" in failure(mutual, tls=ours)
    stranger = tls(Authority(tmp_path / "stranger"), "post-1")
    assert "may not know the authority" in failure(mutual, tls={**stranger, "ca": str(authority.ca)})


def test_tls_to_a_port_that_speaks_plain_says_so(mosquitto: Mosquitto) -> None:
    settings = msgspec.convert({"broker": f"mqtts://127.0.0.1:{mosquitto.port}"}, Mqtt)
    with pytest.raises(UplinkError):
        Connection(settings.addresses[0], settings, "x", None)


def test_secrets_that_others_may_read_are_refused(tmp_path: Path, authority: Authority) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    secret.chmod(0o644)
    with pytest.raises(UplinkError, match="chmod 600"):
        read_password(str(secret))
    secret.chmod(0o600)
    assert read_password(str(secret)) == "correct horse"
    settings = tls(authority, "loose")
    Path(settings["key"]).chmod(0o644)
    mqtt = msgspec.convert({"broker": "mqtts://127.0.0.1:1", "tls": settings}, Mqtt)
    with pytest.raises(UplinkError, match="chmod 600"):
        Connection(mqtt.addresses[0], mqtt, "x", None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"broker": "mqtt://broker.example"}, "plain text to another machine"),
        ({"broker": ["mqtts://a", "mqtt://b"]}, "plain text to another machine"),
        ({"broker": []}, "empty list"),
        ({"broker": "broker.example:1883"}, "no address"),
        ({"broker": "mqtts://a:99999"}, "no address"),
        ({"broker": "mqtts://a", "tls": {"key": "k"}}, "give both or neither"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(given, Mqtt)


def test_insecure_is_said_in_the_status(mosquitto: Mosquitto, tmp_path: Path) -> None:
    addresses = [mosquitto.url, "mqtt://192.0.2.1"]
    with opened(tmp_path / "data") as recorder, uplink(recorder, addresses, insecure=True) as link:
        wait_until(lambda: link.state().connected and link.state().in_flight == 0)
        assert link.state().insecure
        (line,) = mosquitto.read("edge/v1/north/post-1/status", 1)
        assert any("unencrypted" in problem for problem in json.loads(line)["data"]["problems"])


def test_plain_text_stays_on_the_machine_unless_said_aloud() -> None:
    for broker in ("mqtt://127.0.0.1", "mqtt://localhost:1884", "mqtt://[::1]"):
        assert not msgspec.convert({"broker": broker}, Mqtt).plain
    assert msgspec.convert({"broker": "mqtt://broker.example", "insecure": True}, Mqtt).plain
    assert msgspec.convert({"broker": "mqtts://broker.example"}, Mqtt).addresses[0].port == 8883

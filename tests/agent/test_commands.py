"""Every command gets one answer, and nothing a platform sends stops the agent."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.agent.commands import answer, city_air
from edge_agent.agent.evidence import EvidenceKeeper
from edge_agent.config import Config
from edge_agent.dust.city import CityAir
from tests.agent.process import AgentProcess
from tests.brokers import Mosquitto, program
from tests.house import DEVICE, Receiver, opened, violation, wait_until

AIR = {"id": "a1", "start": "2026-07-15T10:00:00+08:00", "values": {"pm10_ug_m3": 95.0}, "aqi": 120, "primary": "pm10"}


def told(payload: bytes, name: str = "city-air") -> tuple[bool, str, list[CityAir]]:
    heard: list[CityAir] = []
    ack = answer(name, payload, {"city-air": city_air(heard.append)})
    return ack.ok, ack.detail, heard


def test_the_citys_air_is_taken() -> None:
    ok, _, heard = told(json.dumps(AIR).encode())
    assert ok
    assert heard == [CityAir(1784080800.0, {"pm10_ug_m3": 95.0}, 3600.0, 120.0, "pm10")]


def test_an_unknown_command_says_which_there_are() -> None:
    assert told(b"{}", "reboot") == (False, "no such command; there are: city-air", [])


def test_a_wrong_value_says_where_and_what() -> None:
    ok, detail, heard = told(json.dumps(AIR | {"values": {"pm10_ug_m3": "many"}}).encode())
    assert not ok
    assert "$.values" in detail
    assert heard == []


def test_a_time_without_a_zone_is_refused() -> None:
    assert "time zone" in told(json.dumps(AIR | {"start": "2026-07-15T10:00:00"}).encode())[1]


@given(st.binary(max_size=300) | st.builds(lambda n: b"[" * n, st.integers(0, 60_000)), st.text(max_size=80))
def test_whatever_comes_is_answered(payload: bytes, name: str) -> None:
    ok, detail, heard = told(payload, name)
    assert not ok
    assert detail
    assert heard == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3),
    max_leaves=6,
)
NAMES = ("id", "violation", "roles", "start", "values", "window_s", "aqi", "primary")
IDS = st.sampled_from(("../../../etc", "/etc/passwd", "019a0000-0000-7000-8000-000000000000", "\0", "")) | JSON


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvidenceKeeper]:
    """On an outbox with one violation and its picture."""
    with opened(tmp_path_factory.mktemp("data")) as recorder:
        recorder.record(violation(1, pictures=(b"x",)))
        yield EvidenceKeeper(Config(device=DEVICE), recorder)


@given(
    name=st.sampled_from(("city-air", "evidence")),
    command=st.dictionaries(st.sampled_from(NAMES), JSON) | st.fixed_dictionaries({"violation": IDS}),
)
def test_a_command_with_anything_in_its_fields_is_answered(
    keeper: EvidenceKeeper, name: str, command: dict[str, object]
) -> None:
    heard: list[CityAir] = []
    ack = answer(name, json.dumps(command).encode(), {"city-air": city_air(heard.append), "evidence": keeper.command})
    assert ack.detail
    assert ack.ok == bool(heard)
    assert msgspec.json.encode(ack)


def publish(broker: Mosquitto, command: str, payload: str) -> None:
    """As a platform would, by mosquitto_pub."""
    where = ["-p", str(broker.port), "-t", f"edge/v1/north/post-1/cmd/{command}", "-q", "1"]
    subprocess.run([program("mosquitto_pub", "mosquitto-clients"), *where, "-m", payload], check=True)


@pytest.mark.slow
def test_a_command_over_the_broker_is_acknowledged(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: len(receiver.of("dust")) >= 1)
        publish(mosquitto, "city-air", json.dumps(AIR))
        publish(mosquitto, "dance", "{}")
        wait_until(lambda: len(receiver.of("ack")) >= 2)
        assert agent.stop() == 0
    acks = {m.subject: m.data for m in receiver.of("ack")}
    assert acks["city-air"]["ok"] is True
    assert acks["city-air"]["id"] == "a1"
    assert acks["dance"]["ok"] is False

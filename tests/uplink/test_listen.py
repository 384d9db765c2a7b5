"""``edge-agent listen`` against a real broker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge_agent.config import Mqtt
from edge_agent.messages import Message
from edge_agent.uplink.mqtt_connection import Connection
from tests.brokers import Mosquitto
from tests.house import opened, uplink, violation, wait_until


def start(mosquitto: Mosquitto, *arguments: str) -> subprocess.Popen[str]:
    """The command, subscribed."""
    command = [sys.executable, "-m", "edge_agent", "listen", "--broker", mosquitto.url, "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process


def send(mosquitto: Mosquitto, *sequences: int) -> None:
    """Messages with these sequences, each after the acknowledgement of the one before."""
    settings = msgspec.convert({"broker": mosquitto.url}, Mqtt)
    connection = Connection(settings.addresses[0], settings, "sender", None)
    for n in sequences:
        message = Message(id=str(n), source="edge/v1/s/d", type="edge.dust.v1", time="2026-01-01T00:00:00.000Z",
                          sequence=n, boot="b", data={"n": n})  # fmt: skip
        connection.publish("edge/v1/s/d/dust", msgspec.json.encode(message))
        acknowledged = 0
        while not acknowledged:
            acknowledged = len(connection.step(1.0).acknowledged)
    connection.close()


def finish(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, object]]]:
    """Exit code and the objects printed."""
    out, _ = process.communicate(timeout=30)
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def test_a_gap_is_reported_and_the_exit_code_is_1(mosquitto: Mosquitto) -> None:
    process = start(mosquitto, "--count", "4", "--seconds", "20")
    wait_for_subscription(mosquitto)
    send(mosquitto, 1, 2, 2, 5)
    code, lines = finish(process)
    assert code == 1
    summary = lines[-1]["summary"]
    assert isinstance(summary, dict)
    (device,) = summary["devices"]
    assert device["missing"] == [[3, 4]]
    assert device["repeats"] == 1
    assert [line["notes"] for line in lines[:-1]] == [["late"], ["late"], ["repeat"], ["late"]]


def test_a_whole_stream_is_whole(mosquitto: Mosquitto, tmp_path: Path) -> None:
    process = start(mosquitto, "--count", "12", "--seconds", "20", "--site", "north")
    wait_for_subscription(mosquitto)
    with opened(tmp_path / "data") as recorder, uplink(recorder, mosquitto.url):
        for n in range(10):
            recorder.record(violation(n, pictures=(b"x" * 100,) if n == 3 else ()))
        code, lines = finish(process)
    assert code == 0
    assert lines[-1]["summary"]["complete"] is True  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--topic", "edge/#/x"), "no topic filter"),
        (("--topic", "edge/v+/x"), "no topic filter"),
        (("--site", "a/#/b"), "no topic filter"),
        (("--seconds", "-1"), "no time"),
        (("--since", "0"), "no number"),
        (("--count", "many"), "no number"),
    ],
)
def test_what_cannot_be_listened_to_is_a_wrong_usage(words: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "edge_agent", "listen", "--broker", "mqtt://127.0.0.1:1", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_listener_that_is_told_to_end_gives_its_summary(mosquitto: Mosquitto) -> None:
    process = start(mosquitto)
    wait_for_subscription(mosquitto)
    send(mosquitto, 1, 3)
    assert process.stdout is not None
    while '"sequence":3' not in process.stdout.readline():
        pass
    process.terminate()
    code, lines = finish(process)
    assert code == 1
    assert lines[-1]["summary"]["devices"][0]["missing"] == [[2, 2]]  # type: ignore[index,call-overload]


def wait_for_subscription(mosquitto: Mosquitto) -> None:
    """Until the broker's log shows the listener's subscription."""
    log = mosquitto.folder / "broker.log"
    wait_until(lambda: re.search(r"edge-listen-\w+ 1 edge/v1/", log.read_text()) is not None, what="it subscribes")

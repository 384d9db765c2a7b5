"""``edge-agent run`` on a dust post: real processes, a real Mosquitto, a sensor on a real pseudo-terminal."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.messages import Message
from tests.agent.process import AgentProcess
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until

HEAVY = ("/cv2/", "/onnxruntime/", "/numpy/", "/cryptography/")


def data(message: Message) -> dict[str, Any]:
    """Its data in plain values."""
    return dict(msgspec.to_builtins(message.data))


@pytest.mark.slow
def test_a_dust_post_measures_and_reports_one_exceedance(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(
            lambda: len(receiver.of("violation")) >= 1 and len(receiver.of("dust")) >= 8, what="dust and violation"
        )
        maps = Path(f"/proc/{agent.pid}/maps").read_text()
        assert agent.stop() == 0
        wait_until(lambda: receiver.ledger.accounts()[0].status == "stopped", what="its goodbye")
    assert [data(m)["kind"] for m in receiver.of("violation")] == ["dust_exceedance"]
    whole = [data(m)["values"]["pm10_ug_m3"] for m in receiver.of("dust") if data(m)["window_s"] == 1]
    assert {v["mean"] for v in whole if v["mean"] is not None} == {190.0}
    assert not [name for name in HEAVY if name in maps]
    assert receiver.ledger.complete


@pytest.mark.slow
def test_a_killed_agent_goes_on_where_it_was(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: len(receiver.of("dust")) >= 2)
        agent.stop(signal.SIGKILL)
        wait_until(lambda: receiver.ledger.accounts()[0].status == "offline", what="the last will")
        seen = receiver.ledger.accounts()[0].last
        agent.start()
        wait_until(lambda: receiver.ledger.accounts()[0].last > seen + 3)
        agent.stop()
    account = receiver.ledger.accounts()[0]
    assert account.missing == []


@pytest.mark.slow
def test_with_the_broker_away_for_a_minute_every_message_arrives(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: len(receiver.of("dust")) >= 2)
        before = receiver.ledger.accounts()[0].last
        mosquitto.stop()
        threading.Event().wait(60)
        mosquitto.start()
        wait_until(lambda: receiver.ledger.accounts()[0].last >= before + 60, 60, "what was raised meanwhile")
        assert agent.stop() == 0
        wait_until(lambda: receiver.ledger.accounts()[0].status == "stopped")
    account = receiver.ledger.accounts()[0]
    assert account.missing == []
    assert account.first == 1


@pytest.mark.slow
def test_a_second_broker_that_cannot_be_reached_is_told_to_the_first(mosquitto: Mosquitto, tmp_path: Path) -> None:
    other = Mosquitto(tmp_path / "other")
    with Receiver(mosquitto.url) as receiver:
        agent = AgentProcess(tmp_path, mosquitto.url)
        with agent.config.open("a") as config:
            config.write(f'\n[[mqtt]]\nname = "city"\nbroker = "{other.url}"\nretry_max_s = 0.5\n')

        def told() -> list[str]:
            last = [data(m)["problems"] for m in receiver.of("status")][-1:]
            return [problem for problems in last for problem in problems]

        with agent:
            wait_until(lambda: any(p.startswith("city: ") and "nothing listens" in p for p in told()), what="told")
            other.start()
            try:
                wait_until(lambda: told() == [], what="taken back")
            finally:
                other.stop()


@pytest.mark.slow
def test_an_absent_sensor_is_told_in_the_status_and_nothing_else_stops(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with (
        Receiver(mosquitto.url) as receiver,
        AgentProcess(tmp_path, mosquitto.url, port="/dev/serial/by-id/absent") as agent,
    ):

        def told() -> list[str]:
            return [p for m in receiver.of("status") for p in data(m)["problems"]]

        wait_until(lambda: any("/dev/serial/by-id/absent" in problem for problem in told()), what="the problem")
        wait_until(lambda: len(receiver.of("health")) >= 2)
        assert agent.stop() == 0
    assert data(receiver.of("health")[-1])["sources"]["dust"]["problem"]


def test_a_second_agent_on_the_same_data_is_refused(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: (agent.data / "outbox.db").exists())
        with AgentProcess(tmp_path, mosquitto.url) as second:
            wait_until(lambda: "another process uses this outbox" in second.log.read_text())


@pytest.mark.slow
def test_a_lost_terminal_ends_the_agent_with_its_goodbye_unless_started_with_nohup(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: len(receiver.of("dust")) >= 1)
        assert "guarding by dust; sending to broker" in agent.log.read_text()
        assert agent.stop(signal.SIGHUP) == 0
        wait_until(lambda: receiver.ledger.accounts()[0].status == "stopped", what="its goodbye")
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            agent.start()
        finally:
            signal.signal(signal.SIGHUP, before)
        seen = len(receiver.of("dust"))
        wait_until(lambda: len(receiver.of("dust")) > seen)
        os.kill(agent.pid, signal.SIGHUP)
        seen = len(receiver.of("dust"))
        wait_until(lambda: len(receiver.of("dust")) > seen + 1)
        assert agent.stop() == 0


@pytest.mark.slow
def test_a_killed_agent_knows_its_site_card_s_day_again(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:

        def next_card(after: int) -> Message:
            """The first one that was said after message ``after``; older ones come again after a kill."""
            wait_until(lambda: any(m.sequence > after for m in receiver.of("card")), 60, "another card")
            return min((m for m in receiver.of("card") if m.sequence > after), key=lambda m: m.sequence)

        agent.stop()
        text = agent.config.read_text()
        agent.config.write_text(f"{text}\n[card]\n")
        agent.start()
        wait_until(lambda: any(data(m)["inputs"]["violations"] for m in receiver.of("card")), 60, "it is counted")
        counted = next(m for m in receiver.of("card") if data(m)["inputs"]["violations"])
        agent.stop(signal.SIGKILL)
        agent.config.write_text(text.replace("value = 150", "value = 999") + "\n[card]\n")
        agent.start()
        again = next_card(max(m.sequence for m in receiver.of("card")))
        agent.stop(signal.SIGKILL)
        (agent.data / "site.card").write_bytes(b'{"events": [')
        agent.start()
        anew = next_card(max(m.sequence for m in receiver.of("card")))
        assert agent.stop() == 0
    before, after = data(counted), data(again)
    assert before["colour"] == after["colour"] == "yellow"
    assert before["since"] == after["since"]
    assert after["watched_s"] > before["watched_s"]
    for name in ("exceedances", "violations", "violations.dust_exceedance"):
        assert after["inputs"][name] == before["inputs"][name] == 1
    assert data(anew)["colour"] == "green"
    assert data(anew)["inputs"]["violations"] == 0

"""HJ 212 beside MQTT: a day without either, and the whole agent as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from edge_agent.config import Mqtt
from edge_agent.hj212 import Frame, decode
from edge_agent.uplink.mqtt import MqttUplink
from tests.brokers import Mosquitto
from tests.hj212.conftest import MN, Platform, Post
from tests.hj212.test_hj212_uplink import chinese, now_minute
from tests.house import DEVICE, Receiver, wait_until

DAY = 1440

CONFIG = """
[device]
id = "post-1"
site = "north"
kind = "dust"
data_dir = "{data}"

[[dust]]
driver = "plantower"
port = "simulated:?pm10=190&pm2_5=60"
warm_up_s = 0
report_window_s = 1
limits = [{{ value_name = "pm10_ug_m3", value = 150, window_s = 2 }}]

[[mqtt]]
broker = "{broker}"

[[hj212]]
host = "127.0.0.1"
port = {port}
mn = "{mn}"
password = "123456"

[card]

[[actuator]]
port = "simulated:"
on_above = 150.0
off_below = 100.0
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_day_without_broker_and_platform_loses_nothing_and_sends_new_data_first(
    tmp_path: Path, mosquitto: Mosquitto, make_platform, settings
) -> None:
    """Minutes, hours and the day; both destinations are away at first and break off twice while catching up."""
    absent = make_platform()
    absent.close()
    mosquitto.stop()
    broker = msgspec.convert({"name": "broker", "broker": mosquitto.url, "backfill_per_s": 0.0}, Mqtt)
    kinds = ("minute", "hour", "day")
    post = Post(tmp_path, settings(absent, send=kinds, edition="2025"), more={"broker": None})
    midnight = (time.time() + 8 * 3600) // 86400 * 86400 - 8 * 3600 - 2 * 86400
    for minute in range(DAY):
        post.window(midnight + 60 * minute, mean=50.0 + minute % 100)
        if minute % 60 == 59:
            post.window(midnight + 60 * (minute - 59), 3600, mean=60.0)
    post.window(midnight, 86400, mean=70.0)
    fresh = now_minute()
    post.window(fresh)
    post.outbox.flush()
    link, stop = MqttUplink(broker, DEVICE, post.outbox), threading.Event()
    thread = threading.Thread(target=link.run, args=(stop,))
    thread.start()
    post.start()
    wait_until(lambda: bool(link.state().error) and bool(post.uplinks[0].state().error), 30)
    mosquitto.start()
    with Receiver(mosquitto.url) as receiver:
        platform = make_platform(port=absent.port)
        heard = 0

        def answer(frame: Frame) -> tuple[int, str] | None:
            nonlocal heard
            heard += 1
            if heard in (400, 1000):
                platform.cut()
                return None
            return 9014, ""

        platform.answer = answer
        wait_until(lambda: link.state().acknowledged > DAY // 2, 100)
        mosquitto.stop()
        mosquitto.start()
        wait_until(lambda: len({message.data["start"] for message in receiver.of("dust")}) > DAY, 200)
        post.waits_for(lambda: post.pending() == 0, 200)
        stop.set()
        link.wake()
        thread.join(20)
    post.close()
    assert platform.connections == 3
    told = [(message.data["window_s"], message.data["start"]) for message in receiver.of("dust")]
    assert len(set(told)) == DAY + 24 + 1 + 1
    assert not receiver.of("dust")[0].historical
    frames = [decode(raw).frame for raw in platform.raw]
    assert [frame.fields.get("RF") for frame in frames] == [None] + ["1"] * (len(frames) - 1)
    whole = {cn: list(dict.fromkeys(f.get("DataTime") for f in frames if f.cn == cn)) for cn in (2051, 2061, 2031)}
    assert frames[0].get("DataTime") == chinese(fresh)
    assert whole[2051] == [chinese(fresh), *(chinese(midnight + 60 * minute) for minute in range(DAY))]
    assert whole[2061] == [chinese(midnight + 3600 * hour) for hour in range(24)]
    assert whole[2031] == [chinese(midnight)]
    assert len(frames) <= DAY + 26 + 2, "what was answered is not sent again"


@pytest.mark.slow
def test_the_agent_speaks_to_broker_and_platform_and_switches_the_relay(
    tmp_path: Path, mosquitto: Mosquitto, platform: Platform
) -> None:
    config = tmp_path / "device.toml"
    config.write_text(CONFIG.format(data=tmp_path / "data", broker=mosquitto.url, port=platform.port, mn=MN))
    with Receiver(mosquitto.url) as receiver:
        agent = subprocess.Popen([sys.executable, "-m", "edge_agent", "run", str(config)])
        try:
            real_time = platform.next(2011, timeout_s=30)
            assert real_time.get("a34002-Flag") == "N"
            assert 150 < float(real_time.get("a34002-Rtd")) < 230
            platform.say(1011)
            assert platform.next(1011).get("SystemTime")[:8] == chinese(time.time())[:8]
            wait_until(lambda: bool(receiver.of("actuation")) and bool(receiver.of("exceedance")), 30)
            assert receiver.of("actuation")[0].data["on"] is True
            wait_until(lambda: any(m.data["colour"] == "red" for m in receiver.of("card")), 30)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(30) == 0
            wait_until(lambda: receiver.of("actuation")[-1].data["on"] is False)
        finally:
            agent.kill()
            agent.wait(30)
    assert receiver.of("actuation")[-1].data["reason"] == "the agent stops"
    with Receiver(mosquitto.url) as late:
        wait_until(lambda: bool(late.of("card")), what="the card, retained")
        card = late.of("card")[-1].data
    assert (card["colour"], card["rules"]) == ("red", "default")
    assert card["inputs"]["exceeding_windows"] >= 4
    assert card["reasons"]

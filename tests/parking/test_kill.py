"""``edge-agent run`` on a pole, killed in mid-stay: a real process, a real Mosquitto, the shipped models."""

from __future__ import annotations

import signal
from pathlib import Path

import cv2
import msgspec
import pytest

from edge_agent.config import load
from edge_agent.messages import StayData
from tests.agent.process import AgentProcess
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until

CONFIG = Path(__file__).parents[2] / "config"
SPEED = 4
WITHIN_S = 100.0


def part(first: int, last: int, to: Path) -> Path:
    """Frames of the demo's clip, to be played at four times its pace."""
    video = cv2.VideoCapture(str(CONFIG / "demo" / "pole.mp4"))
    size = (int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    out = cv2.VideoWriter(str(to), cv2.VideoWriter.fourcc(*"mp4v"), 2.0 * SPEED, size)
    for index in range(last):
        _, image = video.read()
        if index >= first:
            out.write(image)
    out.release()
    return to


def pole(folder: Path, source: Path, broker: str) -> str:
    """The demo's pole with its times at four times the pace."""
    bays = "".join(
        f'[[pole.bay]]\nid = "{bay.id}"\npolygon = {[list(point) for point in bay.polygon]}\n'
        for bay in load(CONFIG / "demo-pole.toml").pole[0].bay
    )
    return f"""
[device]
id = "pole-1"
site = "north"
kind = "pole"
data_dir = "{folder / "data"}"

[[pole]]
occupied_after_s = 1.3
free_after_s = 1.3
looks_per_s = 4
[pole.camera]
source = "{source}"
policy = "every"
{bays}
[[mqtt]]
broker = "{broker}"
retry_max_s = 1
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_kill_in_mid_stay_loses_and_invents_no_stay(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The cars of A2 and A3 stand there, A3's leaves, A5's and A6's come; killed; then A6's leaves."""
    first, second = part(0, 120, tmp_path / "first.mp4"), part(100, 184, tmp_path / "second.mp4")
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:

        def told(phase: str) -> list[StayData]:
            found = [msgspec.convert(msgspec.to_builtins(m.data), StayData) for m in receiver.of("stay")]
            return [stay for stay in found if stay.phase == phase]

        agent.stop(signal.SIGKILL)
        agent.config.write_text(pole(tmp_path, first, mosquitto.url))
        agent.start()
        wait_until(lambda: "A6" in {stay.bay for stay in told("began")}, WITHIN_S, what="A6's stay")
        agent.stop(signal.SIGKILL)
        agent.config.write_text(pole(tmp_path, second, mosquitto.url))
        agent.start()
        wait_until(lambda: "A6" in {stay.bay for stay in told("ended")}, WITHIN_S, what="the end of A6's stay")
        agent.stop()
    assert sorted({stay.stay: stay.bay for stay in told("began")}.values()) == ["A2", "A3", "A5", "A6"]
    ended = {stay.stay: stay for stay in told("ended")}
    assert sorted(stay.bay for stay in ended.values()) == ["A3", "A6"]
    assert set(ended) <= {stay.stay for stay in told("began")}
    assert receiver.ledger.complete

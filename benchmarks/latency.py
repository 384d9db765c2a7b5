"""From the frame that decides to the broker's acknowledgement of the violation, on a live agent.

A whole agent with its camera at its own pace (5 frames a second of 1280×720), evidence signed and synced, and a
Mosquitto on loopback. The camera plays two trucks of the demo's clip over and over, each of which breaks two rules. A
frame's time is when the camera gave it; the acknowledgement's, when the uplink's thread has read the PUBACK. On a busy
machine most of it is waiting for a core, so the CPU time of the deciding thread is told too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from benchmarks.gate import DEMO, OUT, RATE
from benchmarks.row import Row
from drivers.frames import Frame
from edge_agent.agent.agent import Agent
from edge_agent.agent.darkroom import Darkroom
from edge_agent.config import Camera, Config, Device, Gate, Mqtt
from edge_agent.config.gate import Hours
from edge_agent.messages import Draft, Message
from edge_agent.outbox.queue import Queue
from tests.brokers import Mosquitto

LOOPS = 10
INTERVAL_S = 1 / RATE
LIMIT_S = 1.5 * INTERVAL_S + 0.1
LEAST = 30
# Frames of the demo's clip: the muddy truck from the wash bay on, an empty gate, the open one, an empty gate.
PIECES = ((138, 196), (301, 312), (243, 312))
LINE = ((0.1915, 0.632), (0.6916, 0.2949))


class Watched:
    """When each violation's frame came, when it was decided, committed and acknowledged; Unix seconds."""

    def __init__(self) -> None:
        self.decided: list[tuple[float, float, float]] = []
        self.cpu_s: list[float] = []
        self.committed: dict[int, tuple[float, float, float, float]] = {}
        self.acknowledged: dict[int, float] = {}

    def update(self, real: Callable[..., list[Draft]]) -> Callable[..., list[Draft]]:
        """A Darkroom.update that takes the time."""

        def timed(room: Darkroom, frame: Frame) -> list[Draft]:
            began, cpu_s = time.time(), time.thread_time()
            drafts = real(room, frame)
            raised = sum(draft.channel == "violation" for draft in drafts)
            self.decided += [(frame.time, began, time.time())] * raised
            if raised:
                self.cpu_s.append(time.thread_time() - cpu_s)
            return drafts

        return timed

    def acknowledge(self, real: Callable[..., None]) -> Callable[..., None]:
        """A Queue.acknowledge that takes the time."""

        def timed(queue: Queue, sequences: list[int]) -> None:
            now = time.time()
            self.acknowledged |= dict.fromkeys(sequences, now)
            real(queue, sequences)

        return timed

    def message(self, message: Message) -> None:
        """One was committed."""
        if message.type == "edge.violation.v1":
            self.committed[message.sequence] = (*self.decided[len(self.committed)], time.time())


def rows() -> list[Row]:
    """The latency's lines."""
    with tempfile.TemporaryDirectory() as folder:
        watched = _watched(Path(folder))
    times = [(*times, watched.acknowledged[n]) for n, times in watched.committed.items() if n in watched.acknowledged]
    if len(times) < LEAST or len(times) < len(watched.committed):
        raise SystemExit(
            f"{len(watched.committed)} violations were raised and {len(times)} acknowledged; {LEAST} wanted"
        )
    steps = ("the camera's frame waits", "detects, decides, makes pictures", "signs, syncs, commits", "is acknowledged")
    for k, step in enumerate(steps):
        p50, p95 = _percentiles([each[k + 1] - each[k] for each in times])
        print(f"  {step}: p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms", file=sys.stderr)
    p50, p95 = _percentiles([each[-1] - each[0] for each in times])
    what = f"gate, deciding frame to the broker's acknowledgement, {len(times)} violations at {RATE} frames/s 720p"
    return [
        Row(
            f"{what}, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores",
            f"p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms",
            f"p95 at most 1.5 frame intervals + 100 ms = {1000 * LIMIT_S:.0f} ms",
            p95 <= LIMIT_S,
        ),
        Row(
            f"CPU of the deciding thread in the frame, two violations each, {len(watched.cpu_s)} frames",
            "p50 {:.0f} ms, p95 {:.0f} ms".format(*(1000 * s for s in _percentiles(watched.cpu_s))),
            "–",
        ),
    ]


def _watched(folder: Path) -> Watched:
    watched = Watched()
    broker = Mosquitto(folder / "mosquitto")
    broker.start()
    config = Config(
        device=Device(id="bench", site="bench", kind="gate", data_dir=str(folder / "data")),
        gate=[Gate(camera=Camera(source=str(_clip()), policy="newest"), line=LINE, hours=Hours(permitted=[]))],
        mqtt=[msgspec.convert({"broker": broker.url}, Mqtt)],
    )
    changed: tuple[tuple[Any, str, Any], ...] = (
        (Darkroom, "update", watched.update(Darkroom.update)),
        (Queue, "acknowledge", watched.acknowledge(Queue.acknowledge)),
    )
    try:
        with patch.object(*changed[0]), patch.object(*changed[1]):
            Agent(config, folder / "bench.toml", watch=watched.message).run(threading.Event())
    finally:
        broker.stop()
    return watched


def _clip() -> Path:
    path = OUT / "latency.mp4"
    if path.exists():
        return path
    OUT.mkdir(exist_ok=True)
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        raise SystemExit("make bench needs ffmpeg to make its clips: apt-get install ffmpeg")
    cuts = [f"[0:v]trim=start_frame={a}:end_frame={b},setpts=PTS-STARTPTS[p{k}]" for k, (a, b) in enumerate(PIECES)]
    names = "".join(f"[p{k}]" for k in range(len(PIECES)))
    count = sum(b - a for a, b in PIECES)
    joined = f"{names}concat=n={len(PIECES)},loop=loop={LOOPS - 1}:size={count},setpts=N/{RATE}/TB[out]"
    encode = [
        "-map",
        "[out]",
        "-r",
        str(RATE),
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "20",
        "-pix_fmt",
        "yuv420p",
    ]
    graph = ";".join([*cuts, joined])
    subprocess.run([ffmpeg, "-y", "-v", "error", "-i", DEMO, "-filter_complex", graph, *encode, path], check=True)
    return path


def _percentiles(values: list[float]) -> tuple[float, float]:
    """The median and the 95th, by the nearest rank."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]

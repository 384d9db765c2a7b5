"""What dust costs: sensors in a live agent, a week replayed, an HJ 212 platform caught up after a day.

The live agent is a process of its own with one thread a sensor; this process plays the sensors over pseudo-terminals,
so their cost is not in the figure. CPU is user and system time from /proc over ``SETTLED_S`` seconds.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from benchmarks.row import Row
from edge_agent.clock import Clock, Trust
from edge_agent.config.dust import Limit
from edge_agent.config.hj212 import Hj212
from edge_agent.evidence import EvidenceStore
from edge_agent.hj212 import Frame, Framer, decode, encode
from edge_agent.messages import Draft, DustData, Statistic
from edge_agent.messages.envelope import rfc3339
from edge_agent.outbox import Outbox, OutboxRecorder
from edge_agent.uplink.history import History, HistoryKeeper
from edge_agent.uplink.hj212 import Hj212Uplink, destinations

SETTLED_S = 30.0
REPEATS = 3
WEEK_S = 7 * 86400
DAY_RECORDS = 1440
LIMIT = Limit(value_name="pm10_ug_m3", value=150)


def rows() -> list[Row]:
    """The dust lines."""
    one, hundred = _live(1), _live(100)
    ratio = hundred / one / 100 if one else 0.0
    week_s = _week_replayed()
    resent_s = sorted(_day_resent() for _ in range(REPEATS))[REPEATS // 2]
    return [
        Row(
            f"one sensor at 1 Hz: driver, windows, limits, outbox; live over {SETTLED_S:.0f} s",
            f"{one:.2f} % of one core",
            "at most 0.5 %",
            one <= 0.5,
        ),
        Row(
            f"100 sensors at 1 Hz in one process, live over {SETTLED_S:.0f} s",
            f"{hundred:.1f} % of one core, {ratio:.2f}× a sensor alone",
            "at most 30 %",
            hundred <= 30,
        ),
        Row(
            f"a week of Plantower frames at 1 Hz ({WEEK_S:,}) through `edge-agent replay`, CPU, once",
            f"{week_s:.1f} s",
            "under 30 s",
            week_s < 30,
        ),
        Row(
            f"HJ 212: a day of minute records ({DAY_RECORDS}) re-sent and answered on loopback, median of {REPEATS}",
            f"{resent_s:.1f} s",
            "under 10 s",
            resent_s < 10,
        ),
    ]


def _live(sensors: int) -> float:
    """CPU of a running agent, in percent of one core."""
    with tempfile.TemporaryDirectory() as folder, _played(sensors) as ports:
        config = Path(folder, "post.toml")
        sections = "".join(
            f'[[dust]]\nname = "dust-{n}"\ndriver = "plantower"\nport = "{port}"\nwarm_up_s = 0\n'
            f'[[dust.limits]]\nvalue_name = "pm10_ug_m3"\nvalue = 150\n'
            for n, port in enumerate(ports)
        )
        device = f'[device]\nid = "bench"\nsite = "bench"\nkind = "dust"\ndata_dir = "{folder}/data"\n'
        config.write_text(device + sections)
        agent = subprocess.Popen([sys.executable, "-m", "edge_agent", "run", str(config)], stderr=subprocess.DEVNULL)
        try:
            time.sleep(10)
            before, began = _cpu_s(agent.pid), time.monotonic()
            time.sleep(SETTLED_S)
            used = (_cpu_s(agent.pid) - before) / (time.monotonic() - began) * 100
        finally:
            agent.terminate()
            agent.wait(60)
        with closing(sqlite3.connect(Path(folder, "data", "outbox.db"))) as outbox:
            found = outbox.execute("SELECT data FROM message WHERE channel = 'dust'").fetchall()
        windows = [msgspec.json.decode(data, type=DustData) for (data,) in found]
        counted = sum(w.values["pm10_ug_m3"].count for w in windows if w.window_s == 60)
        assert counted >= 0.9 * SETTLED_S * sensors, f"{counted} readings of {sensors} sensors came through"
        return used


def _plantower_frame(rng: random.Random) -> bytes:
    words = sorted(rng.randrange(20, 60) for _ in range(3)) * 2 + [rng.randrange(99) for _ in range(6)]
    frame = struct.pack(">2sH12HH", b"BM", 28, *words, 0x9700)
    return frame + struct.pack(">H", sum(frame) & 0xFFFF)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _played(count: int) -> Iterator[list[str]]:
    """Pseudo-terminals on which Plantower sensors speak once a second."""
    pairs = [os.openpty() for _ in range(count)]
    for master, slave in pairs:
        tty.setraw(slave)
        os.set_blocking(master, False)
    stop = threading.Event()

    def speak() -> None:
        rng = random.Random(1)
        while not stop.wait(1.0):
            for master, _ in pairs:
                try:
                    os.write(master, _plantower_frame(rng))
                    os.read(master, 4096)
                except BlockingIOError:
                    pass

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    try:
        yield [os.ttyname(slave) for _, slave in pairs]
    finally:
        stop.set()
        thread.join()
        for pair in pairs:
            for handle in pair:
                os.close(handle)


def _week_replayed() -> float:
    """CPU seconds of the command, from its start to its last line."""
    with tempfile.TemporaryDirectory() as folder:
        recording, config = Path(folder, "week.bin"), Path(folder, "post.toml")
        rng = random.Random(1)
        hour = b"".join(_plantower_frame(rng) for _ in range(3600))
        recording.write_bytes(hour * (WEEK_S // 3600))
        config.write_text(
            '[device]\nid = "bench"\nsite = "bench"\nkind = "dust"\n'
            '[[dust]]\ndriver = "plantower"\nport = "x"\n[[dust.limits]]\nvalue_name = "pm10_ug_m3"\nvalue = 150\n'
        )
        command = [sys.executable, "-m", "edge_agent", "replay", str(recording), "--config", str(config), "--json"]
        before = os.times()
        with Path(folder, "messages").open("wb") as messages:
            subprocess.run(command, stdout=messages, check=True)
        after = os.times()
        summary = json.loads(Path(folder, "messages").read_bytes().splitlines()[-1])["summary"]
        assert summary["readings"] == WEEK_S, summary
        return after.children_user + after.children_system - before.children_user - before.children_system


class _PastClock(Clock):
    """Synchronised, and movable into the past."""

    shift_s = 0.0

    def ask(self) -> Trust:
        return Trust(True, 0.01)

    def time(self) -> float:
        return super().time() + self.shift_s

    def monotonic(self) -> float:
        return super().monotonic() + self.shift_s + 1e7


def _day_resent() -> float:
    """Seconds until a platform has answered a day of minute records that waited for it."""
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), _PastClock()
        settings = Hj212(
            host="127.0.0.1", port=server.getsockname()[1], mn="010000A8900016F000169DC0", password="123456",
            min_interval_min=1, send=("minute",),
        )  # fmt: skip
        outbox = Outbox.open(
            folder / "outbox.db", device="bench", destinations=destinations([settings]),
            evidence=EvidenceStore(folder / "evidence"), clock=clock,
        )  # fmt: skip
        recorder, history = OutboxRecorder(outbox, "bench"), History(folder / "history.db")
        value = Statistic(mean=95.0, min=80.0, max=118.0, count=60, flag="N")
        start = time.time() // 60 * 60 - 60 * (DAY_RECORDS + 60)
        for minute in range(DAY_RECORDS):
            at = start + 60 * minute
            clock.shift_s = at + 60 - time.time()
            values = {"pm10_ug_m3": value, "pm2_5_ug_m3": value, "tsp_ug_m3": value}
            recorder.record(Draft("dust", at + 60, DustData(sensor="s", start=rfc3339(at), window_s=60, values=values)))
        clock.shift_s = 0.0
        outbox.flush()
        stop = threading.Event()
        keeper, uplink = HistoryKeeper(history, outbox), Hj212Uplink(settings, outbox, history)
        threads = [threading.Thread(target=part.run, args=(stop,)) for part in (keeper, uplink)]
        answering = threading.Thread(target=_answer, args=(server,), daemon=True)
        began = time.monotonic()
        for thread in (answering, *threads):
            thread.start()
        while uplink.state().acknowledged < DAY_RECORDS:
            time.sleep(0.01)
        took = time.monotonic() - began
        stop.set()
        for part in (keeper, uplink):
            part.wake()
        for thread in threads:
            thread.join()
        outbox.close()
        history.close()
        return took


def _answer(server: socket.socket) -> None:
    client, _ = server.accept()
    framer = Framer()
    with client:
        while data := client.recv(65536):
            for raw in framer.feed(data):
                frame = decode(raw).frame
                fields = {
                    "QN": frame.qn,
                    "ST": "91",
                    "CN": "9014",
                    "PW": "123456",
                    "MN": frame.fields["MN"],
                    "Flag": "4",
                }
                client.sendall(encode(Frame(fields)))

"""What durability costs, and how fast a backlog leaves: each figure beside its peer, measured in turns in one run.

Peers: bare SQLite (WAL, synchronous FULL) inserting as many bytes; bare paho-mqtt publishing the same payloads from
memory with the same window; a Mosquitto bridge emptying the same backlog; one JSON message a reading.
"""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho

from benchmarks.row import Row
from edge_agent.config import Device, Mqtt
from edge_agent.config import Outbox as Bounds
from edge_agent.evidence import EvidenceStore
from edge_agent.messages import Draft, DustData, Statistic, ViolationData, rfc3339
from edge_agent.outbox import Outbox, OutboxRecorder
from edge_agent.uplink.mqtt import MqttUplink
from tests.brokers import Mosquitto, program
from tests.faults.proxy import Proxy

DEVICE = Device(id="post-1", site="north", kind="dust")
TURNS = 10
COMMITS_A_TURN = 50
DRAINED = int(os.environ.get("BENCH_DRAINED", "100000"))
WAITING = int(os.environ.get("BENCH_WAITING", "1000000"))
WINDOW = 20


def rows() -> list[Row]:
    """All of them; about ten minutes on two cores."""
    out: list[Row] = []
    # Real disk: /tmp may lie in memory, where a sync costs nothing.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        out += commits(folder / "commits")
        out += million(folder / "million")
        out += draining(folder / "draining")
        out += packed(folder / "packed")
    return out


@contextmanager
def recorder(folder: Path, group_rows: int = 500) -> Iterator[OutboxRecorder]:
    """On a new outbox."""
    folder.mkdir(parents=True)
    outbox = Outbox.open(
        folder / "outbox.db",
        device=DEVICE.id,
        destinations={"broker": None},
        evidence=EvidenceStore(folder / "evidence"),
        bounds=Bounds(max_mb=8192, telemetry_commit_s=30.0, telemetry_commit_rows=group_rows),
    )
    try:
        yield OutboxRecorder(outbox, DEVICE.site)
    finally:
        outbox.close()


def violation() -> Draft:
    """Without pictures: what SQLite is compared on."""
    return Draft("violation", time.time(), ViolationData(kind="muddy_truck", confidence=0.9), subject="passage")


def reading(n: int, chance: random.Random) -> Draft:
    """A minute of a dust sensor: two values with mean, least, most."""
    at = 1_800_000_000.0 + 60.0 * n
    values = {
        name: Statistic(mean=round(x, 1), min=round(x * 0.8, 1), max=round(x * 1.3, 1), count=60, flag="N")
        for name, x in (("pm2_5_ug_m3", chance.uniform(5, 80)), ("pm10_ug_m3", chance.uniform(10, 160)))
    }
    return Draft("dust", at, DustData(sensor="dust", start=rfc3339(at - 60), window_s=60.0, values=values))


def commits(folder: Path) -> list[Row]:
    """Durable commits, grouped telemetry, bytes written."""
    with recorder(folder / "ours") as ours:
        first = ours.record(violation())
        size = len(msgspec.json.encode(first.data)) + 16 + len(first.subject) + 8 * 8
        bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE message (sequence INTEGER PRIMARY KEY, data BLOB)")

        def insert() -> None:
            bare.execute("INSERT INTO message (data) VALUES (?)", (os.urandom(size),))

        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        wrote = {"ours": 0, "bare": 0}
        for _ in range(TURNS):
            for name, step in (("ours", lambda: ours.record(violation())), ("bare", insert)):
                before, began = written_bytes(), time.perf_counter()
                for _ in range(COMMITS_A_TURN):
                    step()
                seconds[name].append((time.perf_counter() - began) / COMMITS_A_TURN)
                wrote[name] += written_bytes() - before
        bare.close()
        one, peer = statistics.median(seconds["ours"]), statistics.median(seconds["bare"])
        chance = random.Random(1)
        count = 20_000
        before, began = written_bytes(), time.perf_counter()
        for n in range(count):
            ours.record(reading(n, chance))
        ours.outbox.flush()
        grouped = (time.perf_counter() - began) / count
        grouped_bytes = (written_bytes() - before) / count
    each = TURNS * COMMITS_A_TURN
    return [
        Row(
            f"Durable commits, {each} violations in {TURNS} turns",
            f"{1 / one:.0f}/s, {peer / one:.2f} of bare SQLite",
            f"bare SQLite {1 / peer:.0f}/s; limit 0.8",
            peer / one >= 0.8,
        ),
        Row(
            f"Grouped telemetry, {count} readings, 500 a commit",
            f"{1 / grouped:.0f}/s, {one / grouped:.0f} times single commits",
            "limit 10 times",
            one / grouped >= 10,
        ),
        Row(
            "Bytes written to disk a message",
            f"{wrote['ours'] / each:.0f} committed alone, {grouped_bytes:.0f} grouped",
            f"bare SQLite {wrote['bare'] / each:.0f} alone",
        ),
    ]


def million(folder: Path) -> list[Row]:
    """Commits with a million messages waiting, beside an empty outbox, in turns."""
    with recorder(folder / "full", 5000) as full, recorder(folder / "empty") as empty:
        chance = random.Random(2)
        for n in range(WAITING):
            full.record(reading(n, chance))
        full.outbox.flush()
        resident = resident_mb()
        taken: dict[str, list[float]] = {"full": [], "empty": []}
        queue = empty.outbox.queue("broker")
        for _ in range(1000):
            for name, one in (("full", full), ("empty", empty)):
                began = time.perf_counter()
                one.record(violation())
                taken[name].append(time.perf_counter() - began)
            queue.acknowledge([row.sequence for row in queue.take(10)])
        p99 = {name: statistics.quantiles(values, n=100)[98] for name, values in taken.items()}
        p50 = {name: statistics.median(values) for name, values in taken.items()}
        backlog = full.outbox.queue("broker")
        for _ in range(200):
            backlog.acknowledge([row.sequence for row in backlog.take(100)])
        grown = resident_mb() - resident
    return [
        Row(
            f"Commit p99 with {WAITING:,} messages waiting, 1000 in turns with an empty outbox",
            f"{p99['full'] * 1000:.1f} ms, {p99['full'] / p99['empty']:.2f} of empty",
            f"empty {p99['empty'] * 1000:.1f} ms (medians {p50['full'] * 1000:.2f}, {p50['empty'] * 1000:.2f}); "
            "limit 1.2",
            p99["full"] <= 1.2 * p99["empty"],
        ),
        Row(f"Memory gained while 20,000 of {WAITING:,} are drained", f"{grown:.1f} MB", "flat: under 5 MB", grown < 5),
    ]


def draining(folder: Path) -> list[Row]:
    """One message a packet, as bare paho would send them."""
    with broker(folder / "mosquitto") as mosquitto:
        rates: dict[str, list[float]] = {"ours": [], "bare": []}
        for turn in range(3):
            with recorder(folder / f"data-{turn}", 5000) as ours:
                fill(ours, DRAINED)
                row = ours.outbox.queue("broker").take(1)[0]
                payload = msgspec.json.encode(row.envelope("edge/v1/north/post-1"))
                rates["bare"].append(bare_paho(mosquitto, payload, DRAINED))
                rates["ours"].append(drain(ours, mosquitto.url, backfill_per_s=0.0))
    ours_rate, bare_rate = statistics.median(rates["ours"]), statistics.median(rates["bare"])
    return [
        Row(
            f"Draining {DRAINED:,} messages, window {WINDOW}, median of 3",
            f"{ours_rate:.0f}/s, {ours_rate / bare_rate:.2f} of bare paho",
            f"bare paho from memory {bare_rate:.0f}/s; limit 0.8",
            ours_rate >= 0.8 * bare_rate,
        )
    ]


def packed(folder: Path) -> list[Row]:
    """Readings a second and bytes on the wire, many readings a packet."""
    with broker(folder / "mosquitto") as mosquitto:
        with recorder(folder / "single", 5000) as ours:
            fill(ours, 2000)
            single = wire_bytes(ours, mosquitto, 2000, backfill_per_s=0.0)
        rates = []
        with recorder(folder / "batched", 5000) as ours:
            fill(ours, 2000)
            batched = wire_bytes(ours, mosquitto, 2000, backfill_per_s=0.0, pack_backfill=True)
        for turn in range(3):
            with recorder(folder / f"rate-{turn}", 5000) as ours:
                fill(ours, DRAINED)
                rates.append(drain(ours, mosquitto.url, backfill_per_s=0.0, pack_backfill=True))
    bridge = bridge_rate(folder / "bridge", payload=460)
    rate = statistics.median(rates)
    return [
        Row(
            f"Readings a second out of a backlog of {DRAINED:,}, packed, median of 3",
            f"{rate:.0f}/s, {rate / bridge:.2f} of a Mosquitto bridge",
            f"Mosquitto bridge emptying the same backlog {bridge:.0f}/s; limit 1.0",
            rate >= bridge,
        ),
        Row(
            "Wire bytes a reading, delivered and acknowledged, both ways, MQTT alone",
            f"{batched:.0f} packed, {batched / single:.2f} of one message a reading",
            f"one JSON message a reading {single:.0f}; limit 0.2",
            batched <= 0.2 * single,
        ),
    ]


def fill(ours: OutboxRecorder, count: int) -> None:
    """A backlog of readings, old enough to be historical."""
    chance = random.Random(3)
    for n in range(count):
        ours.record(reading(n, chance))
    ours.outbox.flush()
    ours.outbox._db.execute("UPDATE message SET monotonic = monotonic - 3600")


def drain(ours: OutboxRecorder, url: str, count: int | None = None, **settings: object) -> float:
    """Messages a second until the last is acknowledged."""
    total = count or ours.outbox.depth().messages
    link = MqttUplink(msgspec.convert({"broker": url, "in_flight": WINDOW, **settings}, Mqtt), DEVICE, ours.outbox)
    stop = threading.Event()
    thread = threading.Thread(target=link.run, args=(stop,))
    began = time.perf_counter()
    thread.start()
    while link.state().acknowledged < total:
        time.sleep(0.02)
    rate = total / (time.perf_counter() - began)
    stop.set()
    link.wake()
    thread.join()
    return rate


def bare_paho(mosquitto: Mosquitto, payload: bytes, count: int) -> float:
    """paho's own loop in a thread, messages from memory."""
    done = threading.Event()
    acknowledged = 0

    def on_publish(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == count:
            done.set()

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.on_publish = on_publish
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    began = time.perf_counter()
    for _ in range(count):
        # More than 65,535 cannot wait in paho: it has no packet ids left.
        while client.publish("edge/v1/north/post-1/dust", payload, 1).rc == paho.MQTT_ERR_QUEUE_SIZE:
            time.sleep(0.001)
    done.wait(600)
    rate = count / (time.perf_counter() - began)
    client.disconnect()
    client.loop_stop()
    return rate


def wire_bytes(ours: OutboxRecorder, mosquitto: Mosquitto, count: int, **settings: object) -> float:
    """Bytes through a proxy for each reading, connection and status included."""
    proxy = Proxy(mosquitto.port)
    drain(ours, f"mqtt://127.0.0.1:{proxy.port}", count, **settings)
    proxy.close()
    return proxy.passed / count


def bridge_rate(folder: Path, payload: int) -> float:
    """A Mosquitto with a bridge to one that was away, and what it takes to empty its queue."""
    target = Mosquitto(folder / "target")
    source = Mosquitto(
        folder / "source",
        f"max_inflight_messages {WINDOW}\nconnection up\naddress 127.0.0.1:{target.port}\ntopic edge/# out 1\n"
        "bridge_protocol_version mqttv50\nrestart_timeout 1\ncleansession false\n",
    )
    source.start()
    try:
        bare_paho(source, b"x" * payload, DRAINED)
        target.start()
        command = [program("mosquitto_sub", "mosquitto-clients"), "-p", str(target.port), "-t", "edge/#", "-q", "1"]
        reader = subprocess.Popen([*command, "-C", str(DRAINED), "-F", "%l"], stdout=subprocess.PIPE)
        assert reader.stdout is not None
        reader.stdout.readline()
        began = time.perf_counter()
        reader.communicate(timeout=300)
        return DRAINED / (time.perf_counter() - began)
    finally:
        source.stop()
        target.stop()


@contextmanager
def broker(folder: Path) -> Iterator[Mosquitto]:
    """A running one."""
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


def written_bytes() -> int:
    """What this process has had written to storage."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def resident_mb() -> float:
    """Resident memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

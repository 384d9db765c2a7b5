"""The conservation oracle: a workload with known ids under random faults, and the sums afterwards.

Every committed id arrived, or its sequence was reported lost; every id that arrived was issued by the device once;
what arrived equals what was committed; no gap that was not reported; a fresh message still flows; the evidence on the
device is one chain without a gap, and what is not there was removed by the device and noted.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge_agent.config import Mqtt
from edge_agent.errors import UplinkError
from edge_agent.evidence.packs import open_packs
from edge_agent.evidence.verify import chains, judge
from edge_agent.uplink.ledger import Ledger, UnreadableError, unpack
from edge_agent.uplink.mqtt_connection import Connection
from tests.brokers import Mosquitto
from tests.faults.proxy import Proxy
from tests.faults.worker import digest

DRAIN_WITHIN_S = 180.0


@dataclass
class Result:
    """Figures of a run; ``failures`` is empty when everything held."""

    kills: int = 0
    broker_restarts: int = 0
    cuts: int = 0
    stalls: int = 0
    committed: int = 0
    arrived: int = 0
    repeats: int = 0
    evidence: int = 0
    reported_lost: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


class Collector(threading.Thread):
    """A platform with a durable session that keeps id, sequence and digest of everything that came."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.ledger = Ledger(1)
        self.came: dict[str, tuple[int, str]] = {}
        self.parts: set[str] = set()
        self.conflicts: list[str] = []
        self.subscribed = threading.Event()
        self.stop = threading.Event()
        self._settings = msgspec.convert({"broker": url, "keepalive_s": 5}, Mqtt)
        self._client_id = f"collector-{uuid.uuid4().hex[:8]}"

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                connection = Connection(self._settings.addresses[0], self._settings, self._client_id, None)
                connection.subscribe("edge/v1/#")
                while not self.stop.is_set():
                    for _, payload in connection.step(0.2).received:
                        self._take(payload)
                    self.subscribed.set()
            except UplinkError:
                self.stop.wait(0.1)

    def _take(self, payload: bytes) -> None:
        try:
            self.ledger.update(payload, time.time())
            for message in unpack(payload):
                known = (message.sequence, digest(message))
                if message.type == "edge.evidence.v1":
                    self.parts.add(message.id)
                if message.sequence and self.came.setdefault(message.id, known) != known:
                    self.conflicts.append(f"{message.id} came twice with different content")
        except UnreadableError as error:
            self.conflicts.append(str(error))


class Oracle:
    """One run in ``folder``. ``progress`` is called after every fault."""

    def __init__(self, folder: Path, seed: int, progress: Callable[[Result], None] = lambda _: None) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._progress = progress
        self.result = Result()

    def run(self, kills: int) -> Result:
        """Until the worker was killed ``kills`` times, then drains and judges."""
        began = time.monotonic()
        broker = Mosquitto(self._folder / "mosquitto")
        broker.start()
        proxy = Proxy(broker.port)
        collector = Collector(broker.url)
        collector.start()
        assert collector.subscribed.wait(20)
        try:
            for _ in range(kills):
                self._one_life(broker, proxy)
                self._progress(self.result)
            proxy.stall(False)
            drained = self._worker(proxy, "drain")
            try:
                drained.wait(DRAIN_WITHIN_S)
            except subprocess.TimeoutExpired:
                drained.kill()
                self.result.failures.append(f"the outbox was not empty {DRAIN_WITHIN_S} s after the last fault")
            self._judge(collector)
        finally:
            collector.stop.set()
            collector.join(10)
            proxy.close()
            broker.stop()
        self.result.seconds = time.monotonic() - began
        return self.result

    def _worker(self, proxy: Proxy, mode: str) -> subprocess.Popen[bytes]:
        (self._folder / "data").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.faults.worker", str(self._folder / "data"),
                   f"mqtt://127.0.0.1:{proxy.port}", str(self._folder / "journal"),
                   str(self._chance.getrandbits(32)), mode]  # fmt: skip
        with (self._folder / "worker.log").open("ab") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    def _one_life(self, broker: Mosquitto, proxy: Proxy) -> None:
        worker = self._worker(proxy, "work")
        if self._chance.random() > 0.05:
            assert worker.stdout is not None
            if not worker.stdout.readline():
                self.result.failures.append(f"the worker did not start: {worker.wait()}")
                return
        end = time.monotonic() + self._chance.uniform(0.02, 0.9)
        while time.monotonic() < end:
            fault = self._chance.random()
            if fault < 0.03:
                broker.restart()
                self.result.broker_restarts += 1
            elif fault < 0.15:
                proxy.cut()
                self.result.cuts += 1
            elif fault < 0.25:
                proxy.stall(True)
                self.result.stalls += 1
            elif fault < 0.6:
                proxy.stall(False)
            time.sleep(self._chance.uniform(0.0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()
        self.result.kills += 1

    def _judge(self, collector: Collector) -> None:
        result = self.result
        lines = [json.loads(line) for line in (self._folder / "journal").read_text().splitlines()]
        committed = {line["id"]: line for line in lines}
        fresh = lines[-1]["id"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (fresh in collector.came and collector.ledger.complete):
            time.sleep(0.1)
        (account,) = collector.ledger.accounts()
        lost = {n for a, b in account.lost for n in range(a, b + 1)}
        came = dict(collector.came)
        for key, line in committed.items():
            if key not in came:
                if line["sequence"] not in lost:
                    result.failures.append(f"committed and never came: {line}")
            elif came[key] != (line["sequence"], line["sha"]):
                result.failures.append(f"came changed: {line} as {came[key]}")
        of_sequence: dict[int, str] = {}
        for key, (sequence, _) in came.items():
            if key not in collector.parts and of_sequence.setdefault(sequence, key) != key:
                result.failures.append(f"sequence {sequence} was issued twice: {key} and {of_sequence[sequence]}")
        if account.missing:
            result.failures.append(f"missing and not reported: {account.missing[:10]}")
        if account.damaged_evidence:
            result.failures.append(f"{account.damaged_evidence} pieces of evidence came damaged")
        if fresh not in came:
            result.failures.append("a fresh message does not flow")
        result.failures += collector.conflicts
        result.failures += chain_failures(self._folder / "data/evidence")
        result.committed, result.arrived, result.repeats = len(committed), len(came), account.repeats
        result.evidence, result.reported_lost = account.evidence, account.lost_count


def chain_failures(evidence: Path) -> list[str]:
    """What ``edge-agent verify`` would find wrong with a device's evidence folder."""
    with open_packs(evidence) as found:
        reports = [judge(pack, whole=True) for pack in found.packs]
    links = chains(reports, complete=True)
    out = [f"evidence {report.place}: {problem}" for report in reports for problem in report.problems]
    out += [f"chain: {problem}" for link in links for problem in link.problems]
    if [link.first for link in links] != [1]:
        out.append(f"there are {len(links)} chains, beginning at {[link.first for link in links]}")
    return out

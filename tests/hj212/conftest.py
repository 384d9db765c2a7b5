"""An HJ 212 platform to talk to: it speaks the host's side over TCP, and can be cut, slow, deaf or unwilling."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import Clock, Trust
from edge_agent.config.hj212 import Hj212
from edge_agent.evidence import EvidenceStore
from edge_agent.hj212 import Frame, Framer, decode, encode
from edge_agent.messages import Draft, DustData, Statistic
from edge_agent.messages.envelope import rfc3339
from edge_agent.outbox import Outbox, OutboxRecorder
from edge_agent.uplink.history import History, HistoryKeeper
from edge_agent.uplink.hj212 import Hj212Uplink, destinations

MN = "010000A8900016F000169DC0"
DATA = (2011, 2051, 2061, 2031)


class Platform:
    """Listens on a free port, or ``port``. ``answer(frame)`` gives the CN to answer data with, and its CP, or None."""

    def __init__(self, key: bytes | None = None, port: int = 0) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.raw: list[bytes] = []
        self.key = key
        self.answer: Callable[[Frame], tuple[int, str] | None] = lambda frame: (9014, "")
        self.connected = threading.Event()
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", port))
        self.port = self._server.getsockname()[1]
        self._client: socket.socket | None = None
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._open:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._client = client
            self.connections += 1
            self.connected.set()
            framer = Framer()
            try:
                while data := client.recv(65536):
                    for raw in framer.feed(data):
                        self._heard(raw)
            except OSError:
                pass
            self.connected.clear()

    def _heard(self, raw: bytes) -> None:
        self.raw.append(raw)
        frame = decode(raw, key=self.key).frame
        if frame.wants_answer and frame.cn in DATA:
            answer = self.answer(frame)
            if answer is not None:
                self.say(answer[0], answer[1], qn=frame.qn, st="91", flag=4)
        self.frames.put(frame)

    def say(
        self, cn: int, cp: str = "", *, qn: str = "20260715000000001", st: str = "39", flag: int = 5, **over: str
    ) -> None:
        fields = {"QN": qn, "ST": st, "CN": str(cn), "PW": "123456", "MN": MN, "Flag": str(flag)} | over
        factors = tuple((tuple(item.partition("=")[::2] for item in f.split(",")),)[0] for f in cp.split(";") if f)
        self.send(encode(Frame(fields, factors)))

    def send(self, raw: bytes) -> None:
        assert self._client is not None
        self._client.sendall(raw)

    def cut(self) -> None:
        """The connection breaks."""
        if self._client is not None:
            self._client.shutdown(socket.SHUT_RDWR)
            self._client.close()

    def next(self, *cns: int, timeout_s: float = 10) -> Frame:
        """The next frame of one of the commands; others are passed over."""
        until = time.monotonic() + timeout_s
        while True:
            frame = self.frames.get(timeout=max(0.01, until - time.monotonic()))
            if not cns or frame.cn in cns:
                return frame

    def close(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with contextlib.suppress(OSError):
            self.cut()
        self._thread.join(5)


class PostClock(Clock):
    """A synchronised clock of a machine that has been up for long; ``shift_s`` moves it into the past."""

    shift_s = 0.0

    def time(self) -> float:
        return super().time() + self.shift_s

    def monotonic(self) -> float:
        return super().monotonic() + self.shift_s + 1e7

    def ask(self) -> Trust:
        return Trust(True, 0.01)


class Post:
    """A dust post's outbox, history and uplinks, each uplink in its thread."""

    def __init__(self, folder: Path, *settings: Hj212, more: dict[str, None] | None = None) -> None:
        self.clock = PostClock()
        evidence = EvidenceStore(folder / "evidence")
        self.outbox = Outbox.open(
            folder / "outbox.db",
            device="post-1",
            destinations=destinations(list(settings)) | (more or {}),
            evidence=evidence,
            clock=self.clock,
        )
        self.recorder = OutboxRecorder(self.outbox, "site-1")
        self.history = History(folder / "history.db")
        self.keeper = HistoryKeeper(self.history, self.outbox)
        self.uplinks = [Hj212Uplink(s, self.outbox, self.history) for s in settings]
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=u.run, args=(self.stop,)) for u in (self.keeper, *self.uplinks)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self.stop.set()
        for uplink in (self.keeper, *self.uplinks):
            uplink.wake()
        for thread in self._threads:
            if thread.ident:
                thread.join(20)
                assert not thread.is_alive()
        self.outbox.close()
        self.history.close()

    def window(
        self, start: float, window_s: float = 60, mean: float = 95.0, sensor: str = "dust", count: int = 60
    ) -> None:
        values = {
            "pm10_ug_m3": Statistic(mean=mean, min=mean - 15, max=mean + 23, count=count, flag="N"),
            "noise_db": Statistic(mean=50.0, min=42.0, max=54.0, count=count, flag="N"),
        }
        data = DustData(sensor=sensor, start=rfc3339(start), window_s=window_s, values=values)
        now = time.time()
        end = now if -1 < now - start - window_s < 61 else start + window_s
        self.clock.shift_s = end - now
        self.recorder.record(Draft("dust", end, data, subject=sensor))
        self.clock.shift_s = 0.0

    def waits_for(self, what: Callable[[], bool], timeout_s: float = 20) -> None:
        """Until ``what`` is true; looked at with every commit and 20 times a second."""
        until = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < until, "it did not come about in time"
            self.outbox.wait(0.05, self.outbox.commits)

    def pending(self) -> int:
        self.outbox.flush()
        return self.outbox.depth().messages


@pytest.fixture
def platform() -> Iterator[Platform]:
    it = Platform()
    yield it
    it.close()


@pytest.fixture
def make_platform() -> Iterator[Callable[..., Platform]]:
    made: list[Platform] = []

    def make(**options: Any) -> Platform:
        made.append(Platform(**options))
        return made[-1]

    yield make
    for it in made:
        it.close()


@pytest.fixture
def make_post(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    made: list[Post] = []

    def make(*settings: Hj212) -> Post:
        made.append(Post(tmp_path, *settings))
        return made[-1]

    yield make
    for it in made:
        if not it.stop.is_set():
            it.close()


@pytest.fixture
def settings() -> Callable[..., Hj212]:
    def make(platform: Platform, **over: object) -> Hj212:
        given = {"timeout_s": 2.0, "retry_max_s": 0.2, "min_interval_min": 1, "password": "123456", "mn": MN}
        return Hj212(host="127.0.0.1", port=platform.port, **(given | over))  # type: ignore[arg-type]

    return make

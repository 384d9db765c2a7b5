"""A simulated sensor behind a pseudo-terminal, which any program opens like a serial device.

``SimulatedSensor`` is the device's behaviour without I/O: what it answers (``hear``) and says by itself (``speak``).
``SimulatedDevice`` puts it behind a path and can be unplugged, plugged in again, silenced and disturbed. Bytes that
nobody reads are lost, as on a wire.
"""

from __future__ import annotations

import contextlib
import os
import select
import tempfile
import threading
import time
import tty
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from drivers.errors import BadSettingError
from drivers.framer import Framer
from drivers.port import Line
from drivers.simulated.profile import Profile, constant

_STOP_WITHIN_S = 5.0


class SimulatedSensor(ABC):
    """What a device does. ``defaults``: the values it measures; profiles may be given for these and ``period_s``."""

    name: ClassVar[str]
    defaults: Mapping[str, float]
    starts: bytes
    longest: int

    def __init__(self, model: str = "", profiles: Mapping[str, Profile] | None = None) -> None:
        """Raises BadSettingError for a profile of a value that this device does not measure."""
        self.model = model
        given = dict(profiles or {})
        self.period_s = given.pop("period_s", constant(1.0))(0.0)
        unknown = sorted(set(given) - set(self.defaults))
        if unknown:
            allowed = ", ".join([*self.defaults, "period_s"])
            raise BadSettingError(f"simulated {self.name} has no {', '.join(unknown)}; allowed: {allowed}")
        self._profiles = {name: constant(value) for name, value in self.defaults.items()} | given
        self._due_s = self.period_s
        self._requests = Framer(self.measure, self.fault, starts=self.starts, longest=self.longest)

    @abstractmethod
    def measure(self, head: bytes) -> int:
        """The length of the request at ``head[0]``, as in ``drivers.framer``."""

    @abstractmethod
    def fault(self, request: bytes) -> str: ...

    @abstractmethod
    def answer(self, request: bytes, elapsed_s: float) -> bytes: ...

    def report(self, elapsed_s: float) -> bytes:  # noqa: ARG002 - most devices do report
        """What is sent by itself each ``period_s``."""
        return b""

    def values(self, elapsed_s: float) -> dict[str, float]:
        return {name: profile(elapsed_s) for name, profile in self._profiles.items()}

    def hear(self, data: bytes, elapsed_s: float) -> bytes:
        """The answers to what arrived."""
        return b"".join(self.answer(request, elapsed_s) for request in self._requests.feed(data))

    def speak(self, elapsed_s: float) -> tuple[bytes, float]:
        """What is due to be sent, and the seconds until more will be."""
        if elapsed_s < self._due_s:
            return b"", self._due_s - elapsed_s
        self._due_s = max(self._due_s + self.period_s, elapsed_s)
        return self.report(elapsed_s), self.period_s


class SimulatedDevice:
    """A sensor on a wire: open ``path`` as a serial device. Call ``close`` when done; it ends the thread."""

    def __init__(self, sensor: SimulatedSensor) -> None:
        self.sensor = sensor
        self._folder = tempfile.TemporaryDirectory(prefix="simulated-")
        self.path = str(Path(self._folder.name, sensor.name))
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._silent = False
        self._broken = 0
        self._stop_read, self._stop_write = os.pipe()
        self._thread: threading.Thread | None = None
        self._master = self._slave = -1
        self.plug()

    def plug(self) -> None:
        """Puts the plug in: the path is there again."""
        if self._thread is not None:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        Path(self.path).symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._run, name=f"simulated {self.sensor.name}", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pulls the plug: whoever has the path open loses it."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        os.write(self._stop_write, b"x")
        thread.join(_STOP_WITHIN_S)
        if thread.is_alive():
            raise RuntimeError(f"the thread of simulated {self.sensor.name} did not end within {_STOP_WITHIN_S} s")
        os.read(self._stop_read, 1)
        Path(self.path).unlink()
        os.close(self._slave)
        os.close(self._master)

    def silence(self, silent: bool = True) -> None:
        """Keeps the device from saying anything, as with a broken wire."""
        with self._lock:
            self._silent = silent

    def emit(self, data: bytes) -> None:
        """Puts bytes on the wire, as a disturbance does."""
        self._send(data)

    def corrupt(self, frames: int) -> None:
        """Flips one bit in each of the next frames sent."""
        with self._lock:
            self._broken = frames

    def close(self) -> None:
        self.unplug()
        if self._stop_read >= 0:
            os.close(self._stop_read)
            os.close(self._stop_write)
            self._stop_read = self._stop_write = -1
            self._folder.cleanup()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        poll.register(self._stop_read, select.POLLIN)
        while True:
            said, wait_s = self.sensor.speak(self._elapsed())
            self._say(said)
            ready = {fd for fd, _ in poll.poll(max(0.0, wait_s) * 1000)}
            if self._stop_read in ready:
                return
            if self._master in ready:
                with contextlib.suppress(BlockingIOError):
                    self._say(self.sensor.hear(os.read(self._master, 4096), self._elapsed()))

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _say(self, data: bytes) -> None:
        with self._lock:
            if not data or self._silent:
                return
            if self._broken:
                self._broken -= 1
                middle = len(data) // 2
                data = data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]
        self._send(data)

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)


class SimulatedPort:
    """A simulated device and pyserial reading it; closing the port ends the device."""

    live = True

    def __init__(self, sensor: SimulatedSensor, line: Line) -> None:
        from drivers.serial_port import SerialPort

        self.device = SimulatedDevice(sensor)
        try:
            self._port = SerialPort(self.device.path, line)
        except BaseException:
            self.device.close()
            raise

    def read(self, size: int, timeout_s: float) -> bytes:
        return self._port.read(size, timeout_s)

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._port.close()
        self.device.close()

"""One session with one sensor: open, wake, set the mode, then read; the same for every driver and every port.

Invariants. The mode is set explicitly at opening. Warm-up is counted from waking, never guessed from values: until
``warm_up_s`` have passed, readings have quality C and say why; afterwards an all-zero frame is clean air. A value
outside what the maker promises is flagged T, the others stay normal; a fault the device reports is D of all. ``read``
does not block longer than its timeout. Silence longer than promised is ``DeviceSilentError``, a dead handle
``DeviceLostError``; after either, close the session and open a new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from drivers.driver import Driver, Mode, Sample
from drivers.errors import BadFrameError, DeviceSilentError, EndOfRecording
from drivers.port import Port
from drivers.readings import Quality, Reading

_CHUNK = 4096
_PENDING = 2048  # frames; more than the shortest ones in a chunk


class SensorSession:
    """Reads one sensor over one port; owned by one thread.

    ``rejected`` counts broken frames (``reason``: the last one's), ``skipped`` bytes that belonged to no frame,
    ``readings`` what ``read`` returned.
    """

    def __init__(
        self,
        driver: Driver,
        port: Port,
        *,
        name: str,
        mode: str = "",
        interval_s: float = 1.0,
        warm_up_s: float = 30.0,
        silent_after_s: float | None = None,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Wakes the device and sets the mode, which takes up to some seconds.

        Raises BadSettingError for a mode the driver has not, DeviceLostError when the port dies.
        """
        self.driver, self.port, self.name = driver, port, name
        self.mode = driver.check_mode(mode)
        self.readings = 0
        self._interval_s, self._warm_up_s = interval_s, warm_up_s
        self._silent_after_s = silent_after_s or max(driver.silent_after_s, 3 * interval_s)
        self._now, self._monotonic = now, monotonic
        self._framer = driver.framer()
        self._refused = 0
        self._reason = ""
        self._noise = 0
        self._unmeasured = 0
        self._bytes_at = monotonic()
        self._frames: deque[bytes] = deque(maxlen=_PENDING)
        self._queries = tuple(driver.queries()) if self.mode is Mode.QUERY else (b"",)
        self._answers: list[Sample] = []
        self._asked_at: float | None = None
        self._due: float | None = None
        self._begun = False
        self._over = False
        if port.live:
            for command in driver.opening(self.mode):
                port.write(command.data)
                self._listen_for(command.settle_s)
            self._frames.clear()
            self._begin()

    @property
    def rejected(self) -> int:
        return self._framer.rejected + self._refused

    @property
    def skipped(self) -> int:
        return self._framer.skipped

    @property
    def reason(self) -> str:
        """Why the last frame was rejected."""
        return self._reason or self._framer.reason

    def read(self, timeout_s: float) -> Reading | None:
        """The next reading, or None when none is due or came within ``timeout_s``.

        Raises DeviceSilentError, DeviceLostError, DeviceRefusedError, and EndOfRecording when a recording is over.
        """
        deadline = self._monotonic() + timeout_s
        listened = False
        while True:
            while self._frames:
                reading = self._take(self._frames.popleft())
                if reading is not None:
                    return reading
            if self._over:
                raise EndOfRecording(f"{self.name}: the recording is over")
            now = self._monotonic()
            if self._begun:
                self._check_silence(now)
            if listened and now >= deadline:
                return None
            self._listen(self._ask_or_wait(now, deadline))
            listened = True

    def sleep(self) -> None:
        """Stops fan and laser where the device can; close the session then, opening it anew wakes the device."""
        for command in self.driver.sleeping():
            self.port.write(command.data)
            self._listen_for(command.settle_s)

    def close(self) -> None:
        self.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        self._begun = True
        self._awake_at = self._heard_at = self._monotonic()

    def _ask_or_wait(self, now: float, deadline: float) -> float:
        """Writes the request that is due, if one is; the seconds to listen."""
        if self.mode is Mode.ACTIVE or not self.port.live:
            return max(0.0, min(deadline - now, self.driver.pause_s))
        if self._asked_at is not None and now - self._asked_at > self.driver.answer_s:
            self._asked_at = None
            self._answers.clear()
            self._due = now
        if self._asked_at is None:
            if self._due is not None and now < self._due:
                return max(0.0, min(self._due, deadline) - now)
            self._due = now + self._interval_s if self._due is None else max(self._due + self._interval_s, now)
            self._ask(now)
            return max(0.0, min(deadline - now, self.driver.answer_s))
        return max(0.0, min(deadline, self._asked_at + self.driver.answer_s + 0.001) - now)

    def _ask(self, now: float) -> None:
        self._frames.clear()
        self.port.write(self._queries[len(self._answers)])
        self._asked_at = now

    def _listen(self, timeout_s: float) -> bool:
        """Takes in what comes; false when nothing came in all of ``timeout_s``."""
        try:
            data = self.port.read(_CHUNK, timeout_s)
        except EndOfRecording:
            self._over = True
            self._frames.extend(self._framer.end())
            return False
        if not self._begun:
            self._begin()
        if data:
            self._frames.extend(self._framer.feed(data))
            self._bytes_at = self._monotonic()
        elif self._monotonic() - self._bytes_at >= self.driver.pause_s:
            self._frames.extend(self._framer.end())
        return bool(data)

    def _listen_for(self, duration_s: float) -> None:
        until = self._monotonic() + duration_s
        while (left := until - self._monotonic()) > 0:
            if not self._listen(left):
                return

    def _check_silence(self, now: float) -> None:
        quiet_s = now - self._heard_at
        if quiet_s <= self._silent_after_s or not self.port.live:
            return
        raise DeviceSilentError(f"{self.name}: {self.complaint(quiet_s)}")

    def complaint(self, quiet_s: float) -> str:
        """What came instead of readings in ``quiet_s``, and what to look at."""
        if self.rejected + self.skipped > self._noise:
            return (
                f"bytes came but nothing that driver {self.driver.name} reads for {quiet_s:.0f} s "
                f"({self.rejected} rejected, the last: {self.reason or 'no frame of its kind'}): check driver, model, "
                f"the wires, and that the device is set to {self.driver.line.baud} bit/s"
            )
        if self._unmeasured:
            return (
                f"what came in {quiet_s:.0f} s was no measurement of a {self.driver.model}: check the model, and the "
                "sensor itself"
            )
        return f"nothing came for {quiet_s:.0f} s: check power, the wires ({self.driver.wires}), and the driver's name"

    def _take(self, frame: bytes) -> Reading | None:
        number = len(self._answers)
        try:
            sample = self.driver.decode(frame, self._queries[number])
        except BadFrameError as error:
            self._refused += 1
            self._reason = str(error)
            return None
        if sample is None:
            self._unmeasured += 1
            return None
        now = self._monotonic()
        if self.mode is Mode.QUERY:
            if self.port.live and self._asked_at is None:
                return None
            self._asked_at = None
            if number + 1 < len(self._queries):
                self._answers.append(sample)
                if self.port.live:
                    self._ask(now)
                return None
            sample = _joined([*self._answers, sample])
            self._answers.clear()
        self._heard_at = now
        self._noise = self.rejected + self.skipped
        self._unmeasured = 0
        if self.mode is Mode.ACTIVE and self._too_soon(now):
            return None
        reading = self._judged(sample, now)
        self.readings += 1
        return reading

    def _too_soon(self, now: float) -> bool:
        """Thins a device that sends more often than asked for; a quarter of the interval is allowed for jitter."""
        if self._due is not None and now < self._due - self._interval_s / 4:
            return True
        self._due = now + self._interval_s if self._due is None else max(self._due + self._interval_s, now)
        return False

    def _judged(self, sample: Sample, now: float) -> Reading:
        quality, reason = Quality.NORMAL, ""
        values = sample.values
        flags = None
        outside = {
            key: (Quality.OVER_RANGE, f"{key} {values[key]:g} is outside {low:g} to {high:g}")
            for key, (low, high) in self.driver.ranges.items()
            if key in values and not low <= values[key] <= high
        }
        awake_s = now - self._awake_at
        if sample.fault:
            quality, reason = Quality.FAULT, sample.fault
        elif awake_s < self._warm_up_s:
            quality, reason = Quality.CALIBRATING, f"warming up: {awake_s:.0f} of {self._warm_up_s:g} s since waking"
        elif outside:
            flags = outside
            quality, reason = Quality.OVER_RANGE, "; ".join(why for _, why in outside.values())
        return Reading(self._now(), self.name, values, quality, reason, flags)


def _joined(samples: list[Sample]) -> Sample:
    if len(samples) == 1:
        return samples[0]
    values = {key: value for sample in samples for key, value in sample.values.items()}
    return Sample(values, "; ".join(sample.fault for sample in samples if sample.fault))

"""Plays a recorded clip as a camera: thinned to the frames wanted, at once or in real time, the same each time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from drivers.errors import EndOfRecording
from drivers.frames import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SLACK_S = 0.001


class Clip(Protocol):
    """A recording, walked through picture by picture."""

    unreadable: int

    def advance(self) -> float | None:
        """Steps to the next picture; its seconds since the beginning, None at the end."""

    def picture(self) -> NDArray[np.uint8] | None:
        """The picture stepped to, H×W×3 BGR, or None when it cannot be read."""

    def close(self) -> None: ...


class Thinning:
    """Which of the moments that go by are due at ``frames_per_s``; early by at most a millisecond."""

    def __init__(self, frames_per_s: float) -> None:
        self.interval_s = 1 / frames_per_s
        self._due: float | None = None

    def is_due(self, time: float) -> bool:
        return self._due is None or time >= self._due - _SLACK_S

    def took(self, time: float) -> None:
        self._due = max(time if self._due is None else self._due, time - self.interval_s) + self.interval_s

    def missed(self, time: float) -> bool:
        """Whether a whole interval went by untaken; each is told once."""
        if self._due is None or time < self._due + self.interval_s:
            return False
        self._due += self.interval_s
        return True


class Pacer:
    """Real time for a recording: position 0 is the first time it is asked."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began: float | None = None
        self._closed = threading.Event()

    def position_s(self) -> float:
        if self._began is None:
            self._began = self._monotonic()
        return self._monotonic() - self._began

    def wait_for(self, position_s: float, timeout_s: float) -> bool:
        """Whether ``position_s`` has come, after waiting for it at most ``timeout_s``."""
        early_s = position_s - self.position_s()
        self._closed.wait(max(0.0, min(early_s, timeout_s)))
        return early_s <= timeout_s

    def close(self) -> None:
        self._closed.set()


class RecordedCamera:
    """``skip_late`` (needs a pacer): frames that real time has overtaken are dropped and counted, as a camera's are."""

    live = False

    def __init__(
        self, clip: Clip, *, name: str, start: float, frames_per_s: float, pacer: Pacer | None, skip_late: bool
    ) -> None:
        self.name = name
        self.dropped = 0
        self._clip, self._start, self._pacer, self._skip_late = clip, start, pacer, skip_late
        self._thinning = Thinning(frames_per_s)
        self._index = 0
        self._position_s: float | None = None

    @property
    def unreadable(self) -> int:
        return self._clip.unreadable

    def read(self, timeout_s: float) -> Frame | None:
        while True:
            position_s = self._next_due()
            if self._pacer is not None:
                if not self._pacer.wait_for(position_s, timeout_s):
                    return None
                if self._skip_late and self._pacer.position_s() > position_s + self._thinning.interval_s:
                    self._thinning.took(position_s)
                    self._position_s = None
                    self.dropped += 1
                    continue
            image = self._clip.picture()
            self._position_s = None
            if image is None:
                continue
            self._thinning.took(position_s)
            frame = Frame(self.name, self._start + position_s, self._index, image)
            self._index += 1
            return frame

    def close(self) -> None:
        if self._pacer is not None:
            self._pacer.close()
        self._clip.close()

    def _next_due(self) -> float:
        while self._position_s is None or not self._thinning.is_due(self._position_s):
            self._position_s = self._clip.advance()
            if self._position_s is None:
                raise EndOfRecording(f"{self.name}: the recording is over after {self._index} frames")
        return self._position_s

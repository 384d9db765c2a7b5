"""Wall time, monotonic time, the boot they belong to, and whether the wall time can be trusted.

Trust comes from the kernel: ``adjtimex(2)`` says whether something (chrony, timesyncd, PTP) keeps the clock
synchronised, and bounds its error (``maxerror``, which the kernel lets grow by 500 ppm between two updates). Asking is
one system call without rights.
"""

from __future__ import annotations

import ctypes
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_BOOT = str(uuid.uuid4())

# Where the programs that keep a clock leave a sign of being at work.
_KEEPERS = tuple(
    Path("/run") / name for name in ("systemd/timesync", "chrony", "chronyd.pid", "ntpd.pid", "openntpd", "ptp4l")
)

_STEP_S = 1.0
_STRETCHES_KEPT = 15
_BEFORE_START_S = 300.0

_TIME_ERROR = 5
_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """``struct timex`` of <sys/timex.h>; the fields after ``maxerror`` and ``status`` are only room here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the kernel's clock is synchronised; ``error_s`` bounds its error and is infinite where it is not."""

    trusted: bool
    error_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """A moment on the monotonic clock, and whether the wall time it was given by could be trusted then."""

    monotonic: float
    trusted: bool
    error_s: float


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From ``start`` on, wall time was monotonic time plus ``offset``."""

    start: float
    offset: float
    trust: Trust


def kernel_trust() -> Trust:
    """What ``adjtimex(2)`` says now."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return Trust(False, float("inf"))
    state = _Timex()
    code = adjtimex(ctypes.byref(state))
    if code < 0 or code == _TIME_ERROR or state.status & _STA_UNSYNC:
        return Trust(False, float("inf"))
    return Trust(True, state.maxerror / 1e6)


def boot_id() -> str:
    """The kernel's boot id, or one of this process where the kernel has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return _PROCESS_BOOT


class Clock:
    """The only place that reads the machine's time; tests and the soak give one that jumps."""

    def __init__(self) -> None:
        self._boot = boot_id()
        self._trust = Trust(False, float("inf"))
        self._asked = float("-inf")
        self._stretches: list[_Stretch] = []

    @property
    def boot(self) -> str:
        """The boot that ``monotonic`` counts from."""
        return self._boot

    def time(self) -> float:
        """Unix seconds, UTC, as the machine has it."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since the boot, sleep included (CLOCK_BOOTTIME); never goes back."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def trust(self) -> Trust:
        """Whether ``time`` can be trusted; the kernel is asked at most once a second."""
        now = self.monotonic()
        if now - self._asked >= 1.0:
            self._trust, self._asked = self.ask(), now
            self._note_step(now)
        return self._trust

    def ask(self) -> Trust:
        """The kernel's word; overridden by clocks that play."""
        return kernel_trust()

    def place(self, wall: float) -> Place:
        """Where a recent wall time of this machine lies on the monotonic clock, across steps of the wall clock.

        A time that fits none of the stretches between steps is placed by the present one, and is not trusted.
        """
        trust, now = self.trust(), self.monotonic()
        end = now
        for stretch in reversed(self._stretches):
            monotonic = wall - stretch.offset
            if stretch.start - _STEP_S <= monotonic <= end + _STEP_S:
                return Place(min(monotonic, now), stretch.trust.trusted, stretch.trust.error_s)
            end = stretch.start
        return Place(min(now, max(0.0, wall - self._stretches[-1].offset)), False, trust.error_s)

    def _note_step(self, now: float) -> None:
        offset = self.time() - now
        last = self._stretches[-1] if self._stretches else None
        if last is None or abs(offset - last.offset) > _STEP_S or last.trust.trusted != self._trust.trusted:
            start = now if last else now - _BEFORE_START_S
            self._stretches = [*self._stretches[-_STRETCHES_KEPT:], _Stretch(start, offset, self._trust)]

    def expects_trust(self) -> bool:
        """Whether the clock is not synchronised and something is at work on this machine to do it."""
        return not self.trust().trusted and any(path.exists() for path in _KEEPERS)

"""Wall time, monotonic time and the boot they belong to."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The kernel's boot id, or one of this process where the kernel has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return _PROCESS_BOOT


_PROCESS_BOOT = str(uuid.uuid4())


class Clock:
    """The only place that reads the machine's time."""

    def time(self) -> float:
        """Unix seconds, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment of this boot; never goes back."""
        return time.monotonic()

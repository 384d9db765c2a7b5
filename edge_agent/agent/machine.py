"""What the machine says of itself: temperature, throttling, memory, disk. Whatever it does not know is left out."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_STATM = Path("/proc/self/statm")


def give_back_memory() -> None:
    """Makes the C library return freed blocks of 1 MiB and more at once (mallopt(3)), where it is glibc.

    Pictures come and go by the second; left alone, glibc keeps about 100 MB of them.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        mallopt(parameter, 1 << 20)


def machine(data_dir: Path) -> dict[str, Any]:
    """Values with their unit in the name; ``throttled`` is the firmware's bit field in hexadecimal."""
    found: dict[str, Any] = {"load_1_min": round(os.getloadavg()[0], 2)}
    temperature = _text(_TEMPERATURE)
    if temperature.lstrip("-").isdigit():
        found["temperature_c"] = int(temperature) / 1000
    throttled = _text(_THROTTLED)
    if throttled:
        found["throttled"] = throttled
    pages = _text(_STATM).split()
    if len(pages) > 1:
        found["resident_mb"] = round(int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    try:
        found["disk_free_mb"] = round(shutil.disk_usage(data_dir).free / 1e6)
    except OSError:
        found["disk_free_mb"] = None
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

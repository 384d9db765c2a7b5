"""systemd's notification protocol, sd_notify(3): datagrams to the socket in NOTIFY_SOCKET; silent without one."""

from __future__ import annotations

import os
import socket


def notify(*assignments: str) -> None:
    """Sends lines such as ``READY=1``, ``WATCHDOG=1``, ``STATUS=…``, ``STOPPING=1``."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return

"""One TCP connection to an HJ 212 platform: frames out, frames in. Every failure is an UplinkError."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from edge_agent.config.hj212 import Hj212
from edge_agent.errors import ConfigError, UplinkError
from edge_agent.hj212 import Dialect, Frame, FrameError, Framer, decode, encode, split
from edge_agent.uplink.history import drain

log = logging.getLogger(__name__)

_CONNECT_S = 10.0
_BAD_FRAMES_LOGGED = 20


class Link:
    """Opened by making one."""

    def __init__(self, settings: Hj212, key: bytes | None) -> None:
        self._settings = settings
        self._key = key
        self._framer = Framer()
        self.bad_frames = 0
        address = (settings.host, settings.port)
        try:
            self._socket = socket.create_connection(address, timeout=_CONNECT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            raise UplinkError(f"{address[0]}:{address[1]} cannot be reached: {error}") from error

    def close(self) -> None:
        """Once."""
        self._socket.close()

    def written(self, frame: Frame) -> list[bytes]:
        """The packets of ``frame``, one where it is not long. Raises FrameError."""
        settings = self._settings
        dialect = Dialect(settings.crc)
        return [encode(part, dialect=dialect, key=self._key, notation=settings.notation) for part in split(frame)]

    def send(self, raw: bytes, timeout_s: float) -> None:
        """Waits at most ``timeout_s`` for a platform that takes no data."""
        self._socket.settimeout(max(1.0, timeout_s))
        try:
            self._socket.sendall(raw)
        except OSError as error:
            raise UplinkError(f"the platform takes no data: {error}") from error

    def receive(self, wait_s: float, wake: int) -> list[Frame]:
        """Frames that came within ``wait_s`` or before ``wake`` (an eventfd) was written."""
        sources: Sequence[int] = [self._socket.fileno(), wake]
        ready, _, _ = select.select(sources, [], [], wait_s)
        drain(wake)
        if self._socket.fileno() not in ready:
            return []
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise UplinkError(f"the platform's connection broke: {error}") from error
        if not data:
            raise UplinkError("the platform closed the connection")
        return [frame for raw in self._framer.feed(data) if (frame := self._decoded(raw)) is not None]

    def _decoded(self, raw: bytes) -> Frame | None:
        try:
            return decode(raw, key=self._key).frame
        except FrameError as error:
            self.bad_frames += 1
            if self.bad_frames <= _BAD_FRAMES_LOGGED:
                log.warning("%s sent what is no frame: %s", self._settings.name, error)
            return None


def read_key(settings: Hj212) -> bytes | None:
    """The SM4 key in the settings' file, None where none is named. Raises ConfigError."""
    if not settings.sm4_key_file:
        return None
    path = Path(settings.sm4_key_file)
    try:
        text = path.read_text().strip()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, "sm4_key_file", f"cannot be read: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(path, "sm4_key_file", f"others may read it; run: chmod 600 {path}")
    if len(text) == 32:
        with contextlib.suppress(ValueError):
            return bytes.fromhex(text)
    if len(text.encode()) != 16:
        raise ConfigError(path, "sm4_key_file", "holds no key: write 16 characters or 32 hexadecimal digits")
    return text.encode()

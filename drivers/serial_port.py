"""The serial port, through pyserial."""

from __future__ import annotations

import errno
import select

import serial

from drivers.errors import DeviceLostError
from drivers.port import Line


class SerialPort:
    """A serial device, best named by its /dev/serial/by-id path, which survives re-plugging. Opened exclusively."""

    live = True

    def __init__(self, path: str, line: Line) -> None:
        """Raises DeviceLostError when the device is absent, busy or not permitted."""
        self.path = path
        try:
            self._serial = serial.Serial(
                path, line.baud, parity=line.parity, timeout=0, write_timeout=2.0, exclusive=True
            )
            self._poll = select.poll()
            self._poll.register(self._serial.fileno(), select.POLLIN)
            self._serial.reset_input_buffer()
        except (OSError, ValueError) as error:
            raise DeviceLostError(_why_not_open(path, error)) from error

    def read(self, size: int, timeout_s: float) -> bytes:
        """Raises DeviceLostError when the device was unplugged."""
        try:
            if not self._poll.poll(max(0.0, timeout_s) * 1000):
                return b""
            return bytes(self._serial.read(size))
        except (OSError, TypeError) as error:
            raise self._lost("reading", error) from error

    def write(self, data: bytes) -> None:
        """Raises DeviceLostError when the device was unplugged or takes no bytes for 2 s."""
        try:
            self._serial.write(data)
        except (OSError, TypeError) as error:
            raise self._lost("writing", error) from error

    def close(self) -> None:
        self._serial.close()

    def _lost(self, doing: str, error: Exception) -> DeviceLostError:
        return DeviceLostError(f"{self.path} was lost while {doing} ({error}): check plug, cable and power")


def _why_not_open(path: str, error: OSError | ValueError) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"{path} is not there: plug the device in; what is there is listed by: ls -l /dev/serial/by-id"
    if code in (errno.EACCES, errno.EPERM):
        return f"{path} may not be opened: add the user to the group dialout, then log in again"
    if code in (errno.EAGAIN, errno.EBUSY):
        return f"{path} is in use by another program: stop it (fuser -v {path} names it)"
    return f"{path} cannot be opened: {error}"

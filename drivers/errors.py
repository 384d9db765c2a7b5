"""The root of the project's error tree and the errors of drivers.

What to do about an error is read from its class, never guessed from its text:

=============  =====================================================
action         meaning
=============  =====================================================
RETRY          throw this answer away and go on with the same handle
REOPEN         close the handle and open it again, with back-off
GIVE_UP        a person must change something first
=============  =====================================================
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Action(StrEnum):
    """What the caller should do about an error."""

    RETRY = "retry"
    REOPEN = "reopen"
    GIVE_UP = "give-up"


class EdgeAgentError(Exception):
    """Root of everything the project raises on purpose."""

    action: ClassVar[Action] = Action.GIVE_UP


class DriverError(EdgeAgentError):
    """Something between a piece of hardware and its reading."""


class BadFrameError(DriverError, ValueError):
    """Bytes that are no frame of this device (checksum, length, structure): drop them and read on."""

    action = Action.RETRY


class DeviceLostError(DriverError, OSError):
    """The handle is dead (unplugged, stream ended): reopen."""

    action = Action.REOPEN


class DeviceSilentError(DriverError, TimeoutError):
    """Nothing came within the time the device promises: reopen."""

    action = Action.REOPEN


class UnknownDriverError(DriverError, LookupError):
    """No driver of this name: the configuration must change."""


class BadSettingError(DriverError, ValueError):
    """A model, mode, port or option that this driver does not have: the configuration must change."""


class BadRecordingError(DriverError, ValueError):
    """A recording that is missing, empty or cannot be read: name another one."""


class DeviceRefusedError(DriverError):
    """The device answers, and says no to what it is asked (a register map that does not fit): a person must look."""


class EndOfRecording(DriverError, EOFError):  # noqa: N818 - the end is no fault
    """The recording has been played to its end: stop, or open it again."""

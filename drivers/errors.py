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

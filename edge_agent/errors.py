"""The error tree above the drivers; its root and the meaning of ``action`` are in ``drivers.errors``."""

from __future__ import annotations

from pathlib import Path

from drivers.errors import Action, EdgeAgentError

__all__ = ["Action", "ConfigError", "EdgeAgentError", "LabelError", "ModelError", "OutboxError", "UplinkError"]


class ConfigError(EdgeAgentError, ValueError):
    """A configuration that cannot be used: which file, which key, what was given, what is allowed."""

    def __init__(self, file: Path | str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file, self.key, self.problem = str(file), key, problem


class ModelError(EdgeAgentError, ValueError):
    """A model or card that is missing, truncated, changed or of another shape than its card says."""


class LabelError(EdgeAgentError, ValueError):
    """A label file that cannot be used: which file, which line, what is allowed."""


class OutboxError(EdgeAgentError, OSError):
    """The outbox could not commit; what was to be recorded was not raised."""

    action = Action.RETRY


class UplinkError(EdgeAgentError, OSError):
    """A destination refused, left or does not answer: reconnect; the outbox keeps what it has."""

    action = Action.REOPEN

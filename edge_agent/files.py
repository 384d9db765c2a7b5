"""Where the files that travel with the product are: models, ready configs, units.

In a checkout they stand at the top level, in an installation under ``edge_agent/share``.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(*parts: str) -> Path:
    """Path of a shipped file or folder, such as ``shipped("models", "truck-detector.toml")``; it may not exist."""
    installed = _PACKAGE / "share"
    return (installed if installed.is_dir() else _PACKAGE.parent).joinpath(*parts)

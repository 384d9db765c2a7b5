"""Root must not leave files in the data folder that the agent cannot read: its service would never start again."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from edge_agent.errors import ConfigError


def require_owner(data_dir: Path) -> None:
    """Raises ConfigError where the process is root's and the folder another user's; a missing folder is nobody's."""
    owner = data_dir.stat().st_uid if data_dir.is_dir() else os.geteuid()
    if os.geteuid() != 0 or owner == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise ConfigError("command line", "", f"{data_dir} is {name}'s; put before this command: runuser -u {name} --")

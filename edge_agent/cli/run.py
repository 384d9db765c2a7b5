"""``edge-agent run CONFIG``: guards until SIGTERM or SIGINT; ends by itself when every source was a recording."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from edge_agent.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``CONFIG``."""
    parser.add_argument("config", metavar="CONFIG", help="configuration file (TOML)")


def run(args: argparse.Namespace) -> int:
    """Runs the agent."""
    config = load(args.config)
    from edge_agent.agent.agent import Agent

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    agent = Agent(config, Path(args.config))
    agent.run(stop)
    return 0

"""``edge-agent run CONFIG``: guards until SIGTERM, SIGINT or SIGHUP; ends by itself when every source was
a recording. Started with nohup, it goes on when the terminal goes."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from edge_agent.cli.owner import require_owner
from edge_agent.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``CONFIG``."""
    parser.add_argument("config", metavar="CONFIG", help="configuration file (TOML)")


def run(args: argparse.Namespace) -> int:
    """Runs the agent."""
    config = load(args.config)
    require_owner(Path(config.device.data_dir))
    from edge_agent.agent.agent import Agent

    stop = threading.Event()
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGTERM, signal.SIGINT, *hangup):
        signal.signal(number, lambda *_: stop.set())
    agent = Agent(config, Path(args.config))
    agent.run(stop)
    return 0

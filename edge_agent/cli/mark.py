"""``edge-agent mark CONFIG FLAG``: tells the running agent that a dust sensor is being worked on.

Until the time is over its data carries the flag (M maintenance, C calibration, F out of service, S set by hand) and the
reason, is in no mean and raises no exceedance. ``N`` ends it. It needs no broker and holds over restarts.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from edge_agent.agent.marks import LONGEST_S, MarkCommand, mark
from edge_agent.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is marked, how, why and for how long."""
    parser.add_argument("config", metavar="CONFIG", help="configuration file (TOML) of the running agent")
    parser.add_argument(
        "flag",
        choices=["M", "C", "F", "S", "N"],
        help="maintenance, calibration, out of service, set by hand; N ends it",
    )
    parser.add_argument("--reason", default="", help="goes to the city with the data; needed but for N")
    parser.add_argument("--minutes", type=_minutes, default=60.0, help="for how long (default: 60)")
    parser.add_argument("--sensor", default="", help="name of the [[dust]] table, where there are several")


def run(args: argparse.Namespace) -> int:
    """Writes the mark into the data folder."""
    config = load(args.config)
    asked = MarkCommand(flag=args.flag, sensor=args.sensor, reason=args.reason, for_s=args.minutes * 60)
    try:
        told = mark(asked, [sensor.name for sensor in config.dust], Path(config.device.data_dir), time.time())
    except (ValueError, msgspec.ValidationError) as error:
        print(f"edge-agent mark: {error}", file=sys.stderr)
        return 2
    print(told)
    return 0


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes * 60 <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes; allowed: up to {LONGEST_S / 60:.0f}")
    return minutes

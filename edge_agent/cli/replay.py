"""``edge-agent replay SOURCE --config CONFIG``: decides over a recording, as fast as it can.

With ``--json`` the wire messages, one a line, then ``{"summary": {…}}``; without, a line a person can read.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge_agent.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recording, the configuration, when it began."""
    parser.add_argument("source", metavar="SOURCE", help="a video, a folder of pictures, or recorded sensor bytes")
    parser.add_argument("--config", required=True, metavar="CONFIG", help="configuration file (TOML)")
    parser.add_argument("--json", action="store_true", help="wire messages and a summary, one JSON object a line")
    parser.add_argument("--driver", default="", help="of sensor bytes; found by itself when left out")
    parser.add_argument(
        "--start",
        type=_moment,
        default=0.0,
        metavar="TIME",
        help="when the recording began, as 2026-07-15T10:00:00+08:00 (default: 1970-01-01T00:00:00Z)",
    )


def run(args: argparse.Namespace) -> int:
    """Replays and prints."""
    config = load(args.config)
    from edge_agent.agent.replay import Replay

    replay = Replay(Path(args.source), config, Path(args.config), start=args.start, driver=args.driver)
    for message in replay:
        encoded = msgspec.json.encode(message).decode()
        print(encoded if args.json else f"{message.time} {message.type} {message.subject}")
    summary = replay.summary()
    print(json.dumps({"summary": summary}, ensure_ascii=False) if args.json else f"summary: {summary}")
    return 0


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-07-15T10:00:00+08:00") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

"""``edge-agent``: one command, one module a subcommand, imported when it is called.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. ``--json`` goes to stdout and nothing else does; logs go
to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from drivers.errors import BadSettingError, EdgeAgentError, UnknownDriverError
from edge_agent import __version__
from edge_agent.errors import ConfigError, ModelError

_COMMANDS = {
    "run": ("run", "guard: read the sources of CONFIG, decide, record, send"),
    "demo": ("demo", "watch a gate being guarded on this machine, with nothing connected"),
    "check": ("check", "doctor: configuration, ports, cameras, models, broker, clock, disk"),
    "replay": ("replay", "decide over a recording: a video, a folder of pictures, or sensor bytes"),
    "detect": ("detect", "what the models see in pictures"),
    "bays": ("bays", "propose the bays of a parking pole from pictures of its camera"),
    "listen": ("listen", "show what arrives at a broker; report gaps and repeats"),
    "verify": ("verify", "what an evidence pack proves, and what it does not"),
    "hj212": ("hj212", "decode or encode HJ 212 frames"),
    "adapt": ("adapt", "fit the truck-state head to one camera by its reviewed crops, or undo that"),
    "schema": ("schema", "AsyncAPI and JSON Schema of all messages"),
}


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; only the module of ``command`` is imported and adds its arguments."""
    top = argparse.ArgumentParser(prog="edge-agent", description="Guards gates, dust posts and parking poles.")
    top.add_argument("--version", action="version", version=f"edge-agent {__version__}")
    top.add_argument("-v", "--verbose", action="store_true", help="log more, to stderr")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, help_text) in _COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text)
        if name == command:
            chosen = importlib.import_module(f"edge_agent.cli.{module}")
            chosen.add_arguments(sub)
            sub.set_defaults(run=chosen.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((w for w in words if w in _COMMANDS), None)
    args = parser(command).parse_args(words)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if args.verbose or args.command == "run" else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except (ConfigError, ModelError, UnknownDriverError, BadSettingError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 2
    except EdgeAgentError as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())

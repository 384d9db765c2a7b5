"""``edge-agent``: one command, one module a subcommand, imported when it is called.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (Ctrl-C). Neither wrong use nor a full
disk nor a closed pipe ends in a traceback. ``--json`` goes to stdout and nothing else does; logs go to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import io
import logging
import os
import signal
import sys
import threading
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
    "mark": ("mark", "tell the running agent that a dust sensor is being worked on"),
    "hj212": ("hj212", "decode or encode HJ 212 frames"),
    "adapt": ("adapt", "fit the truck-state head to one camera by its reviewed crops, or undo that"),
    "schema": ("schema", "AsyncAPI and JSON Schema of all messages"),
}

_LOOK = "look whether it is there, and whether you may use it"
_TODO = {
    errno.ENOSPC: "the disk is full: make room, or write elsewhere",
    errno.EDQUOT: "your share of the disk is full: make room, or write elsewhere",
    errno.EROFS: "this disk can only be read: write elsewhere",
    errno.EACCES: "you may not do this here: run it as another user, or name another place",
    errno.EPERM: "you may not do this here: run it as another user, or name another place",
    errno.EADDRINUSE: "another program has this port: stop it, or name another port",
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
            sub.set_defaults(run=chosen.run, usage=sub.error)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit code."""
    _streams()
    interrupted = threading.Event()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with contextlib.suppress(ValueError):  # not the main thread: somebody else looks after signals
            signal.signal(signal.SIGINT, lambda *_: _interrupt(interrupted))
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except (ConfigError, ModelError, UnknownDriverError, BadSettingError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 2
    except EdgeAgentError as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _no_more_output()
        return 1
    except OSError as error:
        _no_more_output()
        where = error.filename or "the output"
        print(f"edge-agent: {where}: {error.strerror}; {_TODO.get(error.errno or 0, _LOOK)}", file=sys.stderr)
        return 1
    except Exception:
        if interrupted.is_set():  # a library made something else of it
            return 130
        raise
    return code


def _interrupt(interrupted: threading.Event) -> None:
    interrupted.set()
    raise KeyboardInterrupt


def _run(words: list[str]) -> int:
    command = next((w for w in words if w in _COMMANDS), None)
    top = parser(command)
    args, unknown = top.parse_known_args(words)
    if unknown:
        args.usage(f"unrecognized arguments: {' '.join(unknown)}")
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if args.verbose or args.command == "run" else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    return int(args.run(args))


def _streams() -> None:
    """A standard stream that was closed is the null device, and what an encoding lacks is escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for the process's life
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _no_more_output() -> None:
    """Keeps the interpreter from trying to write once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

"""``edge-agent demo``: the real agent on a rendered gate, until Ctrl-C, or with ``--once`` until the clip has ended.

``--pole`` shows a parking pole instead.

What arrives at the broker is read back and its evidence checked; the pictures and clips are left in ``--out``. The
last line on stdout is one JSON object with ``passages violations exceedances published acknowledged evidence``, for a
pole ``bays free occupied unknown stays ended violations published acknowledged evidence``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.config import Config, Gate, Pole, load
from edge_agent.errors import ConfigError, EdgeAgentError
from edge_agent.files import shipped

if TYPE_CHECKING:
    from edge_agent.demo.consumer import Consumer

_REDRAW_S = 0.5
_ARRIVE_WITHIN_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Broker, once, where the pictures go."""
    parser.add_argument("--once", action="store_true", help="play the clip once, then say what happened and end")
    parser.add_argument("--pole", action="store_true", help="a parking pole, not a gate")
    parser.add_argument("--broker", default="", metavar="URL", help="mqtt://… instead of the broker in this process")
    parser.add_argument("--out", default="demo-out", metavar="FOLDER", help="for the pictures and clips")


def run(args: argparse.Namespace) -> int:
    """Runs the demo; 1 when something that was sent did not arrive whole."""
    if importlib.util.find_spec("rich") is None:
        raise EdgeAgentError("the demo needs its extra: pip install 'edge-agent[demo]'")
    file = shipped("config", "demo-pole.toml" if args.pole else "demo.toml")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-agent-demo-"))
        url, version = args.broker, "auto"
        if not url:
            from edge_agent.demo.broker import EmbeddedBroker

            url, version = stack.enter_context(EmbeddedBroker()).url, "3.1.1"
        try:
            config = _demo_config(load(file), {"broker": url, "version": version, "insecure": True}, data)
        except ValueError as error:
            raise ConfigError("command line", "--broker", str(error)) from error
        counts, whole = _guard(config, file, out, stop, once=args.once)
    print(json.dumps(counts))
    return 0 if whole else 1


def _demo_config(config: Config, broker: dict[str, Any], data: str) -> Config:
    """The shipped configuration with this run's broker and data folder."""
    return msgspec.structs.replace(
        config,
        device=msgspec.structs.replace(config.device, data_dir=data),
        mqtt=[msgspec.structs.replace(config.mqtt[0], **broker)],
    )


def _watched(config: Config) -> Gate | Pole:
    return config.gate[0] if config.gate else config.pole[0]


def _counts(consumer: Consumer) -> dict[str, int]:
    kinds = consumer.kinds
    if consumer.bays is None:
        return {
            "passages": kinds["passage"],
            "violations": kinds["violation"],
            "exceedances": kinds["dust_exceedance"],
        }
    told = consumer.bays
    return {
        "bays": told.free + told.occupied + told.unknown,
        "free": told.free,
        "occupied": told.occupied,
        "unknown": told.unknown,
        "stays": kinds["stay began"],
        "ended": kinds["stay ended"],
        "violations": kinds["violation"],
    }


def _guard(config: Config, file: Path, out: Path, stop: threading.Event, *, once: bool) -> tuple[dict[str, int], bool]:
    """The counts, and whether all that was published arrived whole."""
    from rich.console import Console
    from rich.live import Live

    from edge_agent.agent.agent import Agent
    from edge_agent.demo.consumer import Consumer
    from edge_agent.demo.view import Story, draw
    from edge_agent.messages import topic

    console = Console(stderr=True)
    story = Story()
    own = topic(config.device.site, config.device.id, "#")
    with Consumer(config.mqtt[0], own, out) as consumer:
        agent = Agent(config, file, watch=story.take)
        agent.start()
        with Live(console=console, auto_refresh=False, transient=not once) as live:
            while not stop.is_set() and not (once and _watched(config).camera.name in agent.ended):
                agent.tick()
                live.update(draw(agent.snapshot(), story), refresh=True)
                stop.wait(_REDRAW_S)
        last = agent.stop_sources()
        arrived = consumer.wait_for(last, _ARRIVE_WITHIN_S)
        agent.drain(_ARRIVE_WITHIN_S)
        acknowledged = sum(state["acknowledged"] for state in agent.snapshot()["uplinks"].values())
        agent.close()
        counts = {
            **_counts(consumer),
            "published": last,
            "acknowledged": acknowledged,
            "evidence": consumer.evidence(),
        }
    if consumer.pictures:
        console.print(f"{len(consumer.pictures)} pictures and clips in {out}/")
    if consumer.unwritten:
        console.print(f"could not be written: {consumer.unwritten}; make room, or name another folder by --out")
    return counts, arrived and acknowledged >= last

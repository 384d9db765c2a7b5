"""``edge-agent demo``: the real agent on a rendered gate, until Ctrl-C, or with ``--once`` until the clip has ended.

What arrives at the broker is read back and its evidence checked; the pictures are left annotated in ``--out``. The
last line on stdout is one JSON object with ``passages violations exceedances published acknowledged evidence``.
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
from typing import Any

import msgspec

from edge_agent.config import Config, load
from edge_agent.errors import EdgeAgentError
from edge_agent.files import shipped

_REDRAW_S = 0.5
_ARRIVE_WITHIN_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Broker, once, where the pictures go."""
    parser.add_argument("--once", action="store_true", help="play the clip once, then say what happened and end")
    parser.add_argument("--broker", default="", metavar="URL", help="mqtt://… instead of the broker in this process")
    parser.add_argument("--out", default="demo-out", metavar="FOLDER", help="for the annotated pictures")


def run(args: argparse.Namespace) -> int:
    """Runs the demo; 1 when something that was sent did not arrive whole."""
    if importlib.util.find_spec("rich") is None:
        raise EdgeAgentError("the demo needs its extra: pip install 'edge-agent[demo]'")
    file = shipped("config", "demo.toml")
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
        config = _demo_config(load(file), file, {"broker": url, "version": version, "insecure": True}, data)
        counts, whole = _guard(config, file, out, stop, once=args.once)
    print(json.dumps(counts))
    return 0 if whole else 1


def _demo_config(config: Config, file: Path, broker: dict[str, Any], data: str) -> Config:
    """The shipped configuration with this run's broker and data folder, and the clip beside the file."""
    gate = config.gate[0]
    camera = msgspec.structs.replace(gate.camera, source=str(file.parent / gate.camera.source))
    return msgspec.structs.replace(
        config,
        device=msgspec.structs.replace(config.device, data_dir=data),
        gate=[msgspec.structs.replace(gate, camera=camera)],
        mqtt=[msgspec.structs.replace(config.mqtt[0], **broker)],
    )


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
            while not stop.is_set() and not (once and config.gate[0].camera.name in agent.ended):
                agent.tick()
                live.update(draw(agent.snapshot(), story), refresh=True)
                stop.wait(_REDRAW_S)
        last = agent.stop_sources()
        arrived = consumer.wait_for(last, _ARRIVE_WITHIN_S)
        agent.drain(_ARRIVE_WITHIN_S)
        acknowledged = sum(state["acknowledged"] for state in agent.snapshot()["uplinks"].values())
        agent.close()
        counts = {
            "passages": consumer.kinds["passage"],
            "violations": consumer.kinds["violation"],
            "exceedances": consumer.kinds["dust_exceedance"],
            "published": last,
            "acknowledged": acknowledged,
            "evidence": consumer.evidence(),
        }
    if consumer.pictures:
        console.print(f"{len(consumer.pictures)} pictures in {out}/")
    return counts, arrived and acknowledged >= last

"""``edge-agent check CONFIG``: the doctor. Every line says what was looked at, what was found and what to do.

Results are ok, warn (works, but not as it should in the field) or fail. Exit code 0 without a fail, 1 with one, 2 when
the configuration itself is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from edge_agent.config import load
from edge_agent.doctor import config_findings, findings
from edge_agent.errors import ConfigError
from edge_agent.finding import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``CONFIG`` and how deep to look."""
    parser.add_argument("config", metavar="CONFIG", help="configuration file (TOML)")
    parser.add_argument("--config-only", action="store_true", help="only what needs no hardware and no network")
    parser.add_argument(
        "--draw", metavar="FOLDER", type=Path, help="save each camera's picture with its line, bays and zones"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a finding on stdout")


def run(args: argparse.Namespace) -> int:
    """Checks and prints."""
    if args.draw and args.config_only:
        raise ConfigError("command line", "--draw", "needs the camera's picture; leave --config-only out")
    file = Path(args.config)
    config = load(file)
    found: Iterator[Finding] = config_findings(config, file) if args.config_only else findings(config, file, args.draw)
    failed = False
    for finding in found:
        failed |= finding.result == "fail"
        if args.json:
            print(json.dumps(finding.as_dict(), ensure_ascii=False), flush=True)
        else:
            print(f"{finding.result:4}  {finding.what}: {finding.found}", flush=True)
            if finding.todo:
                print(f"      → {finding.todo}", flush=True)
    if not args.json:
        print("something must be mended first" if failed else "ready", file=sys.stderr)
    return 1 if failed else 0

"""``edge-agent schema``: the messages' AsyncAPI document or JSON Schema on stdout."""

from __future__ import annotations

import argparse
import json

from edge_agent import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--form``."""
    parser.add_argument("--form", choices=("asyncapi", "json-schema"), default="asyncapi")
    parser.add_argument("--json", action="store_true", help="JSON, which is also valid YAML (the default)")


def run(args: argparse.Namespace) -> int:
    """Prints the document."""
    document = schema.asyncapi() if args.form == "asyncapi" else schema.json_schema()
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0

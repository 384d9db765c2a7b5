"""Command line: `render` writes labelled pictures or truck crops, `clip` a video with its truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.scenes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    r = commands.add_parser("render", help="write pictures and labels.jsonl; what is already there is kept")
    r.add_argument("--out", type=Path, required=True)
    r.add_argument("--count", type=int, required=True, help="scenes to render, numbered from --seed")
    r.add_argument("--seed", type=int, default=0)
    r.add_argument("--size", default="640x384", help="WIDTHxHEIGHT of the rendered scene")
    r.add_argument(
        "--crops", action="store_true", help="write one crop a truck, with 5 to 15 %% margin, instead of whole pictures"
    )
    r.add_argument(
        "--backgrounds", type=Path, help="folder of pictures that the vehicles are pasted over, in part of the scenes"
    )
    c = commands.add_parser("clip", help="render a scripted clip and its truth")
    c.add_argument("--script", required=True)
    c.add_argument("--out", type=Path, required=True)
    c.add_argument("--truth", type=Path, required=True)
    c.add_argument("--scale", type=float, default=1.0, help="of the script's width and height, at most 1")
    c.add_argument("--fps", type=int, help="frames a second; the script's own by default")
    options = parser.parse_args(arguments)
    if options.command == "render":
        from models.scenes.dataset import render

        width, height = (int(v) for v in options.size.split("x"))
        render(options.out, options.count, options.seed, (width, height), options.crops, options.backgrounds)
    else:
        from models.scenes.clip import write

        write(options.script, options.out, options.truth, options.scale, options.fps)
    return 0


if __name__ == "__main__":
    sys.exit(main())

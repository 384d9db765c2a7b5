"""The house stands as it is drawn: imports go down, never up, never in a circle; deciders stay pure."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

# Parts of one floor may know each other, as long as no circle comes of it.
FLOORS = (
    {"drivers"},
    {"backoff", "clock", "config", "errors", "files", "hj212", "messages", "version"},
    {"events", "evidence", "outbox", "review", "vision"},
    {"dust", "gate", "parking", "uplink"},
    {"agent"},
    {"__main__", "cli", "demo", "doctor", "doctor_sensors", "finding", "schema"},
)
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
DECIDERS = ("dust", "events", "gate", "parking", "vision")
IMPURE = {
    "asyncio",
    "multiprocessing",
    "queue",
    "random",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product and the part it belongs to."""
    for file in [*Path("edge_agent").rglob("*.py"), *Path("drivers").rglob("*.py")]:
        if file.parts[:2] != ("edge_agent", "__init__.py"):
            yield part_of(".".join(file.with_suffix("").parts)), file


def part_of(module: str) -> str:
    """``edge_agent.uplink.mqtt`` is of ``uplink``; the bare package only tells its version."""
    first, _, rest = module.partition(".")
    return "drivers" if first == "drivers" else rest.partition(".")[0]


@cache
def imports(file: Path) -> list[str]:
    """What it imports anywhere in it, with the names it takes from there."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{name.name}".replace("__version__", "version") for name in node.names]
    return names


def below() -> dict[str, set[str]]:
    """Every part and the other parts it imports."""
    found: dict[str, set[str]] = {}
    for part, file in modules():
        ours = {part_of(name) for name in imports(file) if name.startswith(("edge_agent.", "drivers."))}
        found.setdefault(part, set()).update(ours - {part})
    return found


def test_every_part_has_a_floor() -> None:
    assert {part for part, _ in modules()} | {"version"} == set(FLOOR_OF)


def test_imports_go_down_and_never_in_a_circle() -> None:
    parts = below()
    assert [(a, b) for a, others in parts.items() for b in others if FLOOR_OF[b] > FLOOR_OF[a]] == []
    TopologicalSorter(parts).prepare()


@pytest.mark.parametrize("decider", DECIDERS)
def test_a_decider_knows_no_clock_thread_or_socket(decider: str) -> None:
    found = [
        (str(file), name)
        for part, file in modules()
        for name in imports(file)
        if part == decider
        and (name.partition(".")[0] in IMPURE or name.startswith(("edge_agent.outbox", "edge_agent.clock")))
    ]
    assert found == []


def test_a_dust_post_imports_no_eyes(tmp_path: Path) -> None:
    """Even where its configuration names everything a dust post can have."""
    file = tmp_path / "dust.toml"
    text = Path("config/dust.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("[device]", f'[device]\ndata_dir = "{tmp_path / "data"}"'), encoding="utf-8")
    program = (
        "import pathlib, sys\nfrom edge_agent.agent.agent import Agent\nfrom edge_agent.config import load\n"
        "file = pathlib.Path(sys.argv[1])\nAgent(load(file), file).close()\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heavy = {"cv2", "numpy", "onnxruntime", "edge_agent.vision", "edge_agent.gate", "edge_agent.parking"}
    assert heavy & set(done.stdout.split()) == set()

"""The live view in the terminal: last readings, trucks, violations, outbox depth, link state."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.messages import BayData, Message, PassageData, StayData, ViolationData

_KEPT = 8


@dataclass
class Story:
    """The last passages and violations that were recorded, newest last; ``take`` is called by recording threads."""

    lines: deque[tuple[str, str, str]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def take(self, message: Message) -> None:
        """Keeps what a person would want to see."""
        data = message.data
        if isinstance(data, PassageData):
            what = f"{data.label} {data.direction}: load {data.load.state}, wheels {data.wheels.state}"
            self.lines.append((message.time, "passage", what))
        elif isinstance(data, StayData):
            what = f"{data.label or 'vehicle'} in {data.bay} {data.phase}"
            self.lines.append((message.time, "stay", f"{what}, {data.dwell_s:.0f} s" if data.dwell_s else what))
        elif isinstance(data, BayData):
            what = f"{data.free} free, {data.occupied} occupied, {data.unknown} unknown"
            self.lines.append((message.time, "bays", what))
        elif isinstance(data, ViolationData):
            self.lines.append((message.time, "violation", describe(data)))


def describe(violation: ViolationData) -> str:
    """One line: the kind, how sure, and what it rests on."""
    if violation.exceedance:
        found = violation.exceedance
        return f"{violation.kind}: {found.value_name} {found.mean:.0f} over {found.limit:.0f}"
    pictures = sum(piece.media_type.startswith("image/") for piece in violation.evidence)
    return f"{violation.kind} (confidence {violation.confidence:.2f}, {pictures} pictures)"


def draw(snapshot: dict[str, Any], story: Story) -> Group:
    """The whole screen."""
    return Group(_sources(snapshot["sources"]), _story(story), _links(snapshot))


def _sources(sources: dict[str, dict[str, Any]]) -> Panel:
    table = Table(expand=True, show_header=True, header_style="bold", box=None)
    for column in ("source", "seen", "last", "says"):
        table.add_column(column, no_wrap=column != "says")
    for name, state in sources.items():
        last = state.get("last_time")
        clock = datetime.fromtimestamp(last).astimezone().strftime("%H:%M:%S") if last else "–"
        table.add_row(name, str(state.get("items", 0)), clock, _says(state))
    return Panel(table, title="sources", title_align="left")


def _says(state: dict[str, Any]) -> Text:
    if state.get("problem"):
        return Text(state["problem"], style="bold red")
    if "values" in state:
        wanted = ("pm2_5_ug_m3", "pm10_ug_m3", "tsp_ug_m3")
        values = "  ".join(f"{name} {state['values'][name]:.0f}" for name in wanted if name in state["values"])
        flag = state.get("quality", "")
        return Text(
            f"{values}  [{flag}] {state.get('reason', '')}".rstrip(), style="green" if flag == "N" else "yellow"
        )
    if "view" in state:
        bays = f"{state['free']} free, {state['occupied']} occupied, {state['unknown']} unknown"
        return Text(f"{bays}; camera {state['view']}", style="cyan")
    tracks = state.get("following", [])
    seen = ", ".join(f"{t['label']} #{t['id']} {t['score']:.2f}" for t in tracks)
    return Text(seen or "nothing moves", style="cyan" if tracks else "dim")


def _story(story: Story) -> Panel:
    table = Table(expand=True, show_header=False, box=None)
    for time, kind, what in list(story.lines):
        table.add_row(time[11:19], Text(kind, style="bold red" if kind == "violation" else "cyan"), what)
    if not story.lines:
        table.add_row(Text("nothing yet", style="dim"))
    return Panel(table, title="what happened", title_align="left")


def _links(snapshot: dict[str, Any]) -> Panel:
    table = Table(expand=True, show_header=False, box=None)
    for name, state in snapshot["uplinks"].items():
        connected = bool(state.get("connected"))
        link = Text(
            "connected" if connected else state.get("error") or "connecting", style="green" if connected else "red"
        )
        table.add_row(name, link, f"acknowledged {state.get('acknowledged', 0)}")
    outbox = snapshot["outbox"]
    table.add_row("outbox", f"{outbox['messages']} waiting", f"{outbox['bytes'] / 1e6:.1f} MB")
    return Panel(table, title="outbox and links", title_align="left")

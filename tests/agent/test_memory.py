"""A dust watch over restarts: one exceedance, one violation, whatever the process did."""

from __future__ import annotations

from pathlib import Path

from drivers.readings import Reading
from edge_agent.agent.memory import RememberingWatch
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import Draft

MIDNIGHT = 1784044800.0
SECTION = DustSensor(
    driver="x", port="y", interval_s=60, limits=[Limit(value_name="pm10_ug_m3", value=150, allowed_per_day=1)]
)


def opened(path: Path) -> RememberingWatch:
    return RememberingWatch(DustWatch(SECTION), path)


def run(watch: RememberingWatch, first: int, minutes: int, value: float) -> list[Draft]:
    drafts = []
    for i in range(first, first + minutes):
        drafts += watch.update(Reading(MIDNIGHT + 60 * i, "dust", {"pm10_ug_m3": value + i % 2}))
    return drafts


def told(drafts: list[Draft]) -> list[str]:
    return [getattr(d.data, "state", d.channel) for d in drafts if d.channel != "dust"]


def test_an_exceedance_goes_on_after_a_restart_and_raises_no_second_violation(tmp_path: Path) -> None:
    path = tmp_path / "dust.watch"
    before = run(opened(path), 0, 32, 200)
    assert told(before) == ["started", "ongoing", "violation"]
    after = run(opened(path), 33, 30, 200) + run(opened(path), 64, 30, 20)
    assert told(after) == ["ongoing", "ongoing", "ended"]
    ids = {d.data.exceedance for d in before + after if d.channel == "exceedance"}  # type: ignore[attr-defined]
    assert len(ids) == 1


def test_one_that_was_left_behind_ends_with_the_next_window(tmp_path: Path) -> None:
    path = tmp_path / "dust.watch"
    run(opened(path), 0, 20, 200)
    drafts = run(opened(path), 6 * 60, 20, 200)
    assert told(drafts) == ["ended", "started", "violation"]
    ended = next(d.data for d in drafts if getattr(d.data, "state", "") == "ended")
    assert ended.reason == "no valid data: a gap"  # type: ignore[attr-defined]


def test_a_broken_or_foreign_memory_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "dust.watch"
    for content in (b"", b"\x00\xff", b"[]", b'{"other 5": {"episode": null, "today": {}}}'):
        path.write_bytes(content)
        assert told(run(opened(path), 0, 20, 200)) == ["started"]

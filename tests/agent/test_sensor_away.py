"""A dust sensor that is away: its windows go on by the clock, flagged B, and what was exceeded ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import DeviceLostError
from drivers.readings import Reading
from edge_agent.agent.marks import MarkFile
from edge_agent.agent.memory import RememberingWatch
from edge_agent.agent.sources import DustSource
from edge_agent.agent.worker import Worker
from edge_agent.clock import Clock
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import Draft, DustData, ExceedanceData

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China


class HandClock(Clock):
    """Moved by hand."""

    now = MIDNIGHT

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Pulled:
    """A sensor that speaks each second for two minutes and a half, then is lost, and cannot be opened again."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._left = 150

    def open(self) -> Pulled:
        if not self._left:
            raise DeviceLostError("dust is not there")
        return self

    def read(self, timeout_s: float) -> Reading:
        del timeout_s
        if not self._left:
            raise DeviceLostError("dust was lost")
        self._left -= 1
        self._clock.now += 1
        return Reading(self._clock.now - 1, "dust", {"pm10_ug_m3": 300.0 + self._left % 2})

    def close(self) -> None:
        """Nothing is held."""


def test_windows_of_a_sensor_that_cannot_be_opened_go_on_without_data(tmp_path: Path) -> None:
    """They came only with the sensor's return, so a dead sensor was a silent one for as long as it was dead."""
    clock, drafts = HandClock(), list[Draft]()
    limit = Limit(value_name="pm10_ug_m3", value=150, window_s=60)
    section = DustSensor(driver="x", port="y", limits=[limit], long_windows_s=())
    watch = RememberingWatch(DustWatch(section), tmp_path / "dust.watch")
    sensor = Pulled(clock)
    marks = MarkFile(tmp_path / "dust.mark")
    source = DustSource(
        "dust", sensor.open, watch, lambda _: {}, lambda _, d: drafts.append(d), clock, watch=watch, marks=marks
    )
    worker = Worker("dust", source.body, clock=clock)
    for later_s in (0.0, 60.0, 60.0, 60.0, 60.0, 60.0):
        clock.now += later_s
        with pytest.raises(DeviceLostError):
            source.body(worker)
    windows = [draft.data for draft in drafts if isinstance(draft.data, DustData)]
    told = [(data.values["pm10_ug_m3"].flag, data.values["pm10_ug_m3"].count) for data in windows]
    assert told == [("N", 60), ("N", 60), ("B", 30), ("B", 0), ("B", 0), ("B", 0), ("B", 0)]
    assert windows[-1].values["pm10_ug_m3"].reason == "no reading"
    states = [draft.data.state for draft in drafts if isinstance(draft.data, ExceedanceData)]
    assert states == ["started", "ongoing", "ended"]

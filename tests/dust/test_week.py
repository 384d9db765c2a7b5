"""A week at 1 Hz through the deciders against the plain calculation with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.readings import Quality, Reading
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import DustData, ExceedanceData, ViolationData
from edge_agent.messages.envelope import rfc3339

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China
WEEK_S = 7 * 86400
LIMIT = 150.0


@pytest.mark.slow
def test_a_week_gives_the_exceedances_of_numpy() -> None:
    rng = np.random.default_rng(20260715)
    seconds = np.arange(WEEK_S)
    level = np.repeat(rng.gamma(3, 35, WEEK_S // 300), 300)
    pm10 = np.round(level + rng.normal(0, 8, WEEK_S).clip(-30, 30)).clip(0)
    present = np.ones(WEEK_S, bool)
    normal = np.ones(WEEK_S, bool)
    for start in rng.integers(0, WEEK_S, 60):
        present[start : start + rng.integers(10, 1500)] = False
        other = rng.integers(0, WEEK_S)
        normal[other : other + rng.integers(10, 1500)] = False

    watch = DustWatch(
        DustSensor(driver="x", port="y", report_window_s=60, limits=[Limit(value_name="pm10_ug_m3", value=LIMIT)])
    )
    drafts = []
    for t in seconds[present]:
        quality = Quality.NORMAL if normal[t] else Quality.MAINTENANCE
        drafts += watch.update(Reading(MIDNIGHT + float(t), "dust", {"pm10_ug_m3": float(pm10[t])}, quality))
    drafts += watch.finish()

    windows = (present & normal).reshape(-1, 900)
    counts = windows.sum(axis=1)
    means = np.divide(
        (pm10.reshape(-1, 900) * windows).sum(axis=1), counts, out=np.zeros(len(counts)), where=counts > 0
    )
    near = abs(counts - 675) <= 40  # gaps are bridged for up to 3 s each; keep the count rule out of doubt
    exceeding = (counts >= 675) & (means > LIMIT)
    expected = {rfc3339(MIDNIGHT + 900 * i) for i in np.flatnonzero(exceeding & ~near)}
    doubtful = {rfc3339(MIDNIGHT + 900 * i) for i in np.flatnonzero(near)}
    told = [d.data for d in drafts if isinstance(d.data, ExceedanceData) and d.data.state != "ended"]
    assert len(expected) > 50
    assert {data.start for data in told} - doubtful == expected
    by_start = dict(zip((rfc3339(MIDNIGHT + 900 * i) for i in range(len(means))), means, strict=True))
    for data in told:
        assert data.mean == pytest.approx(by_start[data.start], abs=6e-4)
    violations = [d.data.exceedance for d in drafts if isinstance(d.data, ViolationData)]
    assert {v.exceedance for v in violations if v} == {data.exceedance for data in told}
    assert len(violations) == len({data.exceedance for data in told})

    hours = [d.data for d in drafts if isinstance(d.data, DustData) and d.data.window_s == 3600]
    in_hour = (present & normal).reshape(-1, 3600)
    for data in hours:
        hour = next(i for i in range(168) if rfc3339(MIDNIGHT + 3600 * i) == data.start)
        value = data.values["pm10_ug_m3"]
        assert value.count == in_hour[hour].sum()
        if value.count:
            assert value.mean == pytest.approx(pm10.reshape(-1, 3600)[hour][in_hour[hour]].mean(), abs=6e-4)
    assert len(hours) == 168

"""A week of a station's bytes through ``edge-agent replay``: the exceedances of a plain calculation with NumPy.

The figures of the standards are written here anew, not read from ``config/limits``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pymodbus.framer import FramerRTU

from edge_agent.cli.main import main
from edge_agent.messages.envelope import rfc3339

MIDNIGHT = 1784044800  # 2026-07-15 00:00 in China
STEP_S = 15
WEEK_S = 7 * 86400

MAP = """
title = "two 32-bit registers"
read = [{ register = 0, count = 4 }]
[[value]]
name = "tsp_ug_m3"
register = 0
type = "u32"
range = [0, 9000]
[[value]]
name = "pm10_ug_m3"
register = 2
type = "u32"
range = [0, 9000]
"""


@dataclass
class Week:
    """Readings at ``times`` (seconds since the first midnight); ``normal`` by value, within the station's range.

    TSP leaves its range now and then; PM10, in the same answers, does not.
    """

    times: NDArray[np.int64]
    values: dict[str, NDArray[np.int64]]
    normal: dict[str, NDArray[np.bool_]]
    city: NDArray[np.int64]
    aqi: NDArray[np.int64]

    def windows(self, name: str, window_s: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Means of normal samples, and whether they cover 75 % of the window's time.

        A sample covers the time since the one before it, at most 45 s; after a longer gap 15 s.
        """
        gaps = np.diff(self.times, prepend=self.times[0] - STEP_S)
        covered = np.where(gaps <= 3 * STEP_S, gaps, STEP_S) * self.normal[name]
        number, of = WEEK_S // window_s, self.times // window_s
        count = np.bincount(of, self.normal[name], number)
        total = np.bincount(of, self.values[name] * self.normal[name], number)
        mean = np.divide(total, count, out=np.full(number, np.nan), where=count > 0)
        return mean, np.bincount(of, covered, number) >= 0.75 * window_s


@pytest.fixture(scope="module")
def week() -> Week:
    rng = np.random.default_rng(20260715)
    times = np.arange(0, WEEK_S, STEP_S)
    level = np.repeat(rng.gamma(3, 60, WEEK_S // 600), 600 // STEP_S)
    bursts = np.repeat(rng.choice([0, 0, 0, 0, 350, 900, 1200], WEEK_S // 3600), 3600 // STEP_S)
    tsp = np.round(level + bursts + rng.normal(0, 10, len(times))).clip(1).astype(np.int64)
    pm10 = np.round(tsp * 0.55 + rng.normal(0, 5, len(times))).clip(1).astype(np.int64)
    normal = np.ones(len(times), bool)
    present = np.ones(len(times), bool)
    for at, other in zip(rng.integers(0, len(times), 50), rng.integers(0, len(times), 50), strict=True):
        present[at : at + rng.integers(1, 130)] = False
        normal[other : other + rng.integers(1, 130)] = False
    tsp[~normal] = 9500
    within = {"tsp_ug_m3": normal[present], "pm10_ug_m3": np.ones(present.sum(), bool)}
    hours = WEEK_S // 3600
    city, aqi = rng.integers(20, 160, hours), rng.choice([90, 200, 250, 301], hours)
    return Week(times[present], {"tsp_ug_m3": tsp[present], "pm10_ug_m3": pm10[present]}, within, city, aqi)


@pytest.fixture(scope="module")
def recorded(week: Week, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``week.capture``, the station's map, and the city's hours without the tenth."""
    folder = tmp_path_factory.mktemp("week")
    (folder / "station.toml").write_text(MAP)
    with (folder / "week.capture").open("w") as out:
        for time, tsp, pm10 in zip(week.times, week.values["tsp_ug_m3"], week.values["pm10_ug_m3"], strict=True):
            answer = b"\x01\x03\x08" + int(tsp).to_bytes(4) + int(pm10).to_bytes(4)
            check = FramerRTU.compute_CRC(answer)
            out.write(f"{MIDNIGHT + int(time)}.0 {(answer + check.to_bytes(2)).hex()}\n")
    rows = [
        f"{rfc3339(MIDNIGHT + 3600 * hour)},{week.city[hour]},{week.aqi[hour]},{'pm10' if hour % 2 else 'o3'}"
        for hour in range(len(week.city))
        if hour != 10
    ]
    (folder / "city.csv").write_text("\n".join(["start,pm10_ug_m3,aqi,primary", *rows]))
    return folder


def replayed(folder: Path, capsys: pytest.CaptureFixture[str], limits: str) -> list[dict[str, Any]]:
    config = folder / "post.toml"
    config.write_text(
        '[device]\nid = "post"\nsite = "north"\nkind = "dust"\n'
        f'[[dust]]\ndriver = "modbus-station"\nmodel = "{folder}/station.toml"\nport = "x"\ninterval_s = {STEP_S}\n'
        f'city_file = "{folder}/city.csv"\n{limits}\n'
    )
    assert main(["replay", str(folder / "week.capture"), "--config", str(config), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def said(messages: list[dict[str, Any]], name: str, limit: float) -> tuple[set[str], set[str], int]:
    """Starts of exceeding windows, ids of exceedances, and how many violations were raised."""
    told = [m["data"] for m in messages if m.get("type") == "edge.exceedance.v1"]
    ours = [data for data in told if data["value_name"] == name and data["limit"] == limit]
    raised = [m["data"]["exceedance"] for m in messages if m.get("type") == "edge.violation.v1"]
    violations = [each for each in raised if each["value_name"] == name and each["limit"] == limit]
    assert len({each["exceedance"] for each in violations}) == len(violations), "a violation twice"
    exceeding = {data["start"] for data in ours if data["state"] != "ended"}
    return exceeding, {data["exceedance"] for data in ours}, len(violations)


def expected(
    judged: NDArray[np.float64], valid: NDArray[np.bool_], limit: float, window_s: int, allowed: int
) -> tuple[set[str], int, int]:
    """The exceeding windows, how many exceedances they make, and how many of these break the day's allowance.

    A window at or below the limit ends an exceedance, and so do four in a row that cannot be judged.
    """
    exceeding = valid & (judged > limit)
    day = np.arange(len(judged)) * window_s // 86400
    today = np.array([exceeding[: i + 1][day[: i + 1] == day[i]].sum() for i in range(len(judged))])
    episodes = violations = unjudged = 0
    going = violated = False
    for i, over in enumerate(exceeding):
        unjudged = 0 if valid[i] else unjudged + 1
        if over and not going:
            episodes, going, violated = episodes + 1, True, False
        elif (valid[i] and not over) or unjudged >= 4:
            going = False
        if over and not violated and today[i] > allowed:
            violations, violated = violations + 1, True
    return {rfc3339(MIDNIGHT + window_s * int(i)) for i in np.flatnonzero(exceeding)}, episodes, violations


@pytest.mark.slow
def test_jiangsu(week: Week, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TSP 500 over 15 minutes, 200 less at AQI 200 to 300 led by PM; PM10 80 over the hour above the city's."""
    messages = replayed(recorded, capsys, 'limits = "jiangsu-db32-4437-2022"')
    mean, valid = week.windows("tsp_ug_m3", 900)
    known = np.arange(168) != 10
    hour = np.arange(len(mean)) // 4
    from_hour = np.where(known[hour], hour, hour - 1)
    led = (week.aqi[from_hour] >= 200) & (week.aqi[from_hour] <= 300) & (from_hour % 2 == 1)
    windows, episodes, violations = expected(mean - 200 * led, valid, 500, 900, 0)
    assert len(windows) > 50
    assert len(windows) < (valid & (mean > 500)).sum(), "the adjustment matters"
    exceeding, ids, raised = said(messages, "tsp_ug_m3", 500)
    assert exceeding == windows
    assert (len(ids), raised) == (episodes, violations)

    mean, valid = week.windows("pm10_ug_m3", 3600)
    windows, *_ = expected(mean - week.city, valid & known, 80, 3600, 0)
    assert len(windows) > 20
    exceeding, *_ = said(messages, "pm10_ug_m3", 80)
    assert exceeding == windows, "hours after one without the city's mean wait 48 hours for it, and are judged then"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "limit", "window_s", "allowed"),
    [
        ('limits = "shanghai-db31-964-2016"', 1000, 900, 6),
        ('limits = "liaoning-db21-2642-2016"\nlimits_case = "urban"', 800, 300, 0),
    ],
    ids=["shanghai", "liaoning"],
)
def test_tsp_limits(
    week: Week, recorded: Path, capsys: pytest.CaptureFixture[str], limits: str, limit: int, window_s: int, allowed: int
) -> None:
    messages = replayed(recorded, capsys, limits)
    windows, episodes, violations = expected(*week.windows("tsp_ug_m3", window_s), limit, window_s, allowed)
    assert len(windows) > 10
    exceeding, ids, raised = said(messages, "tsp_ug_m3", limit)
    assert exceeding == windows
    assert (len(ids), raised) == (episodes, violations)
    assert messages[-1]["summary"]["readings"] == len(week.times)

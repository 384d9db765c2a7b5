"""A patrol car: the fixes of a receiver on a pseudo-terminal are in what the real agent sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.errors import BadSettingError
from drivers.readings import Quality, Reading
from drivers.simulated.device import SimulatedDevice
from drivers.table import simulated_sensor
from edge_agent import config, doctor
from edge_agent.agent.position import KEPT, Track
from edge_agent.agent.sources import position_source
from edge_agent.clock import Clock
from edge_agent.messages import Draft, DustData, Message, ViolationData
from edge_agent.messages.dust import Readings
from edge_agent.messages.envelope import rfc3339
from tests.agent.process import AgentProcess
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until

NOON = 1784088000.0


def fix(time: float, latitude_deg: float, **more: float) -> Reading:
    return Reading(time, "position", {"latitude_deg": latitude_deg, "longitude_deg": 118.5, **more})


def test_the_last_fix_before_a_time_counts_while_it_is_fresh() -> None:
    track = Track(stale_s=10)
    track.update(fix(NOON, 32.0600004, speed_m_s=8.333))
    track.update(fix(NOON + 1, 32.0601))
    assert track.at(NOON - 1) is None
    first, second, old = track.at(NOON + 0.5), track.at(NOON + 11), track.at(NOON + 11.1)
    assert first is not None
    assert second is not None
    assert (first.latitude_deg, first.longitude_deg, first.speed_m_s, first.age_s) == (32.06, 118.5, 8.33, 0.5)
    assert (second.latitude_deg, second.speed_m_s, second.age_s) == (32.0601, None, 10)
    assert old is None


def test_no_fix_is_a_problem_and_no_place() -> None:
    track = Track(stale_s=2)
    track.update(fix(NOON, 32.06))
    track.update(Reading(NOON + 5, "position", {}, Quality.FAULT, "no position: no sky"))
    assert track.at(NOON + 5) is None
    assert track.problems() == ["no position: no sky"]
    track.update(fix(NOON + 6, 32.07))
    assert track.problems() == []


def test_a_clock_set_back_forgets_what_lies_ahead_and_old_fixes_go() -> None:
    track = Track(stale_s=10)
    for second in range(KEPT + 5):
        track.update(fix(NOON + second, 32.0))
    assert track.at(NOON + 4) is None
    track.update(fix(NOON + 100, 33.0))
    place = track.at(NOON + 105)
    assert place is not None
    assert place.latitude_deg == 33.0


def test_what_is_recorded_is_placed() -> None:
    track = Track(stale_s=10)
    for second in range(60):
        track.update(fix(NOON + second, 32 + second / 1000))
    readings = Readings(offset_s=[0.0, 59.5, 80.0], quality=["N"] * 3, values={"pm10_ug_m3": [1.0, 2.0, 3.0]})
    window = DustData(sensor="s", start=rfc3339(NOON), window_s=60, values={}, readings=readings)
    placed = track.placed(Draft("dust", NOON + 60, window, subject="s")).data
    assert isinstance(placed, DustData)
    assert placed.position is not None
    assert placed.position.latitude_deg == 32.03
    assert placed.readings is not None
    assert placed.readings.values["latitude_deg"] == [32.0, 32.059, None]
    assert placed.readings.values["pm10_ug_m3"] == [1.0, 2.0, 3.0]
    hour = DustData(sensor="s", start=rfc3339(NOON - 7200), window_s=3600, values={})
    assert track.placed(Draft("dust", NOON + 60, hour)).data.position is None  # type: ignore[attr-defined]
    violation = track.placed(Draft("violation", NOON + 61, ViolationData(kind="muddy_truck", confidence=1.0)))
    assert isinstance(violation.data, ViolationData)
    assert violation.data.position is not None
    assert violation.data.position.latitude_deg == 32.059


def test_a_driver_that_tells_no_position_is_refused() -> None:
    with pytest.raises(BadSettingError, match=r"position\.driver 'nova' tells no position; allowed: nmea"):
        position_source(config.Position(port="x", driver="nova"), Track(10), Clock(), lambda _worker, _draft: None)


@pytest.mark.parametrize(
    ("simulated", "result", "found"),
    [
        ("simulated:?period_s=0.1", "ok", "32.060300, 118.796900 (WGS-84)"),
        ("simulated:?period_s=0.1&fix=0", "warn", "no fix"),
    ],
)
def test_check_tells_where_it_is(tmp_path: Path, simulated: str, result: str, found: str) -> None:
    file = tmp_path / "car.toml"
    file.write_text(
        f'[device]\nid = "car"\nsite = "s"\nkind = "dust"\ndata_dir = "{tmp_path}"\n[position]\nport = "{simulated}"\n'
    )
    [finding] = [each for each in doctor.findings(config.load(file), file) if each.what == "position"]
    assert finding.result == result
    assert found in finding.found


def data(message: Message) -> dict[str, Any]:
    return dict(msgspec.to_builtins(message.data))


@pytest.mark.slow
def test_a_patrol_car(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """It drives north by 0.001 degrees a second; its receiver is pulled out and comes back."""
    north = ",".join(f"{second}={32 + second / 1000:.3f}" for second in range(600))
    receiver = SimulatedDevice(simulated_sensor(f"simulated:nmea?latitude=steps:{north}&period_s=0.5&speed=12"))
    try:
        with Receiver(mosquitto.url) as broker, AgentProcess(tmp_path, mosquitto.url) as agent:
            agent.stop()
            text = agent.config.read_text().replace("warm_up_s = 0", "warm_up_s = 0\npublish_readings = true")
            agent.config.write_text(f'{text}\n[position]\nport = "{receiver.path}"\nstale_s = 2\n')
            agent.start()

            def placed(channel: str) -> list[dict[str, Any]]:
                return [data(m) for m in broker.of(channel) if data(m)["position"] is not None]

            wait_until(lambda: len(placed("dust")) >= 5 and bool(placed("violation")), 60, "places")
            wait_until(lambda: bool(placed("exceedance")), 60, "an exceedance with its place")
            receiver.unplug()
            told = len(broker.of("dust"))
            wait_until(lambda: any(data(m)["position"] is None for m in broker.of("dust")[told:]), 60, "no place")
            wait_until(
                lambda: any("position" in problem for m in broker.of("status") for problem in data(m)["problems"]),
                60,
                "the problem told",
            )
            receiver.plug()
            told = len(broker.of("dust"))
            wait_until(lambda: any(data(m)["position"] for m in broker.of("dust")[told:]), 90, "a place again")
            assert agent.stop() == 0
    finally:
        receiver.close()
    windows = sorted(placed("dust"), key=lambda window: str(window["start"]))
    latitudes = [window["position"]["latitude_deg"] for window in windows]
    assert latitudes == sorted(latitudes)
    assert len(set(latitudes)) >= 4
    assert {window["position"]["longitude_deg"] for window in windows} == {118.7969}
    assert {window["position"]["speed_m_s"] for window in windows} == {12.0}
    columns = [value for window in windows for value in window["readings"]["values"]["latitude_deg"] if value]
    assert columns
    assert set(columns) <= {round(32 + second / 1000, 3) for second in range(600)}
    violation = placed("violation")[0]
    assert violation["kind"] == "dust_exceedance"
    assert 32 <= violation["position"]["latitude_deg"] < 32.6

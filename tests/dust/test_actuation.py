"""Fog cannons: hysteresis, least times, the day's share, and off whenever in doubt."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadSettingError
from drivers.relays import SimulatedRelay, open_relay
from edge_agent.config.actuator import Actuator
from edge_agent.dust.actuation import Actuation
from edge_agent.messages import Draft, DustData, Statistic
from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.site import ActuationData

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China


def dust(end: float, mean: float | None, flag: str = "N") -> Draft:
    value = Statistic(mean=mean, min=mean, max=mean, count=0 if mean is None else 60, flag=flag)
    data = DustData(sensor="dust", start=rfc3339(end - 60), window_s=60, values={"pm10_ug_m3": value})
    return Draft("dust", end, data)


def settings(**over: float) -> Actuator:
    return Actuator(**({"port": "simulated:", "on_above": 150.0, "off_below": 100.0} | over))  # type: ignore[arg-type]


def run(actuation: Actuation, relay: SimulatedRelay, means: list[float | None], start: float = MIDNIGHT) -> list[str]:
    reasons = []
    for i, mean in enumerate(means, 1):
        now = start + 60 * i
        drafts = actuation.update(dust(now, mean, "N" if mean is not None else "D"))
        for second in range(1, 60):
            drafts += actuation.tick(now + second)
        for draft in drafts:
            assert isinstance(draft.data, ActuationData)
            relay._now = lambda time=draft.time: time
            relay.switch(draft.data.on)
            reasons.append(draft.data.reason)
    return reasons


def test_hysteresis_and_least_times() -> None:
    relay = SimulatedRelay()
    actuation = Actuation(settings(min_on_s=120, min_off_s=180))
    reasons = run(actuation, relay, [50, 160, 120, 90, 160, 160, 160, 50])
    assert [(time - MIDNIGHT, on) for time, on in relay.history] == [(120, True), (240, False), (420, True)]
    assert reasons == ["pm10_ug_m3 160 above 150", "pm10_ug_m3 90 below 100", "pm10_ug_m3 160 above 150"]


def test_without_valid_data_it_goes_off_though_its_least_time_is_not_over() -> None:
    relay = SimulatedRelay()
    reasons = run(Actuation(settings(min_on_s=86400, stale_s=120)), relay, [200, 200, None, None, None, None])
    assert [(time - MIDNIGHT, on) for time, on in relay.history] == [(60, True), (241, False)]
    assert reasons[-1] == "no valid pm10_ug_m3 for 120 s"


def test_the_days_share_is_kept_and_begins_anew_at_midnight() -> None:
    relay = SimulatedRelay()
    run(Actuation(settings(max_on_s=600, min_off_s=0)), relay, [200.0] * 60, MIDNIGHT - 1800)
    times = [(round(time - MIDNIGHT), on) for time, on in relay.history]
    assert times == [(-1740, True), (-1140, False), (0, True), (600, False)]


@given(st.lists(st.one_of(st.none(), st.floats(0, 400)), max_size=120), st.integers(0, 600), st.integers(0, 600))
def test_it_never_chatters_and_never_exceeds_its_day(means: list[float | None], min_on: int, min_off: int) -> None:
    relay = SimulatedRelay()
    chosen = settings(min_on_s=min_on, min_off_s=min_off, max_on_s=1800, stale_s=150)
    actuation = Actuation(chosen)
    run(actuation, relay, means)
    assert [on for _, on in relay.history] == [i % 2 == 0 for i in range(len(relay.history))]
    changes = [*relay.history, (MIDNIGHT + 60 * len(means) + 59, False)]
    total = sum(end - begin for (begin, on), (end, _) in pairwise(changes) if on)
    assert all(end - begin >= min_off for (begin, on), (end, _) in pairwise(relay.history) if not on)
    assert total <= 1800 + 1


def test_it_is_off_when_the_agent_stops() -> None:
    actuation = Actuation(settings())
    actuation.update(dust(MIDNIGHT + 60, 200))
    assert [d.data.on for d in actuation.finish(MIDNIGHT + 61)] == [False]  # type: ignore[attr-defined]
    assert actuation.finish(MIDNIGHT + 62) == []


def test_relays_are_opened_by_their_port() -> None:
    relay = open_relay("simulated:", now=lambda: 5.0)
    relay.switch(True)
    relay.close()
    assert isinstance(relay, SimulatedRelay)
    assert relay.history == [(5.0, True), (5.0, False)]
    for wrong in ("", "gpio:17", "gpio:/dev/gpiochip0/x", "modbus:?unit=1", "modbus:/dev/x?speed=9", "serial:/dev/x"):
        with pytest.raises(BadSettingError, match="is no relay; write"):
            open_relay(wrong)


def test_thresholds_must_leave_room_between() -> None:
    with pytest.raises(ValueError, match="off_below: 150 must be under on_above 150"):
        settings(off_below=150.0)

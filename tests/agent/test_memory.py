"""A dust watch over restarts: one exceedance, one violation; a site card over restarts: its day."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.readings import Reading
from edge_agent.agent.memory import RememberingActuation, RememberingCard, RememberingWatch
from edge_agent.config.actuator import Actuator
from edge_agent.config.card import read_rules
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.actuation import Actuation
from edge_agent.dust.card import SiteCard
from edge_agent.dust.city import CityAir
from edge_agent.dust.watch import DustWatch
from edge_agent.messages import CorrectionData, Draft, DustData, ExceedanceData, Statistic, ViolationData
from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.site import ActuationData, CardData

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


def hourly(path: Path) -> RememberingWatch:
    """A post with a limit on the hour, one on 15 rolling minutes, and every kind of value."""
    limits = [
        Limit(value_name="pm10_ug_m3", value=150, window_s=3600),
        Limit(value_name="pm10_ug_m3", value=190, alignment="rolling"),
    ]
    return RememberingWatch(DustWatch(DustSensor(driver="x", port="y", interval_s=10, limits=limits)), path)


def seconds(watch: RememberingWatch, first: int, last: int) -> list[Draft]:
    drafts = []
    for t in range(first, last, 10):
        values = {"pm10_ug_m3": 200.0 + t % 3, "noise_db": 50.0 + t % 7, "wind_direction_deg": (350.0 + t % 20) % 360}
        drafts += watch.update(Reading(MIDNIGHT + t, "dust", values))
    return drafts


@pytest.mark.parametrize("killed", [True, False], ids=["power cut", "stopped"])
def test_who_pulls_the_plug_every_half_hour_is_judged_all_the_same(tmp_path: Path, killed: bool) -> None:
    """A restart left each hour in two parts, neither of them long enough for its limit."""
    drafts = []
    for start in range(0, 7200, 1800):
        post = hourly(tmp_path / "dust.watch")
        drafts += seconds(post, start + 60 * (start > 0), start + 1800)
        drafts += [] if killed else post.finish()
    drafts += seconds(hourly(tmp_path / "dust.watch"), 7260, 7400)
    hours = [d.data for d in drafts if isinstance(d.data, DustData) and d.data.window_s == 3600]
    assert [hour.start[11:16] for hour in hours] == ["16:00", "17:00"]
    least = 0.93 if killed else 0.96
    assert all(least < hour.values["pm10_ug_m3"].share < 0.99 for hour in hours)
    told = [d.data for d in drafts if isinstance(d.data, ExceedanceData)]
    assert [(e.state, e.start[11:16]) for e in told if e.alignment == "aligned"] == [
        ("started", "16:00"),
        ("ongoing", "17:00"),
    ]
    assert len({e.exceedance for e in told if e.alignment == "rolling"}) == 1


def test_an_hour_over_a_restart_is_the_hour_without_one(tmp_path: Path) -> None:
    """Stopped between two readings and started again at once: nothing differs, levels and directions included."""
    whole = seconds(hourly(tmp_path / "a.watch"), 0, 3610)
    first = hourly(tmp_path / "b.watch")
    parts = seconds(first, 0, 1800) + first.finish()
    parts += seconds(hourly(tmp_path / "b.watch"), 1800, 3610)

    def hour(drafts: list[Draft]) -> DustData:
        [found] = [d.data for d in drafts if isinstance(d.data, DustData) and d.data.window_s == 3600]
        return found

    assert hour(parts) == hour(whole)
    assert hour(whole).values["noise_db"].levels


def test_hours_that_wait_for_the_citys_air_outlast_a_restart(tmp_path: Path) -> None:
    """A post that was restarted before the city spoke never judged the hours until then."""
    limit = Limit(value_name="pm10_ug_m3", value=80, window_s=3600, background="pm10_ug_m3")
    section = DustSensor(driver="x", port="y", interval_s=60, limits=[limit])

    def post() -> RememberingWatch:
        return RememberingWatch(DustWatch(section), tmp_path / "dust.watch")

    first = post()
    first.city(CityAir(MIDNIGHT + 3600, {"pm10_ug_m3": 150.0}))
    assert told(run(first, 0, 122, 200)) == []
    assert told(post().city(CityAir(MIDNIGHT, {"pm10_ug_m3": 50.0}))) == ["started", "violation", "ended"]


def test_one_that_was_left_behind_ends_with_the_next_window(tmp_path: Path) -> None:
    path = tmp_path / "dust.watch"
    run(opened(path), 0, 20, 200)
    drafts = run(opened(path), 6 * 60, 20, 200)
    assert told(drafts) == ["ended", "started", "violation"]
    ended = next(d.data for d in drafts if getattr(d.data, "state", "") == "ended")
    assert ended.reason == "no valid data: a gap"  # type: ignore[attr-defined]


def test_a_broken_or_foreign_memory_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "dust.watch"
    for content in (b"", b"\x00\xff", b"[]", b'{"limits": {"other 5": {"episode": null, "today": {}}}}'):
        path.write_bytes(content)
        assert told(run(opened(path), 0, 20, 200)) == ["started"]


def card_of(path: Path, sensors: tuple[str, ...] = ("dust",)) -> RememberingCard:
    return RememberingCard(SiteCard(read_rules("default")), path, sensors)


def said(card: RememberingCard, first: int, minutes: int, sensor: str = "dust") -> list[CardData]:
    """Whole windows of ten minutes."""
    drafts = []
    for i in range(first, first + minutes, 10):
        value = Statistic(mean=10, min=1, max=20, count=600, flag="N")
        data = DustData(sensor=sensor, start=rfc3339(MIDNIGHT + 60 * i), window_s=600, values={"pm10_ug_m3": value})
        drafts += card.update(Draft("dust", MIDNIGHT + 60 * i + 600, data))
    return [draft.data for draft in drafts if isinstance(draft.data, CardData)]


def test_a_card_goes_on_with_its_day(tmp_path: Path) -> None:
    path = tmp_path / "site.card"
    before = card_of(path)
    said(before, 0, 600)
    muddy = ViolationData(kind="muddy_truck", confidence=0.9)
    before.update(Draft("violation", MIDNIGHT + 36010, muddy), "v1")
    after = said(card_of(path), 660, 300)
    assert after[0].colour == "yellow"
    assert after[0].since == rfc3339(MIDNIGHT + 36010)
    assert after[0].inputs["violations.muddy_truck"] == 1
    assert after[-1].watched_s == pytest.approx(960 * 60, abs=3600)
    assert after[-1].inputs["availability"] == pytest.approx(900 / 960, abs=0.005), "an hour was lost"


def test_a_violation_of_before_can_be_voided_after(tmp_path: Path) -> None:
    path = tmp_path / "site.card"
    before = card_of(path)
    before.update(Draft("violation", MIDNIGHT, ViolationData(kind="muddy_truck", confidence=0.9)), "v1")
    voided = CorrectionData(of="v1", of_channel="violation", action="void", by="Li", reason="x", time="")
    [draft] = card_of(path).update(Draft("correction", MIDNIGHT + 60, voided), "c1")
    assert isinstance(draft.data, CardData)
    assert (draft.data.colour, draft.data.inputs["violations"]) == ("green", 0)


def test_a_sensor_that_was_taken_away_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "site.card"
    before = card_of(path, ("old",))
    said(before, 0, 300, "old")
    after = said(card_of(path, ("new",)), 300, 300, "new")
    assert after[-1].inputs["availability"] == 1


def test_a_broken_memory_of_the_card_begins_anew_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "site.card"
    for content in (b"", b"\x00\xff", b"[]", b'{"events": [1]}', b'{"valid": [{"start": 1}]}'):
        path.write_bytes(content)
        card = card_of(path)
        assert said(card, 0, 20)[0].colour == "green"
        card.close()
        assert card_of(path).tick(MIDNIGHT + 1200)[0].data.watched_s == 1200  # type: ignore[attr-defined]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    card = card_of(tmp_path / "absent" / "site.card")
    assert said(card, 0, 20)[0].colour == "green"


def test_a_restart_gives_a_fog_cannon_no_second_day_s_share(tmp_path: Path) -> None:
    section = Actuator(port="simulated:", on_above=150, off_below=100, max_on_s=1200, min_off_s=0)

    def relay() -> RememberingActuation:
        return RememberingActuation(Actuation(section), tmp_path / "fog.relay")

    def switched(relay: RememberingActuation, first: int, minutes: int) -> list[tuple[bool, int]]:
        drafts = []
        for i in range(first, first + minutes):
            value = Statistic(mean=200, min=1, max=300, count=60, flag="N")
            data = DustData(sensor="dust", start=rfc3339(MIDNIGHT + 60 * i), window_s=60, values={"pm10_ug_m3": value})
            drafts += relay.update(Draft("dust", MIDNIGHT + 60 * i + 60, data))
        return [(d.data.on, round((d.time - MIDNIGHT) / 60)) for d in drafts if isinstance(d.data, ActuationData)]

    assert switched(relay(), 0, 11) == [(True, 1)], "killed in the eleventh minute"
    assert switched(relay(), 20, 30) == [(True, 21), (False, 31)], "ten of twenty minutes were left"
    assert switched(relay(), 60, 60) == []
    assert switched(relay(), 1440, 1) == [(True, 1441)], "the next day"


def test_a_broken_memory_of_a_relay_begins_anew(tmp_path: Path) -> None:
    section = Actuator(port="simulated:", on_above=150, off_below=100)
    (tmp_path / "fog.relay").write_text("nonsense")
    assert RememberingActuation(Actuation(section), tmp_path / "fog.relay").tick(MIDNIGHT) == []

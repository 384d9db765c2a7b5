"""The site card: colours by rules, inputs that tell why, repeats and what leaves the window."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from drivers.readings import Quality, Reading
from edge_agent.config.card import CardRules, read_rules
from edge_agent.config.dust import DustSensor, Limit
from edge_agent.dust.card import SiteCard
from edge_agent.dust.watch import DustWatch
from edge_agent.errors import ConfigError
from edge_agent.messages import Change, CorrectionData, Draft, DustData, Statistic, ViolationData
from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.site import CardData

MIDNIGHT = 1784044800.0  # 2026-07-15 00:00 in China


def dust(end: float, share: float = 1.0) -> Draft:
    value = Statistic(mean=10, min=1, max=20, count=60, flag="N", share=share)
    data = DustData(sensor="dust", start=rfc3339(end - 60), window_s=60, values={"pm10_ug_m3": value})
    return Draft("dust", end, data)


def feed(card: SiteCard, *drafts: Draft) -> list[CardData]:
    return [d.data for draft in drafts for d in card.update(draft) if isinstance(d.data, CardData)]


def test_a_clean_day_is_green_and_said_once_an_hour() -> None:
    card = SiteCard(read_rules("default"))
    said = feed(card, *(dust(MIDNIGHT + 60 * i) for i in range(1, 1441)))
    assert {data.colour for data in said} == {"green"}
    assert len(said) == 24
    assert said[-1].inputs == {"exceedances": 0, "exceeding_windows": 0, "violations": 0, "availability": 1}
    assert said[-1].watched_s == pytest.approx(86400, abs=3600)


def test_violations_turn_it_yellow_then_red_and_the_day_lets_go_of_them() -> None:
    card = SiteCard(read_rules("default"))
    muddy = [
        Draft("violation", MIDNIGHT + 600 * i, ViolationData(kind="muddy_truck", confidence=0.9)) for i in range(3)
    ]
    said = feed(card, dust(MIDNIGHT), *muddy)
    assert [data.colour for data in said] == ["green", "yellow", "yellow", "red"]
    assert said[-1].reasons == ["violations 3, red when at least 3"]
    assert said[-1].inputs["violations.muddy_truck"] == 3
    later = feed(card, *(dust(MIDNIGHT + 60 * i) for i in range(21, 1470)))
    assert [(d.colour, d.since) for d in later if d.colour != "red"][:1] == [("yellow", "2026-07-15T16:00:00.000Z")]
    assert later[-1].colour == "green"


def test_gaps_in_the_data_turn_it_yellow_and_red() -> None:
    card = SiteCard(read_rules("default"))
    good = [dust(MIDNIGHT + 60 * i) for i in range(1, 61)]
    bad = [dust(MIDNIGHT + 60 * i, share=0.0) for i in range(61, 180)]
    colours = [data.colour for data in feed(card, *good, *bad)]
    assert list(dict.fromkeys(colours)) == ["green", "yellow", "red"]


def test_exceedances_of_a_real_watch_are_counted() -> None:
    watch = DustWatch(
        DustSensor(driver="x", port="y", interval_s=60, limits=[Limit(value_name="pm10_ug_m3", value=150)])
    )
    card = SiteCard(read_rules("default"))
    said: list[CardData] = []
    for i in range(90):
        value = 200.0 + i % 2 if i >= 30 else 20.0 + i % 2
        for draft in watch.update(Reading(MIDNIGHT + 60 * i, "dust", {"pm10_ug_m3": value}, Quality.NORMAL)):
            said += feed(card, draft)
    assert said[-1].colour == "yellow"
    assert (said[-1].inputs["exceedances"], said[-1].inputs["exceeding_windows"]) == (1, 3)


def test_rules_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"post\.toml: card\.rules: 'utopia' are no rules.*default"):
        read_rules("utopia", "post.toml")
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\n[[rule]]\ncolour = "red"\ninput = "rain"\nat_least = 1\n')
    with pytest.raises(ConfigError, match=r"input 'rain' is not one of exceedances"):
        read_rules(str(own))
    with pytest.raises(msgspec.ValidationError, match="either at_least or below"):
        msgspec.convert({"name": "x", "rule": [{"colour": "red", "input": "violations"}]}, CardRules)


def test_a_violation_counts_by_its_newest_correction() -> None:
    card = SiteCard(read_rules("default"))

    def counted(draft: Draft, key: str) -> tuple[str, dict[str, float]]:
        said = [d.data for d in card.update(draft, key) if isinstance(d.data, CardData)]
        assert len(said) == 1
        counts = {name: value for name, value in said[0].inputs.items() if name.startswith("violations")}
        return said[0].colour, counts

    def correction(action: str, kind: str = "") -> Draft:
        changes = [Change(field="kind", before="muddy_truck", after=kind)] if kind else []
        data = CorrectionData(
            of="v1",
            of_channel="violation",
            action=action,
            by="Li",
            reason="x",
            time="",
            changes=changes,  # type: ignore[arg-type]
        )
        return Draft("correction", MIDNIGHT + 60, data)

    muddy = Draft("violation", MIDNIGHT, ViolationData(kind="muddy_truck", confidence=0.9))
    assert counted(muddy, "v1") == ("yellow", {"violations": 1, "violations.muddy_truck": 1})
    assert counted(muddy, "v2")[1]["violations"] == 2
    assert counted(correction("void"), "c1")[1] == {"violations": 1, "violations.muddy_truck": 1}
    assert counted(correction("correct", "unwashed_exit"), "c2")[1] == {
        "violations": 2,
        "violations.muddy_truck": 1,
        "violations.unwashed_exit": 1,
    }
    assert counted(correction("void"), "c3")[1] == {"violations": 1, "violations.muddy_truck": 1}

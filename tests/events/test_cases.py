"""What a raised violation is for the city: codes, ids, deadlines, severity, and who must look."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from edge_agent.config import Config, Device, Events, Gate, load
from edge_agent.config.events import read_codes, read_holidays
from edge_agent.config.gate import Camera, Hours, Wash
from edge_agent.config.review import Review
from edge_agent.doctor import config_findings
from edge_agent.errors import ConfigError
from edge_agent.events.cases import Cases, Coder, kinds_in_use, needs_review, severity
from edge_agent.messages import CaseData, ExceedanceData, ViolationData

FRIDAY_NIGHT = 1789746060.0  # 2026-09-18 23:41 in China
CAMERA = Camera(source="frames")
GATE = Gate(camera=CAMERA, line=((0.1, 0.5), (0.9, 0.5)))


def config(events: Events | None, **gate: object) -> Config:
    whole = Gate(camera=CAMERA, line=((0.1, 0.5), (0.9, 0.5)), **gate)  # type: ignore[arg-type]
    return Config(device=Device(id="d", site="s", kind="gate"), gate=[whole], events=events)


def case(codes: str, kind: str, **settings: object) -> CaseData | None:
    serials = count(7)
    return Coder(Events(codes=codes, **settings)).case(kind, FRIDAY_NIGHT, lambda: next(serials))  # type: ignore[arg-type]


def exceedance(peak: float, *, confirmed: bool = True, share: float = 1.0) -> ViolationData:
    data = ExceedanceData(
        exceedance="e", state="started", sensor="dust", value_name="tsp_ug_m3", limit=500.0, mean=peak,
        start="", end="", window_s=900, valid_share=share, judged=peak, since="", until="", windows=1, peak=peak,
        count_today=1, confirmed=confirmed,
    )  # fmt: skip
    return ViolationData(kind="dust_exceedance", confidence=1.0, exceedance=data)


def test_an_event_id_has_district_class_type_and_serial() -> None:
    found = case("family-b", "muddy_truck", district="320602")
    assert found is not None
    assert (found.code, found.event) == ("200313", "3206020301300007")
    assert len(found.event) == 16
    other = case("family-a", "illegal_parking", district="320602")
    assert other is not None
    assert (other.code, other.name, other.event) == ("04-09", "机动车乱停放", "3206020400900007")


def test_a_night_violation_is_due_at_noon_of_the_next_working_day() -> None:
    found = case("family-b", "uncovered_load")
    assert found is not None
    assert found.event == ""
    assert (found.limit_h, found.deadline) == (4, "2026-09-21T04:00:00.000Z")  # Monday 12:00
    with_days = case("family-b", "uncovered_load", holidays="holidays-2026")
    assert with_days is not None
    assert with_days.deadline == "2026-09-20T04:00:00.000Z"  # that Sunday is worked


def test_an_urgent_type_counts_round_the_clock(tmp_path: Path) -> None:
    text = (Path("config/events/family-b.toml")).read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("[kind.spillage]", "[kind.spillage]\nurgent = true"), encoding="utf-8")
    found = case(str(own), "spillage")
    assert found is not None
    assert found.deadline == "2026-09-18T19:41:00.000Z"


def test_nothing_unconfirmed_makes_a_confirmed_case(tmp_path: Path) -> None:
    text = (
        Path("config/events/family-b.toml").read_text(encoding="utf-8").replace("confirmed = false", "confirmed = true")
    )
    days = (
        Path("config/events/holidays-2026.toml")
        .read_text(encoding="utf-8")
        .replace("confirmed = false", "confirmed = true")
    )
    own, sure = tmp_path / "own.toml", tmp_path / "days.toml"
    own.write_text(text, encoding="utf-8")
    sure.write_text(days, encoding="utf-8")

    def confirmed(codes: str, holidays: str) -> bool:
        found = case(codes, "muddy_truck", holidays=holidays)
        assert found is not None
        return found.confirmed

    assert confirmed(str(own), str(sure))
    assert not confirmed("family-b", str(sure))
    assert not confirmed(str(own), "holidays-2026")
    assert not confirmed(str(own), "")
    sure.write_text("years = [2025]\nholidays = [2025-10-01]\nconfirmed = true", encoding="utf-8")
    assert not confirmed(str(own), str(sure))


def test_the_kinds_a_configuration_can_raise() -> None:
    assert kinds_in_use(config(None)) == {"muddy_truck", "uncovered_load"}
    wash = Wash(zone=[(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)])
    assert {"unwashed_exit", "outside_hours"} <= kinds_in_use(config(None, wash=wash, hours=Hours(permitted=[])))


def test_a_map_without_a_kind_in_use_is_refused_with_its_key() -> None:
    hours = Hours(permitted=["22:00-05:00"])
    with pytest.raises(ConfigError, match=r"events\.codes\.kind\.outside_hours.*without_case") as refused:
        Cases(config(Events(codes="family-a"), hours=hours), "gate.toml")
    assert refused.value.key == "events.codes.kind.outside_hours"
    cases = Cases(config(Events(codes="family-a", without_case=["outside_hours"]), hours=hours), "gate.toml")
    raised = cases.raised(ViolationData(kind="outside_hours", confidence=0.9), FRIDAY_NIGHT, lambda: 1)
    assert raised.case is None


@pytest.mark.parametrize("name", ["family-a", "family-b"])
def test_the_shipped_maps_say_what_is_unconfirmed(name: str) -> None:
    codes = read_codes(Events(codes=name))
    assert not codes.id_confirmed
    assert not any(code.limit_confirmed for code in codes.kind.values())
    assert not codes.kind["muddy_truck"].confirmed or name == "family-b"
    days = read_holidays(Events(codes=name, holidays="holidays-2026"))
    assert days is not None
    assert not days.confirmed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"', "kind"),
        ('name = "x"\nkind = {}\nworking_hours = ["08:00-12:00", "11:00-18:00"]', "11:00-18:00"),
        ('name = "x"\nkind = {}\nworking_hours = ["22:00-06:00"]', "22:00-06:00"),
        ('name = "x"\n[kind.parking]\n', "parking"),
        (
            'name = "x"\n[kind.spillage]\ncode="1"\ncategory="a"\nname="b"\nclass_code="1"\ntype_code="001"',
            "class_code",
        ),
        ("name = [", "end of document"),
    ],
)
def test_a_bad_map_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as refused:
        read_codes(Events(codes=str(file)))
    assert refused.value.file == str(file)


def test_the_entry_of_a_map_that_is_wrong_is_named_and_not_dots(tmp_path: Path) -> None:
    """msgspec writes ``kind[...].class_code`` for whichever it is."""
    shipped = Path("config/events/family-b.toml").read_text(encoding="utf-8")
    begin = shipped.index("[kind.spillage]")
    file = tmp_path / "own.toml"
    wrong = (
        ("kind.spillage.class_code", 'class_code = "03"', 'class_code = "003"', "Expected 2 digits, given '003'"),
        ("kind.spillage.limit_h", "limit_h = 4", "limit_h = -4", "given -4"),
        ("kind.spilage", "[kind.spillage]", "[kind.spilage]", "did you mean 'spillage'"),
    )
    for key, right, mistaken, said in wrong:
        file.write_text(shipped[:begin] + shipped[begin:].replace(right, mistaken, 1), encoding="utf-8")
        with pytest.raises(ConfigError) as refused:
            read_codes(Events(codes=str(file)))
        assert refused.value.key == key
        assert said in refused.value.problem


def test_an_unknown_map_names_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match=r"family-a, family-b$"):
        read_codes(Events(codes="family-c"), "gate.toml")
    with pytest.raises(ConfigError, match=r"one of holidays-2026$"):
        read_holidays(Events(codes="family-a", holidays="2027"), "gate.toml")


@pytest.mark.parametrize(
    "text",
    [
        "years = [2026]\nholidays = [2026-10-01]\nworkdays = [2026-10-01]",
        "years = [2026]\nholidays = [2027-01-01]",
        'years = [2026]\nholidays = ["soon"]',
    ],
)
def test_bad_holidays_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "days.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"days\.toml"):
        read_holidays(Events(codes="family-a", holidays=str(file)))


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ('[events]\ncodes = "family-a"\ndistrict = "32060"', "events.district"),
        ('[events]\ncodes = "family-a"\nserials = [9, 3]', "events.serials"),
        ('[events]\ncodes = "family-a"\nwithout_case = ["parking"]', "events.without_case"),
        ("[review.sure]\nmuddy_truck = 2.0", "review.sure"),
        ('[review.severity]\nmuddy_truck = "grave"', "review.severity"),
    ],
)
def test_bad_sections_are_refused_with_the_key(tmp_path: Path, section: str, key: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(f'[device]\nid = "d"\nsite = "s"\nkind = "gate"\n{section}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert refused.value.key.startswith(key)


def test_mud_and_load_need_a_review_unless_really_confident() -> None:
    for kind in ("muddy_truck", "uncovered_load"):
        assert needs_review(ViolationData(kind=kind, confidence=0.95), Review())  # type: ignore[arg-type]
        assert not needs_review(ViolationData(kind=kind, confidence=0.98), Review())  # type: ignore[arg-type]
    always = Review(sure={"muddy_truck": 1.01})
    assert needs_review(ViolationData(kind="muddy_truck", confidence=1.0), always)


def test_an_exceedance_needs_a_review_where_its_limit_or_its_data_are_doubtful() -> None:
    assert not needs_review(exceedance(600), Review())
    assert needs_review(exceedance(600, confirmed=False), Review())
    assert needs_review(exceedance(600, share=0.7), Review())


def test_severity_is_of_the_kind_and_of_how_far_a_limit_was_exceeded() -> None:
    assert severity(ViolationData(kind="spillage", confidence=0.5), Review()) == "urgent"
    assert severity(exceedance(999), Review()) == "minor"
    assert severity(exceedance(1000), Review()) == "major"
    assert severity(exceedance(999), Review(severity={"dust_exceedance": "urgent"})) == "urgent"


def test_check_refuses_a_map_without_a_kind_in_use_and_warns_of_what_is_unconfirmed() -> None:
    whole = config(Events(codes="family-b"), hours=Hours(permitted=["22:00-05:00"]))
    refused = [each for each in config_findings(whole, Path("gate.toml")) if each.what == "events"]
    assert [each.result for each in refused] == ["fail"]
    assert "gate.toml: events.codes.kind.outside_hours" in refused[0].found
    found = [
        each for each in config_findings(config(Events(codes="family-b")), Path("g.toml")) if each.what == "events"
    ]
    assert [each.result for each in found] == ["ok", "warn", "warn"]
    assert "muddy_truck 200313" in found[0].found

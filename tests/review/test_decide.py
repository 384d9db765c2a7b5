"""What a review may say of a violation or a stay, and what follows."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.review.decide import Outcome, ReviewCommand, decide, standing_of

MUD = {"kind": "muddy_truck", "load": "covered", "wheels": "muddy"}
STAY = {"bay": "A1", "label": "car", "in_time": "2026-07-15T10:00:00.000Z", "out_time": ""}


def review(standing: dict[str, str], **words: object) -> Outcome:
    of = {"stay": "s"} if "bay" in standing else {"violation": "v"}
    command = {"id": "c", "by": "Li", "reason": "looked", **of, **words}
    return decide(msgspec.convert(command, ReviewCommand), standing)


def changed(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {change.field: (change.before, change.after) for change in outcome.changes}


def test_confirming_changes_nothing_and_labels_what_was_judged() -> None:
    found = review(MUD, action="confirm", reason="")
    assert (found.changes, found.standing, found.labels) == ([], MUD, {"wheels": "muddy"})
    open_load = review(MUD | {"kind": "uncovered_load", "load": "uncovered"}, action="confirm")
    assert open_load.labels == {"load": "uncovered"}
    assert review(MUD | {"kind": "unwashed_exit"}, action="confirm").labels == {}
    assert review({"kind": "dust_exceedance"}, action="confirm").labels == {}


def test_correcting_says_before_and_after() -> None:
    found = review(MUD, action="correct", kind="uncovered_load", load="uncovered", wheels="dusty")
    assert changed(found) == {
        "kind": ("muddy_truck", "uncovered_load"),
        "load": ("covered", "uncovered"),
        "wheels": ("muddy", "dusty"),
    }
    assert found.labels == {"load": "uncovered", "wheels": "dusty"}
    assert changed(review(found.standing, action="correct", wheels="clean")) == {"wheels": ("dusty", "clean")}


def test_voiding_labels_what_the_pictures_show_and_never_the_unknown() -> None:
    found = review(MUD, action="void", wheels="clean", load="unknown")
    assert (found.changes, found.labels) == ([], {"wheels": "clean"})


def test_a_stay_is_corrected_by_its_own_fields() -> None:
    found = review(STAY, action="correct", set={"out_time": "2026-07-15T19:00:00+08:00"})
    assert changed(found) == {"out_time": ("", "2026-07-15T19:00:00+08:00")}
    assert review(STAY, action="void").changes == []


@pytest.mark.parametrize(
    ("standing", "words", "said"),
    [
        (MUD, {"action": "correct"}, "nothing would change.*kind 'muddy_truck'"),
        (MUD, {"action": "correct", "wheels": "muddy"}, "nothing would change"),
        (MUD, {"action": "correct", "wheels": "clean"}, "wheels 'clean' is no muddy_truck.*void"),
        (MUD, {"action": "correct", "kind": "uncovered_load"}, "load 'covered' is no uncovered_load"),
        (MUD, {"action": "correct", "kind": "spillage"}, "allowed|only a truck's passage"),
        (MUD, {"action": "confirm", "wheels": "clean"}, "wheels does not go with confirm"),
        (MUD, {"action": "void", "kind": "uncovered_load"}, "kind does not go with void here; allowed: load, wheels"),
        (MUD, {"action": "void", "reason": ""}, "reason is missing"),
        (MUD, {"action": "correct", "set": {"bay": "A2"}}, "set is for a stay"),
        ({"kind": "dust_exceedance"}, {"action": "correct", "load": "empty"}, "load does not go with correct"),
        ({"kind": "dust_exceedance"}, {"action": "correct", "kind": "muddy_truck"}, "only a truck's passage"),
        (STAY, {"action": "correct", "wheels": "clean"}, "a stay takes set with bay"),
        (STAY, {"action": "correct", "set": {"camera": "x"}}, "camera does not go with correct"),
        (STAY, {"action": "correct", "set": {"out_time": "noon"}}, "no time with a zone"),
        (STAY, {"action": "correct", "set": {"out_time": "2026-07-15T09:00:00Z"}}, "is before in_time"),
        (MUD, {"action": "confirm", "stay": "s"}, "either violation or stay"),
        (MUD, {"action": "confirm", "violation": ""}, "either violation or stay"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_allowed(
    standing: dict[str, str], words: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        review(standing, **words)


TEXT = st.sampled_from(["", "v"]) | st.text(max_size=20)


@given(
    st.sampled_from([MUD, STAY, {"kind": "dust_exceedance"}]),
    st.builds(
        ReviewCommand,
        id=st.just("c"),
        by=st.just("Li"),
        action=st.sampled_from(["confirm", "correct", "void"]),
        violation=TEXT,
        stay=TEXT,
        reason=TEXT,
        kind=st.none() | st.sampled_from(["muddy_truck", "uncovered_load", "spillage"]),
        load=st.none() | st.sampled_from(["covered", "uncovered", "empty", "unknown"]),
        wheels=st.none() | st.sampled_from(["clean", "dusty", "muddy", "unknown"]),
        set=st.dictionaries(st.sampled_from(["bay", "in_time", "out_time", "x"]), TEXT, max_size=2),
    ),
)
def test_any_command_is_refused_or_keeps_what_it_does_not_name(
    standing: dict[str, str], command: ReviewCommand
) -> None:
    try:
        found = decide(command, standing)
    except ValueError:
        return
    assert found.standing == {**standing, **{change.field: change.after for change in found.changes}}
    assert all(change.before == standing[change.field] != change.after for change in found.changes)
    assert (command.action == "correct") == bool(found.changes)


def test_what_stands_is_read_from_the_message() -> None:
    passage = {"load": {"state": "empty"}, "wheels": {"state": "unknown"}}
    assert standing_of("violation", {"kind": "unwashed_exit", "passage": passage}) == {
        "kind": "unwashed_exit",
        "load": "empty",
        "wheels": "unknown",
    }
    assert standing_of("violation", {"kind": "spillage", "passage": None}) == {"kind": "spillage"}
    assert standing_of("stay", {"bay": "A1", "dwell_s": 3.0}) == {
        "bay": "A1",
        "label": "",
        "in_time": "",
        "out_time": "",
    }

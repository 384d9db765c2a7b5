"""Whatever is seen, in whatever order: states do not flap, stays do not overlap, nothing is lost over a restart."""

from __future__ import annotations

from datetime import datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.messages.parking import StayData
from edge_agent.parking.occupancy import BayMemory, Occupancy
from edge_agent.parking.stays import StayMemory, Stays
from edge_agent.parking.witness import Look, Stands
from tests.parking.actors import NAMES, SECTION

VOTES = st.sampled_from(["free", "occupied", "unknown", ""])
Step = tuple[float, dict[int, tuple[str, int]]]
SPAN = st.tuples(
    st.integers(1, 12),
    st.floats(0.4, 20.0),
    st.dictionaries(st.integers(0, 2), st.tuples(VOTES, st.integers(0, 1)), min_size=2),
)
STEPS = st.lists(SPAN, max_size=14).map(lambda spans: [(wait, votes) for n, wait, votes in spans for _ in range(n)])
AFTER_S = {"free": SECTION.free_after_s, "occupied": SECTION.occupied_after_s, "unknown": SECTION.unknown_after_s}


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def agreeing(votes: list[str], every_s: float = 1.0, sure: bool = True) -> list[str]:
    """The states of one bay after each vote; ``sure``: each of the looks is."""
    occupancy = Occupancy(SECTION)
    out = []
    for n, vote in enumerate(votes):
        occupancy.update(n * every_s + 1.0, {0: Look(vote, 0.9, sure=sure)})  # type: ignore[arg-type]
        out.append(occupancy.bays[0].state)
    return out


def test_a_state_changes_when_it_was_seen_for_its_time_and_no_sooner() -> None:
    assert agreeing(["free"] * 8) == ["unknown"] * 6 + ["free"] * 2


def test_one_look_that_contradicts_begins_it_anew() -> None:
    told = agreeing(["free"] * 7 + ["occupied"] * 6 + ["free"] + ["occupied"] * 7)
    assert told[6:20] == ["free"] * 14
    assert told[20] == "occupied"


def test_what_is_not_sure_must_be_seen_twenty_times_as_long() -> None:
    for state, vote in (("free", "occupied"), ("occupied", "free")):
        occupancy = Occupancy(SECTION)
        told = []
        for n in range(129):
            seen, sure = (state, True) if n < 8 else (vote, n in (60, 61))
            occupancy.update(float(n), {0: Look(seen, 0.9, sure=sure)})  # type: ignore[arg-type]
            told.append(occupancy.bays[0].state)
        assert told[7:128] == [state] * 121
        assert told[128] == vote


def test_three_sure_looks_are_enough() -> None:
    occupancy = Occupancy(SECTION)
    for n in range(20):
        occupancy.update(float(n), {0: Look("free" if n < 8 else "occupied", 0.9, sure=n < 8 or n > 15)})
    assert occupancy.bays[0].state == "occupied"
    assert occupancy.bays[0].since == 8.0


def test_a_bay_without_a_stay_is_soon_free() -> None:
    assert agreeing(["free"] * 7, sure=False)[-1] == "free"


def test_looks_that_decide_nothing_neither_count_nor_interrupt() -> None:
    assert agreeing(["free"] * 7 + ["occupied", "", "", "", "", "", "occupied", "occupied"])[-2:] == [
        "free",
        "occupied",
    ]


def test_a_camera_with_a_picture_a_minute_needs_three() -> None:
    assert agreeing(["occupied"] * 3, every_s=60.0) == ["unknown", "unknown", "occupied"]


def test_what_stays_unclear_for_five_minutes_is_unknown() -> None:
    told = agreeing(["occupied"] * 7 + [""] * 330)
    assert told[6 + 290] == "occupied"
    assert told[-1] == "unknown"


@given(STEPS)
def test_a_bay_never_flaps_faster_than_its_time(steps: list[Step]) -> None:
    occupancy, time, last = Occupancy(SECTION), 1000.0, {}
    for wait_s, votes in steps:
        time += wait_s
        before = [bay.state for bay in occupancy.bays]
        for change in occupancy.update(time, {n: Look(v, 0.9) for n, (v, _) in votes.items()}):  # type: ignore[arg-type]
            assert change.before == before[change.bay] != change.after
            assert change.first <= time - AFTER_S[change.after]
            assert change.earliest is None or change.earliest <= change.first
            assert time - last.get(change.bay, 0.0) >= AFTER_S[change.after]
            last[change.bay] = time


def lived(steps: list[Step], restart: int) -> list[StayData]:
    """All stay messages of a run that is stopped and started again after step ``restart``."""
    occupancy, stays, time = Occupancy(SECTION), Stays("pole", NAMES), 1000.0
    told: list[StayData] = []
    for n, (wait_s, votes) in enumerate(steps):
        time += wait_s
        if n == restart:
            kept = msgspec.msgpack.encode((occupancy.memory(), stays.memory()))
            bays, open_stays = msgspec.msgpack.decode(kept, type=tuple[dict[str, BayMemory], StayMemory])
            occupancy, stays = Occupancy(SECTION), Stays("pole", NAMES)
            occupancy.recall(bays)
            stays.recall(open_stays)
        changes = occupancy.update(time, {n: Look(v, 0.9) for n, (v, _) in votes.items()})  # type: ignore[arg-type]
        stands = {n: Stands(vehicle, 0.6, True) for n, (v, vehicle) in votes.items() if v == "occupied"}
        told += [event.data for event in stays.update(time, changes, stands, {0: "car"})]
    return told


@settings(max_examples=200)
@given(STEPS, st.integers(-1, 80))
def test_stays_of_a_bay_follow_one_another_over_any_interleaving_and_restart(steps: list[Step], restart: int) -> None:
    told = lived(steps, restart)
    for bay in NAMES[:3]:
        mine = [stay for stay in told if stay.bay == bay]
        assert [stay.phase for stay in mine] == (["began", "ended"] * len(mine))[: len(mine)]
        for began, ended in zip(mine[::2], mine[1::2], strict=False):
            assert began.stay == ended.stay
            assert seconds(ended.in_time) <= seconds(ended.out_earliest) <= seconds(ended.out_time)
            assert ended.dwell_s is not None
            assert ended.dwell_s >= 0
        for ended, began in zip(mine[1::2], mine[2::2], strict=False):
            assert seconds(ended.out_time) <= seconds(began.in_time)
    assert len({stay.stay for stay in told}) == sum(stay.phase == "began" for stay in told)

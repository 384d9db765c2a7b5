"""A pole's day: every situation, at two frames a second, with witnesses that tell what they are asked."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import cv2
import msgspec
import numpy as np
import pytest

from drivers.frames import Frame
from edge_agent.config.parking import Bay, Pole
from edge_agent.parking.watch import PoleMemory
from tests.parking.actors import (
    HEIGHT,
    NAMES,
    SECTION,
    WIDTH,
    Actor,
    Lot,
    centre,
    frames,
    phases,
    play,
    states,
    stays,
    told,
    violations,
    watch,
)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_vehicle_that_comes_and_goes_makes_one_stay_with_its_chain_of_pictures() -> None:
    drafts = play(Lot([Actor(centre("A3"), 40.0, 100.0)]), 140.0)
    assert phases(drafts) == [("A3", "began"), ("A3", "ended")]
    began, ended = stays(drafts)
    assert began.stay == ended.stay
    assert began.label == "car"
    assert seconds(began.in_earliest) <= 40.0 <= seconds(began.in_time) + 3.0
    assert abs(seconds(began.in_time) - 40.0) <= 3.0
    assert abs(seconds(ended.out_time) - 100.0) <= 5.0
    assert seconds(ended.out_earliest) <= seconds(ended.out_time)
    assert ended.dwell_s == pytest.approx(seconds(ended.out_time) - seconds(ended.in_time))
    chains = [[picture.role for picture in draft.pictures] for draft in drafts if draft.channel == "stay"]
    assert chains == [["before", "entering", "standing", "crop"], ["standing", "leaving", "after"]]
    for draft in drafts:
        times = [picture.time for picture in draft.pictures]
        assert times == sorted(times)
        assert all(cv2.imdecode(np.frombuffer(p.content, np.uint8), 1) is not None for p in draft.pictures)


def test_what_stood_there_at_the_start_has_no_earliest_time_of_coming() -> None:
    began = stays(play(Lot([Actor(centre("A1"), -60.0)]), 40.0))
    assert [(stay.bay, stay.in_earliest) for stay in began] == [("A1", "")]


def test_a_vehicle_across_two_bays_is_one_stay_and_two_occupied_bays() -> None:
    x = (centre("A2")[0] + centre("A3")[0]) / 2
    drafts = play(Lot([Actor((x, centre("A2")[1]), 40.0, 300.0, width=80.0)]), 460.0)
    assert [phase for _, phase in phases(drafts)] == ["began", "ended"]
    ended = stays(drafts)[-1]
    assert {ended.bay, *ended.also} == {"A2", "A3"}
    assert any(row.occupied == 2 for row in told(drafts))
    assert told(drafts)[-1].free == len(NAMES)


def test_two_vehicles_side_by_side_are_two_stays() -> None:
    drafts = play(Lot([Actor(centre("A2"), 40.0), Actor(centre("A3"), 44.0)]), 220.0)
    assert phases(drafts) == [("A2", "began"), ("A3", "began")]


@pytest.mark.parametrize(
    "passer",
    [
        Actor(centre("A4"), 40.0, 42.0, label="", width=16.0, chance=0.8, takes_s=2.0),
        Actor(centre("A4"), 40.0, 90.0, label="", width=24.0, height=30.0, chance=0.5),
        Actor(centre("A4"), 40.0, 42.0, takes_s=1.0),
    ],
    ids=["pedestrian", "motorcycle", "a car that only turns there"],
)
def test_what_is_no_parked_vehicle_makes_no_stay(passer: Actor) -> None:
    drafts = play(Lot([passer]), 120.0)
    assert phases(drafts) == []
    assert states(drafts) == dict.fromkeys(NAMES, "free")


def test_a_shadow_makes_looks_and_no_change() -> None:
    lot = Lot([Actor(centre("A6"), -60.0)], shadow=(40.0, 70.0))
    drafts = play(lot, 100.0)
    assert phases(drafts) == [("A6", "began")]
    assert len([row for row in told(drafts) if not row.complete]) == 0


def test_a_truck_in_front_hides_bays_and_ends_no_stay() -> None:
    parked = Actor(centre("A3"), -60.0, label="")
    truck = Actor((centre("A3")[0], 0.8 * HEIGHT), 140.0, 200.0, label="truck", width=300.0, height=180.0, chance=0.9)
    drafts = play(Lot([parked, truck]), 250.0)
    during = [row for message in told(drafts) for row in message.bays if row.reason == "hidden"]
    assert {row.id for row in during} >= {"A3"}
    assert [event for event in phases(drafts) if event[0] == "A3"] == [("A3", "began")]
    assert states(drafts)["A3"] == "occupied"
    assert states(drafts)["A4"] == "free"


@pytest.mark.parametrize("looks_like", [0.02, 0.98])
def test_a_bus_that_the_detector_misses_ends_and_begins_no_stay(looks_like: float) -> None:
    """Its side looked surely like ground, or like a vehicle: a stay ended or began, and another when it had left."""
    parked = Actor(centre("A3"), -60.0)
    foot = (centre("A4")[0], 0.95 * HEIGHT)
    bus = Actor(foot, 140.0, 220.0, label="", width=300.0, height=200.0, chance=looks_like, before=True, shade=150)
    drafts = play(Lot([parked, bus]), 400.0)
    assert phases(drafts) == [("A3", "began")]
    assert states(drafts) == {name: "occupied" if name == "A3" else "free" for name in NAMES}


def test_a_bay_that_never_looks_surely_occupied_is_told_so_and_makes_no_stay() -> None:
    """A strip of ground between two white roofs, looked at for two minutes, was a stay from the first picture on."""
    drafts = play(Lot([Actor(centre("A3"), -60.0, label="", chance=0.93)]), 400.0)
    assert states(drafts)["A3"] == "occupied"
    assert phases(drafts) == []


def test_a_vehicle_that_is_seen_surely_later_began_between_the_two() -> None:
    dim = Actor(centre("A3"), 100.0, 400.0, label="", chance=0.9, takes_s=0.01)
    drafts = play(Lot([dim, Actor(centre("A3"), 400.5, takes_s=0.01)]), 600.0)
    ((bay, phase),) = phases(drafts)
    assert (bay, phase) == ("A3", "began")
    (began,) = stays(drafts)
    assert seconds(began.in_earliest) == pytest.approx(100.0, abs=5.0)
    assert seconds(began.in_time) == pytest.approx(400.5, abs=62.0)
    assert began.stay == f"pole-1-A3-{began.in_time}"


def test_in_the_dark_bays_are_unknown_and_stays_go_on() -> None:
    drafts = play(Lot([Actor(centre("A2"), -60.0, 170.0)], dark=(60.0, 140.0)), 220.0)
    assert phases(drafts) == [("A2", "began"), ("A2", "ended")]
    assert stays(drafts)[-1].unseen_s == pytest.approx(80.0, abs=65.0)
    assert stays(drafts)[-1].unseen_s > 0
    assert any(message.unknown == len(NAMES) for message in told(drafts))


def test_a_lost_camera_says_so_and_makes_everything_unknown() -> None:
    lot = Lot([Actor(centre("A2"), -60.0)], lost=(60.0, 120.0))
    decider = watch(lot)
    drafts = []
    said = ""
    for frame in frames(lot, 0.0, 180.0):
        drafts += decider.update(frame)
        if frame.time == 90.0:
            said = decider.problems()[0]
    lost = [message for message in told(drafts) if message.view == "lost"]
    assert lost[0].complete
    assert lost[-1].unknown == len(NAMES)
    assert "aim" in said
    assert decider.problems() == []
    assert phases(drafts) == [("A2", "began")]
    assert decider.state()["occupied"] == 1


def test_standing_on_the_verge_is_one_violation_proved_by_three_pictures() -> None:
    foot = (0.3 * WIDTH, 0.97 * HEIGHT)
    drafts = play(Lot([Actor(foot, 40.0, 200.0, height=60.0)]), 260.0)
    ((violation, draft),) = violations(drafts)
    assert (violation.kind, violation.zone) == ("illegal_parking", "verge")
    assert violation.limit == "stood <= 30 s (green_verge)"
    assert violation.dwell_s is not None
    assert violation.dwell_s > SECTION.zone[0].limit_s
    times = [picture.time for picture in draft.pictures if picture.role == "full"]
    assert len(times) >= 3
    assert min(b - a for a, b in pairwise(times)) >= 10.0
    assert times[-1] - times[0] > SECTION.zone[0].limit_s
    assert [picture.role for picture in draft.pictures][-1] == "crop"
    assert phases(drafts) == []


@pytest.mark.parametrize("left_after_s", [10.0, 25.0])
def test_who_leaves_the_verge_in_time_has_done_nothing(left_after_s: float) -> None:
    foot = (0.3 * WIDTH, 0.97 * HEIGHT)
    assert violations(play(Lot([Actor(foot, 40.0, 40.0 + left_after_s, height=60.0)]), 120.0)) == []


def test_of_others_in_a_proof_is_told_what_to_hide() -> None:
    foot = (0.3 * WIDTH, 0.97 * HEIGHT)
    drafts = play(Lot([Actor(foot, 40.0, height=60.0), Actor(centre("A6"), -60.0)]), 120.0)
    ((_, draft),) = violations(drafts)
    full = [picture for picture in draft.pictures if picture.role == "full"]
    x, _ = centre("A6")
    assert all(any(x1 < x < x2 for x1, _, x2, _ in picture.hide) for picture in full)


def test_a_quiet_time_costs_one_look_a_recheck_and_no_message() -> None:
    lot = Lot([Actor(centre(name), -60.0) for name in NAMES])
    decider = watch(lot)
    for frame in frames(lot, 0.0, 60.0):
        decider.update(frame)
    before = decider.state()["looks"]
    later = frames(lot, 60.0, 660.0, fps=1.0, index=120)
    drafts = [draft for frame in later for draft in decider.update(frame)]
    assert decider.state()["looks"] - before == pytest.approx(600.0 / SECTION.recheck_s, abs=1)
    assert drafts == []


@pytest.mark.slow
def test_a_day_in_which_nothing_happens_has_24_messages() -> None:
    drafts = play(Lot([Actor(centre("A1"), -60.0)]), 86400.0, fps=0.2)
    assert 23 <= len(told(drafts)) <= 26
    assert all(message.complete for message in told(drafts))
    assert phases(drafts) == [("A1", "began")]


def test_an_outage_ends_a_stay_between_its_last_frame_and_the_first_after() -> None:
    lot = Lot([Actor(centre("A2"), -60.0, 1000.0), Actor(centre("A4"), -60.0)])
    decider = watch(lot)
    drafts = [draft for frame in frames(lot, 0.0, 100.0) for draft in decider.update(frame)]
    drafts += [draft for frame in frames(lot, 4000.0, 4060.0) for draft in decider.update(frame)]
    assert phases(drafts) == [("A2", "began"), ("A4", "began"), ("A2", "ended")]
    ended = stays(drafts)[-1]
    assert 95.0 <= seconds(ended.out_earliest) <= 100.0
    assert seconds(ended.out_time) == pytest.approx(4000.0, abs=2.0)


@pytest.mark.parametrize("at", [20.0, 42.0, 44.5, 70.0, 103.0, 105.5])
def test_a_restart_at_any_moment_loses_and_invents_no_stay(at: float) -> None:
    lot = Lot([Actor(centre("A3"), 40.0, 100.0), Actor(centre("A5"), -60.0)])
    first = watch(lot)
    drafts = [draft for frame in frames(lot, 0.0, at) for draft in first.update(frame)] + first.finish()
    memory = msgspec.msgpack.encode(first.memory())
    second = watch(lot)
    second.recall(msgspec.msgpack.decode(memory, type=PoleMemory))
    drafts += [draft for frame in frames(lot, at + 5.0, 160.0) for draft in second.update(frame)]
    assert sorted(phases(drafts)) == [("A3", "began"), ("A3", "ended"), ("A5", "began")]
    mine = [stay for stay in stays(drafts) if stay.bay == "A3"]
    assert mine[0].stay == mine[1].stay
    assert abs(seconds(mine[1].out_time) - 100.0) <= 12.0


def test_who_was_raised_before_a_restart_is_not_raised_again() -> None:
    lot = Lot([Actor((0.3 * WIDTH, 0.97 * HEIGHT), 10.0, height=60.0)])
    first = watch(lot)
    drafts = [draft for frame in frames(lot, 0.0, 80.0) for draft in first.update(frame)]
    second = watch(lot)
    second.recall(msgspec.msgpack.decode(msgspec.msgpack.encode(first.memory()), type=PoleMemory))
    drafts += [draft for frame in frames(lot, 85.0, 200.0) for draft in second.update(frame)]
    assert len(violations(drafts)) == 1


@pytest.mark.parametrize("by_s", [-3600.0, 86400.0])
def test_a_clock_that_is_set_ends_and_begins_nothing(by_s: float) -> None:
    lot = Lot([Actor(centre("A3"), -60.0)])
    decider = watch(lot)
    drafts = [draft for frame in frames(lot, 0.0, 60.0) for draft in decider.update(frame)]
    moved = [Frame(f.camera, f.time + by_s, f.index, f.image) for f in frames(lot, 60.0, 120.0, index=120)]
    drafts += [draft for frame in moved for draft in decider.update(frame)]
    assert phases(drafts) == [("A3", "began")]
    assert len([message for message in told(drafts) if not message.complete]) == 0


def test_the_same_frames_give_the_same_bytes() -> None:
    def once() -> bytes:
        return msgspec.msgpack.encode(
            [
                (draft.time, msgspec.json.encode(draft.data), [picture.content for picture in draft.pictures])
                for draft in play(Lot([Actor(centre("A3"), 20.0, 60.0)]), 90.0)
            ]
        )

    assert once() == once()


def test_in_a_stay_s_pictures_nobody_beside_the_bay_can_be_read() -> None:
    """A chequered neighbour, as fine as a plate's characters, is flat in the pictures of the other's stay."""
    lot = Lot([Actor(centre("A3"), 20.0)])
    decider = watch(lot)
    pictures = []
    for frame in frames(lot, 0.0, 40.0):
        x, y = (round(v) for v in centre("A4"))
        frame.image[y - 40 : y, x - 30 : x + 30 : 2] = 255
        frame.image[y - 40 : y, x - 29 : x + 30 : 2] = 0
        pictures += [p for draft in decider.update(frame) if draft.channel == "stay" for p in draft.pictures]
    standing = next(picture for picture in pictures if picture.role == "standing")
    image = cv2.imdecode(np.frombuffer(standing.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    beside = image[-60:-30, -15:].astype(int)
    assert beside.size
    assert np.abs(np.diff(beside, axis=1)).max() < 60


def test_at_most_fifty_bays_are_looked_at_in_one_frame() -> None:
    polygons = [
        [(0.05 * c, 0.1 * r), (0.05 * c + 0.05, 0.1 * r), (0.05 * c + 0.05, 0.1 * r + 0.1), (0.05 * c, 0.1 * r + 0.1)]
        for r in range(6)
        for c in range(20)
    ]
    bays = [Bay(id=f"B{n}", polygon=polygon) for n, polygon in enumerate(polygons)]
    lot = Lot()
    drafts = play(lot, 40.0, section=Pole(camera=SECTION.camera, bay=bays))
    assert max(lot.looked) == 50
    assert told(drafts)[-1].free == 120

"""What two witnesses say of bays in one picture."""

from __future__ import annotations

from math import nan

import pytest

from edge_agent.parking.ground import Vehicle
from edge_agent.parking.witness import look, standing
from tests.parking.actors import BAYS

POLYGONS = [bay.polygon for bay in BAYS]
BAY_3 = Vehicle("car", 0.9, (0.345, 0.3, 0.455, 0.64))
ACROSS_2_3 = Vehicle("car", 0.9, (0.285, 0.3, 0.395, 0.64))
BEFORE_3 = Vehicle("truck", 0.9, (0.2, 0.35, 0.6, 0.95))
IN_THE_LANE = Vehicle("car", 0.9, (0.345, 0.55, 0.455, 0.9))


def votes(chance: float, *seen: Vehicle) -> list[str]:
    looks = look(POLYGONS, dict.fromkeys(range(len(POLYGONS)), chance), seen, standing(POLYGONS, seen))
    return [looks[n].vote for n in range(len(POLYGONS))]


def test_both_agree() -> None:
    assert votes(0.03) == ["free"] * 6
    assert votes(0.97, BAY_3)[2] == "occupied"


@pytest.mark.parametrize("chance", [0.3, 0.5, nan])
def test_a_vehicle_on_the_bay_decides_what_the_patch_cannot(chance: float) -> None:
    assert votes(chance, BAY_3)[2] == "occupied"


def test_a_sure_patch_decides_though_no_vehicle_was_found() -> None:
    assert votes(0.95)[2] == "occupied"


def test_a_sure_patch_and_a_vehicle_that_contradict_decide_nothing() -> None:
    assert votes(0.12, BAY_3)[2] == ""


def test_an_unsure_patch_alone_decides_nothing() -> None:
    assert votes(0.6)[2] == ""


def test_without_light_a_bay_without_a_vehicle_is_unknown() -> None:
    looks = look(POLYGONS, {0: nan}, (), {})
    assert (looks[0].vote, looks[0].reason) == ("unknown", "dark")


def test_a_look_is_sure_where_patch_and_vehicle_agree_or_the_patch_has_no_doubt() -> None:
    def sure(chance: float, *seen: Vehicle) -> bool:
        return look(POLYGONS, {2: chance}, seen, standing(POLYGONS, seen))[2].sure

    assert sure(0.96, BAY_3)
    assert not sure(0.8, BAY_3)
    assert not sure(0.96)
    assert sure(0.98)
    assert sure(0.03)
    assert not sure(0.1)


def test_a_vehicle_across_two_bays_stands_on_both_where_the_patches_say_so() -> None:
    first, second = sorted(standing(POLYGONS, [ACROSS_2_3]).items(), key=lambda found: not found[1].mostly)
    assert votes(0.75, ACROSS_2_3)[1:3] == ["occupied", "occupied"]
    assert votes(0.6, ACROSS_2_3)[first[0]] == "occupied"
    assert votes(0.6, ACROSS_2_3)[second[0]] == ""
    stands = standing(POLYGONS, [ACROSS_2_3])
    assert stands[1].vehicle == stands[2].vehicle == 0


def test_a_vehicle_on_one_bay_stands_on_no_other() -> None:
    assert set(standing(POLYGONS, [BAY_3])) == {2}


def test_a_truck_before_a_bay_hides_it_and_stands_on_none() -> None:
    looks = look(POLYGONS, {2: 0.97}, [BEFORE_3], standing(POLYGONS, [BEFORE_3]))
    assert (looks[2].vote, looks[2].reason) == ("unknown", "hidden")
    assert standing(POLYGONS, [BEFORE_3]) == {}


def test_a_car_in_the_lane_neither_hides_nor_stands() -> None:
    assert votes(0.03, IN_THE_LANE) == ["free"] * 6
    assert standing(POLYGONS, [IN_THE_LANE]) == {}


def test_of_two_vehicles_the_one_that_covers_more_stands_there() -> None:
    assert standing(POLYGONS, [ACROSS_2_3, BAY_3])[2].vehicle == 1

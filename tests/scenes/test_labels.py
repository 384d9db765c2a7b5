"""The rules of what a picture shows, on ident pictures painted by hand."""

import numpy as np
import pytest

from models.scenes.camera import Camera
from models.scenes.labels import box_of, label
from models.scenes.lighting import Lighting
from models.scenes.parts import Part, ident
from models.scenes.scene import Scene, Thing
from models.scenes.spec import TruckSpec
from models.scenes.tipper import truck

HEIGHT, WIDTH = 200, 300


def scene_with(spec: TruckSpec) -> Scene:
    light = Lighting("overcast", (0, 0, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0))
    return Scene(
        Camera((20, 0, 4), (0, 0, 1), 0.9),
        light,
        np.zeros((0, 18), np.float32),
        [Thing("truck", truck(spec), 0, 0, 0, spec)],
    )


def painted(*regions: tuple[int, int, int, int, int]) -> np.ndarray:
    """Idents of object 1: each region is part, x1, y1, x2, y2."""
    idents = np.zeros((HEIGHT, WIDTH), np.int32)
    for part, x1, y1, x2, y2 in regions:
        idents[y1:y2, x1:x2] = ident(1, part)
    return idents


def judged(
    spec: TruckSpec, idents: np.ndarray, alone: np.ndarray | None = None, level: int = 120, spread: int = 40
) -> dict[str, dict]:
    noise = np.random.default_rng(0).integers(-spread, spread + 1, (HEIGHT, WIDTH, 1))
    picture = np.clip(level + noise + np.zeros((1, 1, 3)), 0, 255).astype(np.uint8)
    entries = label(scene_with(spec), idents, {1: idents if alone is None else alone}, picture)
    return {e["label"]: e for e in entries}


BODY = (Part.BODY, 50, 40, 250, 160)


def test_a_box_holds_exactly_the_visible_pixels() -> None:
    assert box_of(painted(BODY) > 0) == [50, 40, 250, 160]
    assert box_of(np.zeros((4, 4), bool)) is None


@pytest.mark.parametrize(
    ("load", "part", "height", "expected"),
    [
        ("covered", Part.COVER, 4, "covered"),
        ("covered", Part.COVER, 1, "unknown"),
        ("uncovered", Part.LOAD, 4, "uncovered"),
        ("uncovered", Part.COVER, 20, "unknown"),
        ("empty", Part.FLOOR, 10, "empty"),
        ("empty", Part.WALL, 10, "unknown"),
    ],
)
def test_the_load_is_judged_by_what_shows_of_it(load: str, part: Part, height: int, expected: str) -> None:
    idents = painted(BODY, (part, 60, 50, 200, 50 + height))
    assert judged(TruckSpec(load=load), idents)["truck"]["load"] == expected


def test_what_is_too_dark_is_unknown() -> None:
    idents = painted(BODY, (Part.COVER, 60, 50, 200, 80), (Part.WHEEL, 60, 130, 90, 160))
    bright = judged(TruckSpec(load="covered", wheels="muddy"), idents)["truck"]
    assert (bright["load"], bright["wheels"]) == ("covered", "muddy")
    dark = judged(TruckSpec(load="covered", wheels="muddy"), idents, level=8, spread=4)["truck"]
    assert (dark["load"], dark["wheels"]) == ("unknown", "unknown")
    assert dark["truth"]["wheels"] == "muddy"


def test_wheels_too_small_to_judge_are_unknown() -> None:
    low = painted(BODY, (Part.WHEEL, 60, 151, 120, 160))
    assert judged(TruckSpec(wheels="clean"), low)["truck"]["wheels"] == "unknown"
    high = painted(BODY, (Part.WHEEL, 60, 130, 120, 160))
    assert judged(TruckSpec(wheels="clean"), high)["truck"]["wheels"] == "clean"


def test_occlusion_is_the_share_that_nothing_hides() -> None:
    alone = painted(BODY, (Part.WHEEL + 2, 60, 120, 100, 160))
    seen = alone.copy()
    seen[:, 150:] = 0
    seen[140:, :] = 0
    entries = judged(TruckSpec(), seen, alone)
    assert entries["truck"]["box"] == [50, 40, 150, 140]
    assert entries["truck"]["visible"] == pytest.approx(100 * 100 / (200 * 120), abs=1e-3)
    assert entries["wheel"]["box"] == [60, 120, 100, 140]
    assert entries["wheel"]["visible"] == pytest.approx(0.5)
    assert entries["wheel"]["of"] == 1


def test_a_closed_body_counts_as_covered() -> None:
    assert judged(TruckSpec(kind="box", load="covered"), painted(BODY))["truck"]["load"] == "covered"
    assert judged(TruckSpec(kind="mixer", load="unknown"), painted(BODY))["truck"]["load"] == "unknown"

"""Trucks have the shape and the state their specification says; cameras project as a pinhole does. No drawing here."""

from dataclasses import replace

import numpy as np
import pytest

from models.scenes.camera import Camera, sample_camera
from models.scenes.mesh import Look, Mesh, placed
from models.scenes.parking import pole_day
from models.scenes.parts import PARTS, Material, Part
from models.scenes.paths import drive
from models.scenes.scene import clear, compose, goods
from models.scenes.spec import dress_load, sample_tipper
from models.scenes.tipper import truck
from models.scenes.wheels import axle_positions


def parts_of(vertices: np.ndarray) -> set[int]:
    return {int(p) for p in np.unique(vertices[:, 13])}


@pytest.mark.parametrize("seed", range(12))
def test_a_tipper_stands_on_its_wheels_and_keeps_its_size(seed: int) -> None:
    spec = sample_tipper(np.random.default_rng(seed))
    v = truck(spec)
    low, high = v[:, :3].min(0), v[:, :3].max(0)
    assert -0.03 * spec.wheel_radius - 0.01 <= low[2] <= 0.01
    assert spec.length - 0.1 <= high[0] - low[0] <= spec.length + 0.8
    assert spec.width - 0.1 <= high[1] - low[1] <= spec.width + 3.2
    corners = v[:, :3].reshape(-1, 3, 3).astype(float)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    length = np.linalg.norm(v[:, 3:6], axis=1).reshape(-1, 3)
    assert np.allclose(length[area > 1e-7], 1, atol=1e-3)
    wheels = {p for p in parts_of(v) if p >= Part.WHEEL}
    assert wheels == {Part.WHEEL + k for k in range(2 * spec.axles)}
    assert axle_positions(spec) == sorted(axle_positions(spec), reverse=True)


@pytest.mark.parametrize("seed", range(8))
def test_the_load_state_decides_what_is_in_and_over_the_bed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for load in ("covered", "uncovered", "empty"):
        spec = sample_tipper(rng, load, "clean")
        parts = parts_of(truck(spec))
        assert (Part.LOAD in parts) == (load != "empty")
        if load == "covered":
            assert Part.COVER in parts
            assert spec.draw == 1.0
            assert not spec.torn


def test_redressing_a_truck_leaves_no_tear_behind() -> None:
    rng = np.random.default_rng(0)
    spec = replace(sample_tipper(rng, "uncovered"), torn=True, load="covered")
    dress_load(spec, rng)
    assert not spec.torn
    assert spec.draw == 1.0


@pytest.mark.parametrize("wheels", ["clean", "dusty", "muddy"])
def test_mud_is_on_the_wheels_only_when_the_state_says_so(wheels: str) -> None:
    for seed in range(20):
        spec = sample_tipper(np.random.default_rng(seed), "empty", wheels)
        assert (spec.wheel_mud >= 0.5) == (wheels == "muddy")
        assert (spec.wheel_dust >= 0.5) or wheels != "dusty"
        v = truck(spec)
        tyre = v[(v[:, 13] >= Part.WHEEL) & (v[:, 12] == Material.TYRE)]
        assert tyre[:, 14].max() == pytest.approx(spec.wheel_mud, abs=1e-6)


def test_the_seed_decides_the_scene() -> None:
    a, b, c = compose(5), compose(5), compose(6)
    assert np.array_equal(a.vertices(), b.vertices())
    assert a.camera == b.camera
    assert a.camera != c.camera


def test_idents_tell_the_things_of_a_scene_apart() -> None:
    for seed in range(6):
        scene = compose(seed)
        v = scene.vertices()
        for number, (first, count) in scene.ranges().items():
            assert set(np.unique(v[first : first + count, 13] // PARTS)) == {number}
        assert (v[-len(scene.world) :, 13] == 0).all()


def test_things_do_not_stand_in_each_other() -> None:
    rng = np.random.default_rng(1)
    a = goods(rng, 0.0, 0.0, 0.0, False)
    assert not clear(goods(rng, 3.0, 0.5, 0.1, False), [a])
    assert clear(goods(rng, 0.0, 8.0, 0.0, False), [a])


def test_a_pinhole_projects_by_similar_triangles() -> None:
    camera = Camera((0, 0, 2), (10, 0, 2), np.radians(90))
    pixels, ahead = camera.project(np.array([[10, 0, 2], [10, 5, 2], [10, 0, 7], [-1, 0, 2.0]]), 800, 400)
    assert ahead.tolist() == [True, True, True, False]
    assert pixels[0] == pytest.approx((400, 200))
    assert pixels[1] == pytest.approx((200, 200))  # 5 m to the left at 10 m: half of the half width
    assert pixels[2] == pytest.approx((400, 0))  # 5 m up: 200 pixels, as the focal length is 400


@pytest.mark.parametrize("seed", range(20))
def test_the_sampled_camera_sees_the_vehicle_ahead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = sample_camera(rng, 3.0, -1.0, 0.4, 9.0)
    pixels, ahead = camera.project(np.array([[3.0, -1.0, 1.3]]), 640, 384)
    assert ahead.all()
    assert (pixels > 0).all()
    assert (pixels < (640, 384)).all()


def test_placing_turns_before_it_moves() -> None:
    mesh = Mesh()
    mesh.box((1, 0, 0), (0.1, 0.1, 0.1), Look(Material.PAINT))
    v = placed(mesh.vertices(), 10, 20, np.pi / 2)
    assert v[:, :3].mean(0) == pytest.approx((10, 21, 0), abs=1e-5)
    assert mesh.vertices()[:, :3].mean(0) == pytest.approx((1, 0, 0), abs=1e-5)


def test_a_truck_that_stops_in_the_gate_stands_still_and_goes_on() -> None:
    path = drive(-20.0, 2.5, 0.0, stop_x=0.0, stop_s=5.0)
    t = np.arange(0, 30, 0.1)
    x = np.array([path(float(v))[0] for v in t])
    assert (np.diff(x) >= -1e-9).all()
    assert np.abs(np.diff(x)).max() <= 0.25 + 1e-6
    assert 4.8 <= (np.abs(x) < 1e-6).sum() * 0.1 <= 5.3
    assert x[-1] > 20


@pytest.mark.parametrize("seed", range(10))
def test_no_load_pokes_through_a_cover_that_is_shut(seed: int) -> None:
    spec = sample_tipper(np.random.default_rng(seed), "covered")
    v = truck(spec)
    load, cover = v[v[:, 13] == Part.LOAD], v[v[:, 13] == Part.COVER]
    if spec.cover in ("slide", "hinged", "tarp_flat"):
        assert load[:, 2].max() < spec.bed_floor + spec.bed_wall
        assert cover[:, 2].max() > spec.bed_floor + spec.bed_wall
        return
    for x, y, z in load[:: len(load) // 200, :3]:
        near = np.hypot(cover[:, 0] - x, cover[:, 1] - y) < 0.25
        assert cover[near, 2].max() > z


def test_a_parked_car_is_at_rest_in_its_bay_for_its_stay() -> None:
    script = pole_day()
    for mover, (bay, since, until) in zip(script.movers, script.stays, strict=False):
        corners = np.array(script.bays[bay])
        for t in (since, since + 5, (until or script.seconds) - 0.01):
            x, y, _ = mover.where(t)
            assert (corners.min(0) < (x, y)).all()
            assert ((x, y) < corners.max(0)).all()
        assert mover.where(since)[:2] == pytest.approx(mover.where(since + 5)[:2])

"""A pinhole camera: where it stands, where it looks, and how it projects. Picture coordinates are pixels, y down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """`fov` is the horizontal angle of view in radians; `roll` turns the picture."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float
    roll: float = 0.0
    name: str = ""
    near: float = 0.3
    far: float = 400.0

    def view(self) -> Matrix:
        return look_at(self.eye, self.target, self.roll)

    def view_projection(self, width: int, height: int) -> Matrix:
        f = 1 / np.tan(self.fov / 2)
        n, r = self.near, self.far
        projection = np.array(
            [[f, 0, 0, 0], [0, f * width / height, 0, 0], [0, 0, (r + n) / (n - r), 2 * r * n / (n - r)], [0, 0, -1, 0]]
        )
        return projection @ self.view()

    def project(self, points: NDArray[np.floating], width: int, height: int) -> tuple[Matrix, NDArray[np.bool_]]:
        """Pixels (n, 2) of `points` (n, 3), and which of them lie in front of the camera."""
        p = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ self.view_projection(width, height).T
        ahead = p[:, 3] > self.near
        w = np.where(ahead, p[:, 3], 1.0)[:, None]
        ndc = p[:, :2] / w
        return np.stack([(ndc[:, 0] + 1) / 2 * width, (1 - ndc[:, 1]) / 2 * height], axis=1), ahead


def look_at(eye: Sequence[float], target: Sequence[float], roll: float = 0.0) -> Matrix:
    e = np.asarray(eye, float)
    forward = np.asarray(target, float) - e
    forward /= np.linalg.norm(forward)
    up = (0.0, 0.0, 1.0) if abs(forward[2]) < 0.999 else (1.0, 0.0, 0.0)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    above = np.cross(right, forward)
    c, s = np.cos(roll), np.sin(roll)
    right, above = c * right + s * above, c * above - s * right
    m = np.eye(4)
    m[0, :3], m[1, :3], m[2, :3] = right, above, -forward
    m[:3, 3] = -m[:3, :3] @ e
    return m


# View: share of scenes, azimuth from the vehicle's front and elevation, both in degrees.
VIEWS: dict[str, tuple[float, tuple[float, float], tuple[float, float]]] = {
    "front_high": (0.30, (0, 20), (16, 42)),
    "rear_high": (0.15, (160, 180), (14, 40)),
    "side_low": (0.16, (60, 120), (1, 12)),
    "oblique_low": (0.16, (15, 62), (2, 14)),
    "oblique_high": (0.12, (15, 75), (14, 36)),
    "rear_oblique": (0.07, (115, 162), (4, 32)),
    "top": (0.04, (0, 180), (38, 60)),
}


def sample_camera(
    rng: np.random.Generator, x: float, y: float, yaw: float, length: float, view: str | None = None
) -> Camera:
    """A camera looking at a vehicle of `length` at (x, y) heading `yaw`, from low beside it to high above it."""
    view = view or str(rng.choice(list(VIEWS), p=[share for share, _, _ in VIEWS.values()]))
    _, (a0, a1), (e0, e1) = VIEWS[view]
    azimuth = np.radians(rng.uniform(a0, a1)) * rng.choice([-1, 1]) + yaw
    elevation = np.radians(rng.uniform(e0, e1))
    fov = np.radians(rng.uniform(30, 85))
    seen = length * abs(np.sin(azimuth - yaw)) + 2.8 * abs(np.cos(azimuth - yaw)) + 0.2 * length
    distance = max(seen / (2 * np.tan(fov / 2)) * rng.uniform(1.05, 2.4), length * 0.55 + 2.0)
    if view == "front_high":
        distance = max(distance, length * 0.5 + rng.uniform(4, 16))
    target = np.array([x, y, rng.uniform(0.9, 1.9)]) + rng.normal(0, 0.08, 3) * (length, length, 0.5)
    eye = target + distance * np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    eye[2] = np.clip(eye[2], 1.0, 12.0)
    return Camera(
        (float(eye[0]), float(eye[1]), float(eye[2])),
        (float(target[0]), float(target[1]), float(target[2])),
        float(fov),
        float(rng.normal(0, 0.02)),
        view,
    )

"""Notices that a fixed camera was moved: registers each picture against a reference and says how far it may be trusted.

Pictures are compared as small grey ones (360 pixels wide) whose light was evened out, so day, dusk and wet ground look
alike. First it is tried whether nothing moved: in nearly all cells of a grid the picture must correlate with the
reference as it lies. If not, ORB features are matched and a motion is fitted by RANSAC; it counts only when enough
features agree on it, they spread over the picture, and more cells correlate once it is undone than did before. So a
part that changed (other cars, a truck before the lens) costs confidence and does not bend the answer.

States: ``in place`` (no point of the picture moved by more than ``still`` of its width), ``moved`` (within the limits;
``matrix`` carries polygons along), ``lost`` (beyond the limits, or nothing fits for ``patience`` pictures in a row),
``unknown`` (too dark, too flat, hidden, or nothing fits yet). In the last two no polygon may be trusted.

Where light changes too much for the first reference (shadows on their way, wet ground, night), pictures that were
placed with certainty are kept as further views, at most ``views`` of them, each at most ``_MOST_STEPS`` steps from the
reference; a picture that several of them place is taken for a step of the one nearest to the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.network import Image

Matrix = NDArray[np.float64]
Grey = NDArray[np.float32]

_WIDTH = 360
_CELLS = (9, 16)
_LEAST_CELLS = 16
_AGREES = 0.45
_PLACED_SHARE, _SURE_SHARE, _MOVED_SHARE, _KEPT_SHARE, _RENEWED_SHARE, _BETTER = 0.62, 0.8, 0.4, 0.6, 0.75, 0.05
_TEXTURE = 0.35
_FLAT_LIGHT = 2.5
_FEATURES, _LEAST_FEATURES, _LEAST_AGREEING = 900, 40, 18
_RATIO = 0.82
_MISS_PX, _QUARTER_PX = 2.5, 8.0
_SPREAD, _WIDE_SPREAD = 0.05, 0.2
_MOST_STEPS = 6


class Placement(StrEnum):
    """How the camera stands."""

    IN_PLACE = "in place"
    MOVED = "moved"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """``still`` and ``shift`` in shares of the width, ``turn_deg`` in degrees, ``zoom`` as a share of the size."""

    still: float = 0.006
    shift: float = 0.15
    turn_deg: float = 8.0
    zoom: float = 0.15
    patience: int = 3
    views: int = 6

    def __post_init__(self) -> None:
        for name, low, high in (
            ("still", 0.001, 0.05),
            ("shift", 0.01, 0.4),
            ("turn_deg", 0.5, 30.0),
            ("zoom", 0.01, 0.5),
            ("patience", 1, 100),
            ("views", 0, 20),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}, allowed is {low} to {high}")


@dataclass(frozen=True, slots=True)
class Shift:
    """``matrix`` (3×3) takes shares of the reference's width and height to those of the picture, and is the identity
    unless the state is ``moved``; ``confidence`` 0..1 is the share of the judged cells that agree; ``distance`` is how
    far the point that moved most did, in shares of the width."""

    state: Placement
    confidence: float
    matrix: Matrix = field(default_factory=lambda: np.eye(3))
    distance: float = 0.0

    @property
    def trusted(self) -> bool:
        """Whether polygons moved along by it lie where they should."""
        return self.state in (Placement.IN_PLACE, Placement.MOVED)

    def carry(self, polygon: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        """A polygon of the reference, in shares of width and height, as it lies in the picture now."""
        points = np.column_stack([np.asarray(polygon, np.float64).reshape(-1, 2), np.ones(len(polygon))])
        x, y, w = (points @ self.matrix.T).T
        return [(float(a), float(b)) for a, b in zip(x / w, y / w, strict=True)]


@dataclass(frozen=True, slots=True)
class _View:
    """A picture evened out, its features, and where it lies: ``matrix`` takes pixels of the reference to its own."""

    even: Grey
    points: NDArray[np.float32]
    marks: NDArray[np.uint8]
    matrix: Matrix
    steps: int = 0


class Registration:
    """Called with every picture that is to be judged, or now and then; see the module for what it answers."""

    def __init__(
        self, reference: Image, limits: Limits | None = None, ignore: Sequence[Sequence[Sequence[float]]] = ()
    ) -> None:
        """``ignore``: polygons, in shares, in which things come and go. Raises ValueError for a flat reference."""
        self._limits = limits or Limits()
        height, width = reference.shape[:2]
        self._size = (_WIDTH, max(16, round(_WIDTH * height / width)))
        self._orb = cv2.ORB.create(nfeatures=_FEATURES, fastThreshold=7, nlevels=6)
        even, flat = self._evened(reference)
        self._static = self._outside(ignore)
        first = self._view(even, np.eye(3), 0, self._static)
        self._judged = _textured(even, self._static)
        if flat or int(self._judged.sum()) < _LEAST_CELLS or len(first.points) < _LEAST_FEATURES:
            raise ValueError(
                "the reference picture shows too little to register others against (too dark, out of focus, or only "
                f"sky and asphalt): {len(first.points)} features in it, needed are {_LEAST_FEATURES}; take one by day "
                "with houses, kerbs or lines in view"
            )
        self._views = [first]
        self._misses = 0

    def update(self, image: Image) -> Shift:
        """Where an H×W×3 BGR picture lies against the reference."""
        shift, moved = self._placed(image)
        self._misses = 0 if moved else self._misses + 1
        if shift.state is Placement.UNKNOWN and moved is False and self._misses >= self._limits.patience:
            return Shift(Placement.LOST, shift.confidence)
        return shift

    def _placed(self, image: Image) -> tuple[Shift, bool | None]:
        """What was found, and whether the picture fits: True, False, or None for one that cannot be judged."""
        height, width = image.shape[:2]
        if abs(height / width * self._size[0] / self._size[1] - 1) > 0.03:
            return Shift(Placement.LOST, 0.0), False
        even, flat = self._evened(image)
        if flat:
            return Shift(Placement.UNKNOWN, 0.0), None
        best, still, surely = 0.0, None, False
        for view in sorted(self._views, key=lambda v: v.steps):
            share = self._agreement(view, even, view.matrix)
            drift = self._drift(view, even) if share >= _PLACED_SHARE else None
            if drift is not None and self._distance(drift @ view.matrix) <= self._limits.still:
                if share >= _SURE_SHARE:
                    return self._answer(view.matrix, share), True
                if still is None:
                    still, surely = view, self._distance(drift) <= self._limits.still / 2
            best = max(best, share)
        points, marks = self._features(even, None)
        for view in self._views if len(points) >= _LEAST_FEATURES else ():
            motion = _fit(view, points, marks, self._size)
            if motion is None:
                continue
            matrix = motion @ view.matrix
            share = self._agreement(view, even, matrix)
            if share >= _MOVED_SHARE and share >= best + (_BETTER if still else -_BETTER):
                if _KEPT_SHARE <= share < _SURE_SHARE:
                    self._keep(even, matrix, view.steps + 1)
                return self._answer(matrix, share), True
        if still:
            if surely and best < _RENEWED_SHARE:
                self._keep(even, still.matrix, still.steps + 1)
            return self._answer(still.matrix, best), True
        return Shift(Placement.UNKNOWN, best), False if len(points) >= _LEAST_FEATURES else None

    def _answer(self, matrix: Matrix, share: float) -> Shift:
        distance = self._distance(matrix)
        if distance <= self._limits.still:
            return Shift(Placement.IN_PLACE, share, distance=distance)
        size = np.diag([*(1.0 / np.array(self._size, float)), 1.0])
        relative = size @ matrix @ np.linalg.inv(size)
        middle = _at(matrix, np.array([[self._size[0] / 2, self._size[1] / 2]]))[0]
        travelled = float(np.hypot(middle[0] - self._size[0] / 2, middle[1] - self._size[1] / 2)) / self._size[0]
        zoom = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        turn = abs(float(np.degrees(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1]))))
        within = (
            travelled <= self._limits.shift and turn <= self._limits.turn_deg and abs(zoom - 1) <= self._limits.zoom
        )
        if not within:
            return Shift(Placement.LOST, share, distance=distance)
        return Shift(Placement.MOVED, share, relative, distance)

    def _keep(self, even: Grey, matrix: Matrix, steps: int) -> None:
        """Remembers a picture that was placed with certainty though it looks unlike the views kept so far."""
        if steps > _MOST_STEPS or not self._limits.views:
            return
        if len(self._views) > self._limits.views:
            del self._views[1]
        self._views.append(self._view(even, matrix, steps, None))

    def _agreement(self, view: _View, even: Grey, matrix: Matrix) -> float:
        """Share of the textured cells of ``view`` that correlate with ``even`` laid over it.

        ``matrix`` takes pixels of the reference to pixels of ``even``.
        """
        across = matrix @ np.linalg.inv(view.matrix)
        if np.allclose(across, np.eye(3), atol=1e-6):
            laid, valid = even, np.ones(even.shape, np.float32)
        else:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            laid = cv2.warpPerspective(even, across, self._size, flags=flags)  # type: ignore[assignment]
            valid = cv2.warpPerspective(np.ones(even.shape, np.float32), across, self._size, flags=flags)  # type: ignore[assignment]
        cells = _correlations(view.even, laid)
        judged = _textured(view.even, self._static) & (_by_cell(valid) > 0.95)
        if int(judged.sum()) < _LEAST_CELLS:
            return 0.0
        return float((cells[judged] > _AGREES).mean())

    def _drift(self, view: _View, even: Grey) -> Matrix | None:
        """What is left to move: the similarity through the shifts of the four quarters, by phase correlation.

        A quarter that seems shifted by more than ``_QUARTER_PX`` shows something else, for most cells agree as they
        lie; None when fewer than three quarters can be told.
        """
        height, width = even.shape
        old, new = [], []
        for y, x in ((0, 0), (0, width // 2), (height // 2, 0), (height // 2, width // 2)):
            part = np.s_[y : y + height // 2, x : x + width // 2]
            was, now = np.ascontiguousarray(view.even[part]), np.ascontiguousarray(even[part])
            (dx, dy), _ = cv2.phaseCorrelate(was, now, _window(was.shape))
            if np.hypot(dx, dy) <= _QUARTER_PX:
                old.append((x + width / 4, y + height / 4))
                new.append((x + width / 4 + dx, y + height / 4 + dy))
        return _similarity(np.array(old), np.array(new)) if len(old) >= 3 else None

    def _distance(self, matrix: Matrix) -> float:
        width, height = self._size
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
        return float(np.linalg.norm(_at(matrix, corners) - corners, axis=1).max()) / width

    def _view(self, even: Grey, matrix: Matrix, steps: int, mask: NDArray[np.bool_] | None) -> _View:
        points, marks = self._features(even, mask)
        return _View(even, points, marks, matrix, steps)

    def _features(self, even: Grey, mask: NDArray[np.bool_] | None) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        picture = np.clip(128 + 42 * even, 0, 255).astype(np.uint8)
        where = None if mask is None else mask.astype(np.uint8) * 255
        found, marks = self._orb.detectAndCompute(picture, where)
        if marks is None:
            return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
        return np.array([k.pt for k in found], np.float32), np.asarray(marks, np.uint8)

    def _evened(self, image: Image) -> tuple[Grey, bool]:
        """Small, grey, every neighbourhood at mean 0 and spread 1; and whether it was too dark or flat."""
        step = max(1, image.shape[1] // (2 * self._size[0]))
        small = cv2.resize(image[::step, ::step], self._size, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32), (0, 0), 0.8)
        mean = cv2.GaussianBlur(grey, (0, 0), 7)
        spread = np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), 7) - mean * mean, 0))
        even: Grey = ((grey - mean) / (spread + 3.0)).astype(np.float32)
        return even, float(np.percentile(spread, 75)) < _FLAT_LIGHT

    def _outside(self, polygons: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.bool_]:
        """Where nothing is to be ignored; everywhere when hardly anything would be left."""
        mask = np.ones((self._size[1], self._size[0]), np.uint8)
        for polygon in polygons:
            cv2.fillPoly(mask, [np.round(np.asarray(polygon, float) * self._size).astype(np.int32)], (0,))
        return mask > 0 if mask.mean() > 0.3 else np.ones(mask.shape, bool)


def _at(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    result: NDArray[np.float64] = moved[:, :2] / moved[:, 2:]
    return result


def _similarity(old: NDArray[np.float64], new: NDArray[np.float64]) -> Matrix:
    """Turn, zoom and shift by least squares, from pairs of points."""
    (x, y), one, none = old.T, np.ones(len(old)), np.zeros(len(old))
    rows = np.concatenate([np.stack([x, -y, one, none], axis=1), np.stack([y, x, none, one], axis=1)])
    a, b, dx, dy = np.linalg.lstsq(rows, np.concatenate([new[:, 0], new[:, 1]]), rcond=None)[0].tolist()
    return np.array([[a, -b, dx], [b, a, dy], [0.0, 0.0, 1.0]])


def _window(shape: tuple[int, ...]) -> NDArray[np.float32]:
    window: NDArray[np.float32] = cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F)  # type: ignore[assignment]
    return window


def _by_cell(values: Grey) -> Grey:
    means: Grey = cv2.resize(values, (_CELLS[1], _CELLS[0]), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return means


def _correlations(a: Grey, b: Grey) -> Grey:
    """Pearson's correlation in each cell."""
    mean_a, mean_b = _by_cell(a), _by_cell(b)
    var_a, var_b = _by_cell(a * a) - mean_a**2, _by_cell(b * b) - mean_b**2
    spread = np.sqrt(np.maximum(var_a * var_b, np.float32(1e-6)))
    return np.asarray((_by_cell(a * b) - mean_a * mean_b) / spread, np.float32)


def _textured(even: Grey, static: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells of ``even`` with something in them to hold on to, mostly where nothing is ignored."""
    strength = np.sqrt(np.maximum(_by_cell(even * even) - _by_cell(even) ** 2, 0))
    kept: NDArray[np.bool_] = (strength > _TEXTURE) & (_by_cell(static.astype(np.float32)) > 0.5)
    return kept


def _fit(view: _View, points: NDArray[np.float32], marks: NDArray[np.uint8], size: tuple[int, int]) -> Matrix | None:
    """The motion from ``view`` to the picture on which enough widely spread features agree, or None.

    A similarity by RANSAC; where many features all over the picture agree also the perspective that fits them, if it
    stays near.
    """
    if len(view.points) < _LEAST_FEATURES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(view.marks, marks, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < _LEAST_AGREEING:
        return None
    old = view.points[[m.queryIdx for m in good]]
    new = points[[m.trainIdx for m in good]]
    cv2.setRNGSeed(7)
    found, inside = cv2.estimateAffinePartial2D(
        old, new, method=cv2.RANSAC, ransacReprojThreshold=_MISS_PX, maxIters=3000, confidence=0.999
    )
    if found is None:
        return None
    agree = inside.ravel() > 0
    if int(agree.sum()) < _LEAST_AGREEING or (old[agree].std(0) < _SPREAD * np.array(size)).any():
        return None
    similar = np.vstack([found, [0, 0, 1]])
    near = np.linalg.norm(_at(similar, old.astype(np.float64)) - new, axis=1) < 3 * _MISS_PX
    wide = (old[near].std(0) > _WIDE_SPREAD * np.array(size)).all()
    if wide and int(near.sum()) >= 2 * _LEAST_AGREEING:
        bent, _ = cv2.findHomography(old[near], new[near], cv2.RANSAC, _MISS_PX)
        corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], float)
        if bent is not None and np.abs(_at(bent, corners) - _at(similar, corners)).max() < 0.03 * size[0]:
            return np.asarray(bent, np.float64)
    return similar

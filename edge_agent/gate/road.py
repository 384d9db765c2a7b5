"""The watched road as a small picture, and what has come to lie on it between two such pictures.

Light changes a road smoothly: a shadow, a cone of light or a wet patch scales its brightness and keeps its texture, so
the fine structure before and after correlates (0.7 and more in rendered pictures) and its difference is small. Loose
material replaces the texture by its own, with lit and shaded sides (correlation about 0, several times the contrast).
Where only shadows full of holes would do the same, colour decides: material is browner than the road or has grains both
lighter and darker than it, the shade of leaves is neither. All is computed on logarithms of brightness, in which a gain
is an offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config.section import Point
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

Mask = NDArray[np.bool_]
View = NDArray[np.float32]

_SIDE = 256
_BLACK = 8.0
_FINE_PX = 2.0
_STRUCTURE = 0.08
_COLOUR = 0.12
_BRIGHTNESS = 0.2
_LEAST_RELIEF = 0.07
_LEAST_ROUGH = 0.25
_LEAST_GAIN = 2.0
_MOST_CORRELATION = 0.5
_BROWNER = 0.08
_BROWNER_LIGHT = 0.15
_SAME_LIGHT = 0.15
_SIDED = 0.12
_SIDED_SHARE = 0.06
_GREY = 0.01
_STRIP = 5.0
_MARGIN = 0.06
_MOST_CONFIDENCE = 0.85


@dataclass(frozen=True)
class Patch:
    """Material: where it lies (``box`` relative to the picture), and its share of the zone as seen.

    ``confidence`` is not calibrated, for it was never measured on real spills, and stays under 0.85 for that reason.
    """

    mask: Mask
    box: Box
    share: float
    confidence: float


class Road:
    """A zone in pictures of one ``size`` (height, width); its view has at most 256 pixels a side."""

    def __init__(self, zone: Sequence[Point], size: tuple[int, int]) -> None:
        self.size = size
        height, width = size
        corners = np.array(zone, np.float64) * (width, height)
        x1, y1 = np.floor(corners.min(0)).clip(0).astype(int)
        x2, y2 = np.minimum(np.ceil(corners.max(0)), (width, height)).astype(int)
        self._cut = (slice(int(y1), max(int(y2), int(y1) + 2)), slice(int(x1), max(int(x2), int(x1) + 2)))
        high, wide = self._cut[0].stop - self._cut[0].start, self._cut[1].stop - self._cut[1].start
        self._scale = min(1.0, _SIDE / max(high, wide))
        self.shape = (max(2, round(high * self._scale)), max(2, round(wide * self._scale)))
        self._origin = (float(x1), float(y1))
        drawn = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(drawn, [((corners - self._origin) * self._scale).round().astype(np.int32)], 1)
        self.mask: Mask = drawn > 0
        self.area = max(1, int(self.mask.sum()))

    def view(self, image: Image) -> View:
        """Logarithms of blue, green and red (h, w, 3) of the zone's surroundings."""
        size = (self.shape[1], self.shape[0])
        small = cv2.resize(image[self._cut], size, interpolation=cv2.INTER_AREA)
        view: View = np.log(small.astype(np.float32) + np.float32(_BLACK))
        return view

    def under(self, boxes: Iterable[Box]) -> Mask:
        """What the boxes (pixels of the picture) hide, with a margin."""
        hidden = np.zeros(self.shape, np.uint8)
        for x1, y1, x2, y2 in boxes:
            dx, dy = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
            corners = np.array([(x1 - dx, y1 - dy), (x2 + dx, y2 + dy)]) - self._origin
            (left, top), (right, bottom) = (corners * self._scale).round().astype(int).clip(0).tolist()
            hidden[top : bottom + 1, left : right + 1] = 1
        return (hidden > 0) & self.mask

    def box(self, mask: Mask) -> Box:
        """Around what ``mask`` marks, relative to the picture."""
        rows, columns = np.nonzero(mask)
        height, width = self.size
        scale = self._scale
        return (
            round(float((columns.min() / scale + self._origin[0]) / width), 4),
            round(float((rows.min() / scale + self._origin[1]) / height), 4),
            round(min(1.0, float(((columns.max() + 1) / scale + self._origin[0]) / width)), 4),
            round(min(1.0, float(((rows.max() + 1) / scale + self._origin[1]) / height)), 4),
        )

    def material(self, before: View, after: View, valid: Mask, min_share: float) -> list[Patch]:
        """What lies in ``after`` and did not in ``before``, of at least ``min_share`` of the zone; largest first."""
        if int(valid.sum()) < 0.1 * self.area:
            return []
        change = _Change(before, after, valid)
        labels, count = _regions(change.any & valid)
        found = []
        for number in range(1, count):
            region = labels == number
            share = float(region.sum()) / self.area
            confidence = change.material(region) if share >= min_share else 0.0
            if confidence:
                found.append(Patch(region, self.box(region), round(share, 4), round(confidence, 3)))
        return sorted(found, key=lambda patch: -patch.share)

    def joined(self, patches: Sequence[Patch]) -> Patch:
        """All as one; as sure as the surest."""
        mask = np.logical_or.reduce([patch.mask for patch in patches])
        share = round(float(mask.sum()) / self.area, 4)
        return Patch(mask, self.box(mask), share, max(patch.confidence for patch in patches))


def brightness(view: View) -> View:
    """Of logarithmic blue, green and red."""
    blue, green, red = np.float32(0.15), np.float32(0.6), np.float32(0.25)
    bright: View = view[..., 0] * blue + view[..., 1] * green + view[..., 2] * red
    return bright


def level(view: View) -> View:
    """Brightness against the zone's, so that the light does not count."""
    values = brightness(view)
    return values - np.median(values)


def share_of(mask: Mask, where: Mask) -> float:
    """Share of ``where`` that ``mask`` marks."""
    return float(mask[where].mean())


class _Change:
    """What changed from one view to another, besides what the light did to the whole."""

    def __init__(self, before: View, after: View, valid: Mask) -> None:
        old, new = brightness(before), brightness(after)
        self._old, self._new = _fine(old), _fine(new)
        self._structure = self._new - self._old
        step = new - old
        self._offset = float(np.median(step[valid]))
        self._step = step - self._offset
        colour = _colour(after) - _colour(before)
        self._colour = colour - np.median(colour[valid], axis=0)
        self._grey = float(np.abs(_colour(after)[valid]).mean()) < _GREY
        self.any: Mask = (
            (np.abs(self._structure) > _STRUCTURE)
            | (np.abs(self._colour).max(axis=2) > _COLOUR)
            | (np.abs(self._step) > _BRIGHTNESS)
        )

    def material(self, region: Mask) -> float:
        """How surely ``region`` is loose material; 0 if it is not."""
        core = _core(region)
        structure, old, new = self._structure[core], self._old[core], self._new[core]
        relief = float(np.sqrt((structure**2).mean()))
        was, now = float(np.sqrt((old**2).mean())), float(np.sqrt((new**2).mean()))
        kept = float((old * new).mean()) / max(was * now, 1e-6)
        rough = float((np.abs(structure) > _STRUCTURE).mean())
        if relief < _LEAST_RELIEF or rough < _LEAST_ROUGH or now < _LEAST_GAIN * was or kept > _MOST_CORRELATION:
            return 0.0
        if not (self._grey or self._coloured(core)) or _strip(region):
            return 0.0
        return 0.5 + (_MOST_CONFIDENCE - 0.5) * min(1.0, (relief - _LEAST_RELIEF) / 0.12) * (1 - max(0.0, kept))

    def _coloured(self, core: Mask) -> bool:
        step = self._step[core]
        browner = float(np.median(self._colour[core][:, 0]))
        if float(np.median(step)) > 0:
            by_colour = browner > _BROWNER_LIGHT and abs(self._offset) < _SAME_LIGHT
        else:
            by_colour = browner > _BROWNER
        lighter, darker = float((step > _SIDED).mean()), float((step < -_SIDED).mean())
        return by_colour or min(lighter, darker) > _SIDED_SHARE


def _fine(values: View) -> View:
    smooth = np.asarray(cv2.GaussianBlur(values, (0, 0), _FINE_PX), np.float32)
    return values - smooth


def _colour(view: View) -> View:
    """Red against blue and against green (h, w, 2)."""
    return np.stack([view[..., 2] - view[..., 0], view[..., 2] - view[..., 1]], axis=-1)


def _regions(mask: Mask) -> tuple[NDArray[np.int32], int]:
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(opened)
    return labels.astype(np.int32), count


def _core(region: Mask) -> Mask:
    """Without its rim, where every change of light has an edge."""
    inner = region
    for side in (5, 3):
        inner = cv2.erode(region.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        if int(inner.sum()) >= 10:
            return inner
    return region if not inner.any() else inner


def _strip(region: Mask) -> bool:
    """Whether it is long and narrow, as the tracks of wheels are."""
    points = np.argwhere(region).astype(np.float32)
    _, (width, height), _ = cv2.minAreaRect(points)
    return max(width, height) > _STRIP * max(1.0, min(width, height))

"""Makes of what a camera's decider raised the pieces that are kept and sent; deciders themselves stay pure.

Live and replay go through here alike. Originals are never touched: text and pixels are put on copies.
- ``full`` views of a violation get an ``overlay``: when and how exactly that is known, where, what, how sure, and the
  SHA-256 of the original; the blamed vehicle, or the place of the material, is marked by four corners.
- A picture with something to hide stays on the device (``local``); what is sent is its ``overlay`` or a ``blurred``
  copy.
- The frames of a clip become a ``clip``. It is begun when the decider says it is coming, so that it is ready when the
  violation is raised; at most ``_MOST_FILMS`` are in the making.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import cv2
import numpy as np

from drivers.frames import Frame
from edge_agent.agent.film import Film, hidden
from edge_agent.clock import Place
from edge_agent.config.device import Device
from edge_agent.messages.envelope import Draft, Picture
from edge_agent.messages.gate import PassageData, ViolationData
from edge_agent.vision.detections import Box
from edge_agent.vision.jpeg import decoded, taken
from edge_agent.vision.overlay import CHINESE, framed, with_text

RECORDED = "recorded"
_MOST_FILMS = 4
_MOST_WIDTH = 1280
_QUALITY = 80
_CHINESE = {
    "muddy_truck": "车轮带泥", "uncovered_load": "未密闭运输", "unwashed_exit": "未冲洗出场",
    "outside_hours": "非许可时段出场", "spillage": "沿途抛洒", "illegal_parking": "违法停车",
    "out": "出场", "in": "进场", "standing": "停留", "covered": "已覆盖", "uncovered": "未覆盖", "empty": "空载",
    "clean": "干净", "dusty": "有尘", "muddy": "带泥", "unknown": "无法判断", "load": "装载", "wheels": "车轮",
    "confidence": "置信度", "clock error at most": "时钟误差不超过", "CLOCK NOT TRUSTED": "时钟未校准",
    "washed": "冲洗", "stood": "停放", "limit": "限值",
    "green_verge": "绿化带", "fire_lane": "消防通道", "gate_apron": "出入口",
    RECORDED: "录像回放", "original SHA-256": "原图", "site": "工地", "device": "设备",
}  # fmt: skip


class Watch(Protocol):
    """A camera's decider."""

    def update(self, frame: Frame, /) -> list[Draft]: ...
    def finish(self) -> list[Draft]: ...
    def state(self) -> dict[str, Any]: ...


class Darkroom:
    """As the watch it is given.

    ``place`` tells how far a wall time can be trusted; None: it is a recording's. ``coming`` and ``away``: see
    ``GateWatch``.
    """

    def __init__(
        self,
        watch: Watch,
        device: Device,
        *,
        blur: bool = True,
        place: Callable[[float], Place] | None = None,
        coming: Callable[[], list[tuple[Picture, ...]]] = list,
        away: Callable[[], list[Draft]] = list,
    ) -> None:
        self._watch = watch
        self._ask, self._leave = coming, away
        self._device = device
        self._blur = blur
        self._place = place
        self._films: dict[tuple[Picture, ...], Film] = {}
        self._made: dict[tuple[Picture, ...], Picture] = {}

    def update(self, frame: Frame) -> list[Draft]:
        """Takes one frame in."""
        return self._with_films(self._watch.update(frame))

    def away(self) -> list[Draft]:
        """The camera has been away for long."""
        return self._with_films(self._leave())

    def finish(self) -> list[Draft]:
        """The end of a recording."""
        developed = self._all(self._watch.finish())
        for film in self._films.values():
            film.close()
        self._films.clear()
        self._made.clear()
        return developed

    def state(self) -> dict[str, Any]:
        """What the watch says."""
        return self._watch.state()

    def _with_films(self, drafts: list[Draft]) -> list[Draft]:
        coming = self._ask()
        for clip in coming[:_MOST_FILMS]:
            if clip not in self._films and clip not in self._made and len(self._films) < _MOST_FILMS:
                self._films[clip] = Film(clip, blur=self._blur)
        developed = self._all(drafts)
        for clip in [each for each in self._films if each not in coming]:
            self._films.pop(clip).close()
        self._made = {clip: made for clip, made in self._made.items() if clip in coming}
        return developed

    def _all(self, drafts: list[Draft]) -> list[Draft]:
        return [self._developed(draft) if draft.pictures or draft.clip else draft for draft in drafts]

    def _developed(self, draft: Draft) -> Draft:
        pieces: list[Picture] = []
        for picture in draft.pictures:
            hides = self._blur and bool(picture.hide)
            pieces.append(replace(picture, hide=(), local=picture.local or hides))
            if picture.role == "full" and not picture.local and isinstance(draft.data, ViolationData):
                pieces.append(self._overlay(picture, draft, draft.data, hides=hides))
            elif hides and not picture.local:
                pieces.append(replace(picture, role="blurred", content=hidden(picture, _QUALITY), hide=()))
        if draft.clip:
            pieces.append(self._clip(draft.clip))
        return replace(draft, pictures=tuple(pieces), clip=())

    def _clip(self, frames: tuple[Picture, ...]) -> Picture:
        """One passage's clip is made once, for all its violations."""
        if frames not in self._made:
            film = self._films.pop(frames, None) or Film(frames, blur=self._blur)
            self._made[frames] = film.done()
        return self._made[frames]

    def _overlay(self, picture: Picture, draft: Draft, violation: ViolationData, *, hides: bool) -> Picture:
        content = hidden(picture, 95) if hides else picture.content
        image = decoded(content)
        scale = _MOST_WIDTH / image.shape[1]
        if scale < 1:
            image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        box = _meant(picture, violation)
        image = framed(image, box) if box else image
        lines = [
            f"{self._local(picture.time)}  {self._clock(draft.time)}",
            self._where(violation),
            *_what(violation),
            f"{_both('original SHA-256')} {hashlib.sha256(picture.content).hexdigest()}",
        ]
        image = with_text(image, lines)
        return taken("overlay", picture.time, image, _QUALITY)

    def _local(self, time: float) -> str:
        """As a clock at the place shows it, and how far it is from UTC."""
        zone = timezone(timedelta(hours=self._device.utc_offset_h))
        return datetime.fromtimestamp(round(time, 3), zone).isoformat(" ", "milliseconds")

    def _clock(self, time: float) -> str:
        if self._place is None:
            return _both(RECORDED)
        place = self._place(time)
        if not place.trusted or not math.isfinite(place.error_s):
            return _both("CLOCK NOT TRUSTED")
        return f"{_both('clock error at most')} {math.ceil(place.error_s * 1000)} ms"

    def _where(self, violation: ViolationData) -> str:
        told = [f"{_both('site')} {self._device.site}", f"{_both('device')} {self._device.id}"]
        if violation.passage:
            told.append(violation.passage.camera)
        if violation.zone:
            told.append(violation.zone)
        if self._device.position:
            told.append("{:.6f}, {:.6f} (WGS-84)".format(*self._device.position))
        return "  ".join(told)


def _meant(picture: Picture, violation: ViolationData) -> Box | None:
    """The blamed vehicle, or where the material lies, in shares of the picture."""
    if violation.spillage:
        return violation.spillage.box
    if picture.box is None:
        return None
    x1, y1, x2, y2 = picture.box
    return x1 / picture.width, y1 / picture.height, x2 / picture.width, y2 / picture.height


def _what(violation: ViolationData) -> list[str]:
    lines = [f"{_both(violation.kind)}  {_both('confidence')} {violation.confidence:.2f}"]
    told: PassageData | None = violation.passage
    facts = []
    if told:
        lines[0] += f"  {_both(told.direction)}"
        judged = {"load": told.load, "wheels": told.wheels}
        facts = [f"{_both(of)}: {_both(j.state)} {j.confidence:.2f}" for of, j in judged.items()]
        if told.wash_dwell_s is not None:
            facts.append(f"{_both('washed')} {told.wash_dwell_s:.1f} s")
    if violation.dwell_s is not None:
        facts.append(f"{_both('stood')} {violation.dwell_s:.0f} s")
    if violation.limit:
        facts.append(f"{_both('limit')}: {_with_zone_kind(violation.limit)}")
    return [*lines, "  ".join(facts)] if facts else lines


def _with_zone_kind(limit: str) -> str:
    """``limit`` with the kind of the zone it ends with, in brackets, in both languages."""
    told, bracket, kind = limit.removesuffix(")").partition(" (")
    return f"{told} ({_both(kind)})" if bracket else limit


def _both(word: str) -> str:
    """In Chinese and English where there is a font for it."""
    return f"{_CHINESE[word]} {word}" if CHINESE and word in _CHINESE else word

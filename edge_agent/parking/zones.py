"""Vehicles that stand where none may: longer than a zone's limit is ``illegal_parking``, raised once a vehicle.

A vehicle stands while its box stays in place (intersection over union at least 0.6) and most of what it stands on lies
in the zone; the first view is taken when it is found in place a second time. It may go unseen for 20 s, one that was
raised for 5 minutes, so that nobody who passes in front of it makes a new one. Three full views prove it, at least 10 s
apart, the first and last further than the limit (GA/T 832-2014 for a stationary offence, Beijing's rule for automatic
records). Whoever stood unseen for longer begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from edge_agent.config.parking import Zone
from edge_agent.config.section import Point
from edge_agent.messages.envelope import Draft, Picture, rfc3339
from edge_agent.messages.gate import ViolationData
from edge_agent.parking.ground import Vehicle, footprint, same_place, within
from edge_agent.vision.detections import Box

_SAME = 0.6
_INSIDE = 0.5
_ON_GROUND = 0.5
_UNSEEN_S, _UNSEEN_RAISED_S = 20.0, 300.0
_APART_S = 10.0
_VIEWS = 3
_MOST = 32

Shoot = Callable[[str, Box], Picture]


class Stander(msgspec.Struct, kw_only=True):
    """One vehicle that stands in a zone; ``box`` in shares of the picture, ``views`` the full views taken of it."""

    zone: str
    label: str
    score: float
    box: Box
    since: float
    seen: float
    raised: bool = False
    views: list[Picture] = []


class Zones:
    """``update`` with the vehicles of each picture."""

    def __init__(self, camera: str, zones: Sequence[Zone]) -> None:
        self._camera = camera
        self._zones = {zone.name: zone for zone in zones}
        self._standers: list[Stander] = []

    def update(
        self, time: float, vehicles: Sequence[Vehicle], polygons: Sequence[Sequence[Point]], shoot: Shoot
    ) -> list[Draft]:
        """Takes one picture's vehicles in; ``polygons``: where the zones lie in it.

        ``shoot(role, box)`` encodes it for the vehicle in the box."""
        drafts = []
        for vehicle in vehicles:
            stander = self._find(vehicle)
            if stander is None:
                zone = self._zone(vehicle, polygons)
                if zone is not None and len(self._standers) < _MOST:
                    self._standers.append(
                        Stander(
                            zone=zone.name,
                            label=vehicle.label,
                            score=vehicle.score,
                            box=vehicle.box,
                            since=time,
                            seen=time,
                        )
                    )
                continue
            stander.seen = time
            stander.score = max(stander.score, vehicle.score)
            drafts += self._stood(stander, time, shoot)
        self._standers = [s for s in self._standers if time - s.seen <= (_UNSEEN_RAISED_S if s.raised else _UNSEEN_S)]
        return drafts

    @property
    def busy(self) -> bool:
        """Whether somebody stands who may have to be raised."""
        return any(not stander.raised for stander in self._standers)

    def memory(self) -> list[Stander]:
        """Those that were raised; the others' pictures do not outlive the process, and their proof begins anew."""
        return [stander for stander in self._standers if stander.raised]

    def recall(self, memory: Sequence[Stander]) -> None:
        """As it was."""
        self._standers = [stander for stander in memory if stander.zone in self._zones]

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        for stander in self._standers:
            stander.since += by_s
            stander.seen += by_s
            stander.views = [replace(picture, time=picture.time + by_s) for picture in stander.views]

    def _find(self, vehicle: Vehicle) -> Stander | None:
        return next((s for s in self._standers if same_place(s.box, vehicle.box, _SAME)), None)

    def _zone(self, vehicle: Vehicle, polygons: Sequence[Sequence[Point]]) -> Zone | None:
        x1, y1, x2, y2 = vehicle.box
        ground = footprint((x1, y1, x2, y2), _ON_GROUND * (y2 - y1))
        inside = (within(ground, polygon) >= _INSIDE for polygon in polygons)
        return next((zone for zone, is_in in zip(self._zones.values(), inside, strict=True) if is_in), None)

    def _stood(self, stander: Stander, time: float, shoot: Shoot) -> list[Draft]:
        if stander.raised:
            return []
        if not stander.views:
            stander.views.append(shoot("full", stander.box))
            return []
        zone = self._zones[stander.zone]
        limit_s = zone.limit_s
        since_last_s = time - stander.views[-1].time
        more = len(stander.views) < _VIEWS - 1
        if more and since_last_s >= max(_APART_S, min(limit_s / 2, limit_s - _APART_S)):
            stander.views.append(shoot("full", stander.box))
            return []
        if more or since_last_s < _APART_S or time - stander.views[0].time <= limit_s:
            return []
        stander.raised = True
        pictures = (*stander.views, shoot("full", stander.box), shoot("crop", stander.box))
        stander.views = []
        data = ViolationData(
            kind="illegal_parking",
            confidence=round(stander.score, 4),
            limit=f"stood <= {limit_s:g} s" + ("" if zone.kind == "other" else f" ({zone.kind})"),
            zone=stander.zone,
            start=rfc3339(stander.since),
            dwell_s=round(time - stander.since, 1),
        )
        subject = f"{self._camera}-{stander.zone}-{rfc3339(stander.since)}"
        return [Draft("violation", time, data, subject=subject, pictures=pictures)]

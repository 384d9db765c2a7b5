"""Stays: from the changes of bays, one vehicle's time in a bay.

A stay begins when a bay turns occupied, as soon as that is certain, and ends when it is seen free; a bay that never
looks surely occupied makes none. While it is unknown in between the stay goes on, and says for how long nothing could
be seen; so it does over a restart and an outage, for the states outlive both. A vehicle on two bays makes one stay, in
the bay it covers first: a bay that turns occupied within 10 s of its neighbour, with the same vehicle on both, is tied
to the neighbour's stay. A tied bay that is still occupied a minute after that stay has ended holds another vehicle,
whose stay then begins. So stays never overlap in a bay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from edge_agent.messages.envelope import rfc3339
from edge_agent.messages.parking import StayData
from edge_agent.parking.occupancy import Change
from edge_agent.parking.witness import Stands

_TOGETHER_S = 10.0
_STILL_TIED_S = 60.0


class OpenStay(msgspec.Struct, kw_only=True):
    """A stay that goes on; times are Unix seconds. ``tied``: bays on which the same vehicle stands now."""

    stay: str
    bay: str
    label: str
    in_time: float
    in_earliest: float | None
    confidence: float
    also: list[str] = []
    tied: list[str] = []
    unseen_s: float = 0.0
    unseen_since: float | None = None


class Orphan(msgspec.Struct, kw_only=True):
    """A tied bay whose stay ended at ``since``."""

    bay: str
    since: float
    label: str
    confidence: float


class StayMemory(msgspec.Struct, kw_only=True):
    """What must survive a restart. ``doubtful``: stays that no sure look speaks for yet; they have not begun."""

    open: list[OpenStay] = []
    doubtful: list[OpenStay] = []
    orphans: list[Orphan] = []


class Event(NamedTuple):
    """A stay began or ended in bay number ``bay`` at ``time``."""

    bay: int
    time: float
    data: StayData


class Stays:
    """``update`` with the changes of bays."""

    def __init__(self, section: str, bays: Sequence[str]) -> None:
        self._section = section
        self._bays = list(bays)
        self._memory = StayMemory()

    def update(
        self,
        time: float,
        changes: Sequence[Change],
        stands: Mapping[int, Stands] | None = None,
        labels: Mapping[int, str] | None = None,
        certain: Mapping[int, float] | None = None,
    ) -> list[Event]:
        """Takes in what changed at ``time``.

        By bay, ``stands`` says which vehicle of that picture stands there, ``labels`` what was last found there.
        ``certain``: bays that were looked at now and are occupied without doubt, and since when they are so; None:
        whichever is occupied. A stay that was not certain when its bay turned occupied came in time by then.
        """
        stands, labels = stands or {}, labels or {}
        events: list[Event] = []
        turned = {change.bay for change in changes}
        for change in sorted(changes, key=lambda c: (c.after != "free", c.first)):
            name = self._bays[change.bay]
            if change.after == "unknown":
                for stay in (*self._of(name), *self._doubted(name)):
                    stay.unseen_since = change.first
            elif change.after == "free":
                events += self._free(change, name)
            else:
                self._occupied(change, name, stands, labels)
        for orphan in list(self._memory.orphans):
            if time - orphan.since >= _STILL_TIED_S:
                self._memory.orphans.remove(orphan)
                self._expect(orphan.bay, orphan.since, orphan.since, orphan.label, orphan.confidence)
        for stay in list(self._memory.doubtful):
            bay = self._bays.index(stay.bay)
            if certain is None or bay in certain:
                if certain is not None and bay not in turned:
                    stay.in_time = max(stay.in_time, certain[bay])
                    stay.stay = self._id(stay.bay, stay.in_time)
                stay.label = stay.label or labels.get(bay, "")
                self._memory.doubtful.remove(stay)
                self._memory.open.append(stay)
                events.append(Event(bay, stay.in_time, self._data(stay, phase="began", confidence=stay.confidence)))
        return events

    def open(self) -> list[OpenStay]:
        """Those that go on."""
        return list(self._memory.open)

    def memory(self) -> StayMemory:
        """What must survive a restart."""
        return self._memory

    def recall(self, memory: StayMemory) -> None:
        """As it was; stays in bays that are no longer configured are dropped."""
        known = set(self._bays)
        self._memory = StayMemory(
            open=[stay for stay in memory.open if stay.bay in known],
            doubtful=[stay for stay in memory.doubtful if stay.bay in known],
            orphans=[orphan for orphan in memory.orphans if orphan.bay in known],
        )

    def shift(self, by_s: float) -> None:
        """The clock was set by so much; what is remembered moves along."""
        for stay in (*self._memory.open, *self._memory.doubtful):
            stay.in_time += by_s
            stay.in_earliest = None if stay.in_earliest is None else stay.in_earliest + by_s
            stay.unseen_since = None if stay.unseen_since is None else stay.unseen_since + by_s
        for orphan in self._memory.orphans:
            orphan.since += by_s

    def _of(self, bay: str) -> list[OpenStay]:
        return [stay for stay in self._memory.open if stay.bay == bay]

    def _doubted(self, bay: str) -> list[OpenStay]:
        return [stay for stay in self._memory.doubtful if stay.bay == bay]

    def _free(self, change: Change, name: str) -> list[Event]:
        memory = self._memory
        memory.orphans = [orphan for orphan in memory.orphans if orphan.bay != name]
        for stay in self._doubted(name):
            memory.doubtful.remove(stay)
            memory.orphans += _orphans(stay, change.first)
        for stay in memory.open:
            if name in stay.tied:
                stay.tied.remove(name)
        events = []
        for stay in self._of(name):
            memory.open.remove(stay)
            memory.orphans += _orphans(stay, change.first)
            out_earliest = max(change.earliest or stay.in_time, stay.in_time)
            _seen_again(stay, change.first)
            data = self._data(
                stay,
                phase="ended",
                out_time=rfc3339(change.first),
                out_earliest=rfc3339(out_earliest),
                dwell_s=round(change.first - stay.in_time, 1),
                confidence=min(stay.confidence, change.confidence),
            )
            events.append(Event(change.bay, change.first, data))
        return events

    def _occupied(self, change: Change, name: str, stands: Mapping[int, Stands], labels: Mapping[int, str]) -> None:
        every = (*self._memory.open, *self._memory.doubtful)
        going_on = [stay for stay in every if name in (stay.bay, *stay.tied)]
        for stay in going_on:
            _seen_again(stay, change.first)
        if going_on or any(orphan.bay == name for orphan in self._memory.orphans):
            return
        mine = stands.get(change.bay)
        label = labels.get(change.bay, "")
        host = self._host(change, mine, stands)
        if host:
            host.tied.append(name)
            host.also.append(name)
            return
        self._expect(name, change.first, change.earliest, label, change.confidence)

    def _host(self, change: Change, mine: Stands | None, stands: Mapping[int, Stands]) -> OpenStay | None:
        """The stay of the vehicle that stands here too; not at the start, when all bays turn occupied at once."""
        if mine is None or change.earliest is None:
            return None
        for stay in (*self._memory.open, *self._memory.doubtful):
            theirs = stands.get(self._bays.index(stay.bay))
            near = abs(stay.in_time - change.first) <= _TOGETHER_S
            if near and theirs and theirs.vehicle == mine.vehicle:
                return stay
        return None

    def _expect(self, bay: str, first: float, earliest: float | None, label: str, confidence: float) -> None:
        """A stay that begins once it is certain."""
        self._memory.doubtful.append(
            OpenStay(
                stay=self._id(bay, first),
                bay=bay,
                label=label,
                in_time=first,
                in_earliest=earliest,
                confidence=confidence,
            )
        )

    def _id(self, bay: str, in_time: float) -> str:
        return f"{self._section}-{bay}-{rfc3339(in_time)}"

    def _data(self, stay: OpenStay, **changes: object) -> StayData:
        return StayData(
            **{
                "stay": stay.stay,
                "section": self._section,
                "bay": stay.bay,
                "label": stay.label,
                "in_time": rfc3339(stay.in_time),
                "in_earliest": "" if stay.in_earliest is None else rfc3339(stay.in_earliest),
                "unseen_s": round(stay.unseen_s, 1),
                "also": list(stay.also),
                **changes,
            }  # type: ignore[arg-type]
        )


def _orphans(stay: OpenStay, since: float) -> list[Orphan]:
    return [Orphan(bay=bay, since=since, label=stay.label, confidence=stay.confidence) for bay in stay.tied]


def _seen_again(stay: OpenStay, time: float) -> None:
    if stay.unseen_since is not None:
        stay.unseen_s += max(0.0, time - stay.unseen_since)
        stay.unseen_since = None

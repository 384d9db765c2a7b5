"""Windows against limits: an exceedance starts, goes on and ends, and is one event with one id.

- An exceedance starts with the first valid window above the limit and ends with the first valid window at or below it.
  Windows that cannot be judged (too few normal samples) neither start nor end it; after four in a row it ends, with
  the reason "no valid data"; so it does after a gap as long as that. Ongoing is said once a window length, for
  rolling windows too.
- Held against the limit is the very figure that is told, of three decimals: 142.3 less 62.3 is 80 and not above it.
- A violation is raised once an exceedance, when the exceeding windows of the local day are more than are allowed.
  Rolling windows that overlap count once.
- Where the city's background is subtracted, a window waits for it, at most 48 windows; an older one stays unjudged.
- The AQI adjustment uses what is known when the window is judged; without it nothing is taken off.

Time is the windows'; nothing here reads a clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from edge_agent.config.dust import Limit
from edge_agent.dust.city import CitySeries
from edge_agent.dust.window import WindowResult
from edge_agent.messages.dust import ExceedanceData, ExceedanceState
from edge_agent.messages.envelope import Draft, rfc3339
from edge_agent.messages.gate import ViolationData

UNJUDGED_END = 4
WAITING_MAX = 48
DAY_S = 86400.0


@dataclass(slots=True)
class Episode:
    """One exceedance in the making."""

    id: str
    since: float
    until: float
    windows: int
    peak: float
    said: float
    seen: float
    unjudged: int = 0
    violated: bool = False


@dataclass(slots=True)
class Judged:
    """A window, what was held against the limit and what was taken off before."""

    window: WindowResult
    mean: float | None
    share: float
    judged: float | None
    background: float | None = None
    adjustment: float = 0.0
    reason: str = ""


@dataclass(slots=True)
class DayCount:
    """Exceeding windows of one local day; ``last_end`` keeps overlapping windows from counting twice."""

    day: int = -1
    count: int = 0
    last_end: float = 0.0


@dataclass(frozen=True, slots=True)
class LimitMemory:
    """What a limit's watch must know again after a restart, so that an exceedance goes on under its id.

    ``waiting``: windows whose background has not come, without the values that the limit does not name.
    """

    episode: Episode | None
    today: DayCount
    waiting: list[WindowResult] = field(default_factory=list)


class LimitWatch:
    """One limit over one sensor's windows."""

    def __init__(self, limit: Limit, city: CitySeries, utc_offset_s: float = 28800.0) -> None:
        self.limit = limit
        self._city = city
        self._offset_s = utc_offset_s
        self._waiting: deque[WindowResult] = deque(maxlen=WAITING_MAX)
        self._episode: Episode | None = None
        self._today = DayCount()

    @property
    def label(self) -> str:
        """Name of the limit among a sensor's."""
        return self.limit.name or f"{self.limit.value_name}-{self.limit.window_s:g}s"

    def memory(self) -> LimitMemory:
        """As it stands now; it goes on changing, so write it down at once."""
        return LimitMemory(self._episode, self._today, list(self._waiting))

    def recall(self, memory: LimitMemory) -> None:
        """Goes on where ``memory`` was taken."""
        self._episode, self._today = memory.episode, memory.today
        self._waiting.extend(memory.waiting)

    @property
    def waiting(self) -> int:
        """How many windows wait for their background."""
        return len(self._waiting)

    @property
    def exceedance(self) -> str:
        """Id of the exceedance that goes on, or empty."""
        return self._episode.id if self._episode else ""

    def update(self, window: WindowResult) -> list[Draft]:
        """Takes a closed window in; windows of another length, alignment or value are none of its business."""
        limit = self.limit
        if (
            window.window_s != limit.window_s
            or window.rolling != (limit.alignment == "rolling")
            or limit.value_name not in window.values
        ):
            return []
        if not limit.background:
            return self._decide(self._judge(window, None))
        self._waiting.append(replace(window, values={limit.value_name: window.values[limit.value_name]}))
        return self.city_changed()

    def city_changed(self) -> list[Draft]:
        """Judges the waiting windows whose background has come, in their order."""
        drafts: list[Draft] = []
        while self._waiting:
            window = self._waiting[0]
            background = self._city.background(self.limit.background, window.start, window.end)
            if background is None and self._valid(window):
                break
            self._waiting.popleft()
            drafts += self._decide(self._judge(window, background))
        return drafts

    def _valid(self, window: WindowResult) -> bool:
        statistics = window.values[self.limit.value_name]
        return statistics.mean is not None and statistics.share >= self.limit.min_valid_share

    def _judge(self, window: WindowResult, background: float | None) -> Judged:
        statistics = window.values[self.limit.value_name]
        if not self._valid(window):
            return Judged(
                window, statistics.mean, statistics.share, None, reason=statistics.reason or "too few samples"
            )
        measured = statistics.max if self.limit.statistic == "max" else statistics.mean
        assert measured is not None
        adjustment = self._adjustment(window)
        judged = round(measured - (background or 0.0) - adjustment, 3)
        return Judged(window, statistics.mean, statistics.share, judged, background, adjustment)

    def _adjustment(self, window: WindowResult) -> float:
        rule = self.limit.aqi_adjustment
        air = self._city.at(window.start) if rule else None
        if rule is None or air is None or air.aqi is None:
            return 0.0
        return rule.subtract if rule.aqi_min <= air.aqi <= rule.aqi_max and air.primary in rule.primary else 0.0

    def _decide(self, judged: Judged) -> list[Draft]:
        window, episode, drafts = judged.window, self._episode, list[Draft]()
        if episode and window.start >= episode.seen + UNJUDGED_END * window.window_s:
            drafts += self._end(Judged(window, None, 0.0, None, reason="no valid data: a gap"))
        if self._episode:
            self._episode.seen = window.end
        if judged.judged is None:
            return drafts + self._unjudged(judged)
        if judged.judged > self.limit.value:
            return drafts + self._exceeding(judged, judged.judged)
        return drafts + self._end(judged) if self._episode else drafts

    def _unjudged(self, judged: Judged) -> list[Draft]:
        if self._episode is None:
            return []
        self._episode.unjudged += 1
        if self._episode.unjudged < UNJUDGED_END:
            return []
        judged.reason = f"no valid data: {judged.reason}"
        return self._end(judged)

    def _exceeding(self, judged: Judged, height: float) -> list[Draft]:
        window = judged.window
        self._count(window)
        episode = self._episode
        if episode is None:
            identity = f"{window.sensor}/{self.label}/{rfc3339(window.start)}"
            episode = Episode(identity, window.start, window.end, 1, height, said=window.end, seen=window.end)
            self._episode = episode
            drafts = [self._draft(judged, episode, "started")]
        else:
            episode.until, episode.windows, episode.unjudged = window.end, episode.windows + 1, 0
            episode.peak = max(episode.peak, height)
            drafts = []
            if window.end >= episode.said + window.window_s:
                episode.said = window.end
                drafts.append(self._draft(judged, episode, "ongoing"))
        if not episode.violated and self._today.count > self.limit.allowed_per_day:
            episode.violated = True
            state: ExceedanceState = "started" if episode.windows == 1 else "ongoing"
            data = self._data(judged, episode, state)
            violation = ViolationData(kind="dust_exceedance", confidence=1.0, exceedance=data)
            drafts.append(Draft("violation", window.closed, violation, subject=window.sensor))
        return drafts

    def _count(self, window: WindowResult) -> None:
        day = int((window.start + self._offset_s) // DAY_S)
        if day != self._today.day:
            self._today = DayCount(day, 0, self._today.last_end)
        if window.start >= self._today.last_end or window.end < self._today.last_end - DAY_S:
            self._today.count += 1
            self._today.last_end = window.end

    def _end(self, judged: Judged) -> list[Draft]:
        assert self._episode is not None
        draft = self._draft(judged, self._episode, "ended")
        self._episode = None
        return [draft]

    def _draft(self, judged: Judged, episode: Episode, state: ExceedanceState) -> Draft:
        window = judged.window
        return Draft("exceedance", window.closed, self._data(judged, episode, state), subject=window.sensor)

    def _data(self, judged: Judged, episode: Episode, state: ExceedanceState) -> ExceedanceData:
        window, limit = judged.window, self.limit
        return ExceedanceData(
            exceedance=episode.id,
            state=state,
            sensor=window.sensor,
            value_name=limit.value_name,
            limit=limit.value,
            mean=rounded(judged.mean),
            start=rfc3339(window.start),
            end=rfc3339(window.end),
            window_s=window.window_s,
            valid_share=round(judged.share, 4),
            judged=rounded(judged.judged),
            since=rfc3339(episode.since),
            until=rfc3339(episode.until),
            windows=episode.windows,
            peak=round(episode.peak, 3),
            count_today=self._today.count,
            allowed_per_day=limit.allowed_per_day,
            background=rounded(judged.background),
            adjustment=judged.adjustment,
            statistic=limit.statistic,
            alignment=limit.alignment,
            standard=limit.standard,
            source=limit.source,
            confirmed=limit.confirmed,
            reason=judged.reason,
        )


def rounded(value: float | None) -> float | None:
    """Three decimals: a thousandth of a µg/m³ is beyond every sensor."""
    return None if value is None else round(value, 3)

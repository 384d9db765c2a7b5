"""What a dust post says: windows of readings and exceedances of limits. Values are in the unit of their name."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge_agent.messages.position import Position

ExceedanceState = Literal["started", "ongoing", "ended"]


class Statistic(msgspec.Struct, frozen=True, kw_only=True):
    """Of one value over one window, from its normal samples; without any, ``mean``, ``min`` and ``max`` are null.

    The mean of noise is the energy mean (Leq), that of wind direction the mean of unit vectors. ``levels``, of noise
    only, counts its normal samples by tenths of dB: ``{"584": 12}`` is 12 at 58.4 dB; L5 to L95 follow from it.

    ``flag`` is HJ 212's: N when at least 75 % of the window's time was covered by normal samples (``share``),
    otherwise the commonest flag among the others, B when they are missing; ``reason`` says why.
    """

    mean: float | None
    min: float | None
    max: float | None
    count: int
    flag: str
    share: float = 1.0
    reason: str = ""
    levels: dict[int, int] | msgspec.UnsetType = msgspec.UNSET


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of a window, by column: seconds since its start, HJ 212 quality flag, and each value or null.

    A reading's ``quality`` is N when all its values are; else its values' flags stand in ``flags``, by value name, for
    all readings of the window, and why in ``reasons``, by the reading's place in the columns, from 0.
    """

    offset_s: list[float]
    quality: list[str]
    values: dict[str, list[float | None]]
    flags: dict[str, list[str]] = {}
    reasons: dict[int, str] = {}


class DustData(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one sensor; ``values`` by value name, such as ``pm10_ug_m3``; ``start`` in UTC.

    ``correction`` names the method of the values that stand as ``…_corrected_ug_m3`` beside the raw ones. Several
    records of the shortest window with one sensor and start come from a restart inside it; their counts tell the parts.
    ``readings`` come with report windows where asked for. ``position`` is where a device that moves was in the middle
    of the window.
    """

    sensor: str
    start: str
    window_s: float
    values: dict[str, Statistic]
    correction: str = ""
    readings: Readings | None = None
    position: Position | None = None


class ExceedanceData(msgspec.Struct, frozen=True, kw_only=True):
    """One exceedance over its life: every message of it carries the same ``exceedance``.

    ``start``, ``end``, ``mean`` and ``valid_share`` are of the window just judged; ``judged`` is what was held against
    ``limit``: the statistic less ``background`` less ``adjustment``. ``since`` and ``until`` span the exceeding
    windows, ``windows`` counts them, ``peak`` is the highest ``judged``. ``count_today`` counts the exceeding windows
    of the local day over all exceedances of this limit. ``confirmed`` false: the limit's figure is unconfirmed.
    ``position`` is where a device that moves was at the message's time.
    """

    exceedance: str
    state: ExceedanceState
    sensor: str
    value_name: str
    limit: float
    mean: float | None
    start: str
    end: str
    window_s: float
    valid_share: float
    judged: float | None
    since: str
    until: str
    windows: int
    peak: float
    count_today: int
    allowed_per_day: int = 0
    background: float | None = None
    adjustment: float = 0.0
    statistic: str = "mean"
    alignment: str = "aligned"
    standard: str = ""
    source: str = ""
    confirmed: bool = True
    reason: str = ""
    position: Position | None = None

"""What a platform may ask of a device: ``cmd/{name}`` in, one ``ack`` out for each, whatever became of it.

A payload is JSON; an ``id`` in it is given back in the acknowledgement. What is not understood is refused with what is
allowed; nothing a platform sends can stop the agent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from edge_agent.dust.city import CityAir
from edge_agent.messages import AckData

log = logging.getLogger(__name__)

_MOST_BYTES = 64 << 10
Handler = Callable[[bytes], str]


class CityAirCommand(msgspec.Struct, frozen=True, kw_only=True):
    """``city-air``: means of the city's stations from ``start`` (RFC 3339) on; ``values`` as ``pm10_ug_m3``."""

    id: str = ""
    start: datetime
    values: dict[str, Annotated[float, msgspec.Meta(ge=0, le=100_000)]] = {}
    window_s: Annotated[float, msgspec.Meta(gt=0, le=86400)] = 3600.0
    aqi: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    primary: str = ""

    def air(self) -> CityAir:
        """As the deciders know it. Raises ValueError for a time without a zone."""
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone, as 2026-07-15T10:00:00+08:00")
        return CityAir(self.start.timestamp(), self.values, self.window_s, self.aqi, self.primary)


class _Any(msgspec.Struct):
    id: str = ""


def answer(name: str, payload: bytes, handlers: Mapping[str, Handler]) -> AckData:
    """Runs the handler of ``name``; it returns a sentence, or raises ValueError with why not."""
    given = ""
    try:
        if len(payload) > _MOST_BYTES:
            raise ValueError(f"{len(payload)} bytes; at most {_MOST_BYTES} are allowed")
        given = msgspec.json.decode(payload, type=_Any).id
        handler = handlers.get(name)
        if handler is None:
            raise ValueError(f"no such command; there are: {', '.join(sorted(handlers))}")
        return AckData(command=name[:64], ok=True, detail=handler(payload), id=given)
    except (ValueError, RecursionError) as error:
        log.warning("command %.64r is refused: %.500s", name, error)
        return AckData(command=name[:64], ok=False, detail=str(error)[:500], id=given)


def city_air(tell: Callable[[CityAir], Any]) -> Handler:
    """Hands what the city says to ``tell``."""

    def handle(payload: bytes) -> str:
        tell(msgspec.json.decode(payload, type=CityAirCommand).air())
        return "taken"

    return handle

"""A parking pole's camera, the bays it watches, and the zones where no vehicle may stand.

Points are shares of the picture's width and height, from its top left corner. Two hundred bays do not belong in the
configuration: ``bays_file`` names a TOML or JSON file with the same ``bay`` tables, beside the configuration.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge_agent.config.form import formed
from edge_agent.config.gate import Camera
from edge_agent.config.polygon import check, overlap
from edge_agent.config.section import Name, Point, Seconds, Section
from edge_agent.errors import ConfigError

MOST_BAYS = 500
_MOST_ZONES = 50
_MOST_OVERLAP = 0.25


class PoleCamera(Camera, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As any camera; a pole needs two frames a second."""

    name: Name = "pole"
    frames_per_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2.0


class Bay(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A marked place; ``polygon`` is its outline on the ground, corners in order."""

    id: Name
    polygon: list[Point]
    kind: Literal["car", "truck", "motorcycle", "disabled", "charging"] = "car"

    def __post_init__(self) -> None:
        check(self.polygon, "polygon")


class Zone(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ground where a vehicle that stands longer than ``limit_s`` is ``illegal_parking``."""

    name: Name
    polygon: list[Point]
    kind: Literal["green_verge", "fire_lane", "gate_apron", "other"] = "other"
    limit_s: Annotated[float, msgspec.Meta(ge=10, le=86400)] = 180.0

    def __post_init__(self) -> None:
        check(self.polygon, "polygon")


class Pole(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera and its section of bays.

    A bay changes when what is seen agrees for ``occupied_after_s``, ``free_after_s`` or ``unknown_after_s``. Changes
    are sent at once; every ``confirm_every_s`` all bays are. Bays where something moved are looked at, at most
    ``looks_per_s`` times a second, all of them every ``recheck_s``. ``reference`` is a picture of the camera as it was
    aimed when the polygons were drawn; without one the first frame after a start is taken for it.
    """

    camera: PoleCamera
    bay: list[Bay] = []
    bays_file: str = ""
    zone: list[Zone] = []
    reference: str = ""
    detector: str = "truck-detector"
    classifier: str = "bay-state"
    occupied_after_s: Seconds = 6.0
    free_after_s: Seconds = 6.0
    unknown_after_s: Seconds = 15.0
    confirm_every_s: Annotated[float, msgspec.Meta(ge=60, le=86400)] = 3600.0
    looks_per_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0
    recheck_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0

    def __post_init__(self) -> None:
        if not self.bays_file and not self.bay and not self.zone:
            raise ValueError("bay: there are 0 bays and no zone; give [[pole.bay]] tables, a bays_file, or a zone")
        check_bays(self.bay)
        if len(self.zone) > _MOST_ZONES:
            raise ValueError(f"zone: {len(self.zone)} zones; at most {_MOST_ZONES} are allowed")
        _unique([zone.name for zone in self.zone], "zone", "name")
        for z, zone in enumerate(self.zone):
            for b, bay in enumerate(self.bay):
                share = overlap(zone.polygon, bay.polygon)
                if share > _MOST_OVERLAP:
                    raise ValueError(
                        f"zone[{z}].polygon of {zone.name!r} and bay[{b}].polygon of {bay.id!r} overlap by "
                        f"{share:.0%}; a place is a bay or a zone"
                    )


class BaysFile(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ``bays_file`` holds."""

    bay: list[Bay]

    def __post_init__(self) -> None:
        if not self.bay:
            raise ValueError("bay: there are 0 bays; give [[bay]] tables with id and polygon")
        check_bays(self.bay)


def check_bays(bays: Sequence[Bay]) -> None:
    """Raises ValueError for too many bays, an id used twice, or two that overlap by more than a quarter of the smaller.

    Less than that is how neighbours look that were marked by hand.
    """
    if len(bays) > MOST_BAYS:
        raise ValueError(f"bay: {len(bays)} bays; at most {MOST_BAYS} are allowed on one camera")
    _unique([bay.id for bay in bays], "bay", "id")
    for b, bay in enumerate(bays):
        for a, other in enumerate(bays[:b]):
            share = overlap(other.polygon, bay.polygon)
            if share > _MOST_OVERLAP:
                raise ValueError(
                    f"bay[{b}].polygon of {bay.id!r} and bay[{a}].polygon of {other.id!r} overlap by {share:.0%} of "
                    f"the smaller; at most {_MOST_OVERLAP:.0%} is allowed: draw the outlines on the ground"
                )


def read_bays(file: Path) -> list[Bay]:
    """The bays of a ``bays_file``. Raises ConfigError with the key path in that file."""
    try:
        text = file.read_text(encoding="utf-8")
        raw = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
        return formed(raw, BaysFile, file).bay
    except OSError as error:
        raise ConfigError(file, "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(file, "", f"is no TOML or JSON text: {error}") from error


def _unique(names: Sequence[str], section: str, key: str) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise ValueError(f"{section}[{index}].{key}: {name!r} is used twice; give each its own")
        seen.add(name)

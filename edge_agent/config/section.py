"""The base of all sections: unknown keys are refused, nothing changes after loading."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file."""


_NAMED = "1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit"
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description=_NAMED)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400 * 31)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_PLACED = "a share of the picture: pixels divided by its width or height"
Placed = Annotated[float, msgspec.Meta(ge=0, le=1, description=_PLACED)]
Point = tuple[Placed, Placed]

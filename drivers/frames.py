"""The frame: one picture at a time, from one camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """``time`` is Unix seconds (UTC); ``index`` counts frames of one opening from 0; ``image`` is H×W×3 uint8, BGR."""

    camera: str
    time: float
    index: int
    image: NDArray[np.uint8]

"""Samples kept on disk between runs: one `.npz` a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from models.bay.data import Sample


def kept(file: Path, make: Callable[[], Iterator[Sample]]) -> list[Sample]:
    """The samples in `file`, made and written first if it is not there."""
    if not file.exists():
        samples = list(make())
        polygons = np.empty(len(samples), object)
        polygons[:] = [s.polygon for s in samples]
        partial = file.with_suffix(".tmp.npz")
        np.savez(
            partial,
            pieces=np.stack([s.piece for s in samples]),
            polygons=polygons,
            occupied=np.array([s.occupied for s in samples]),
            source=np.array([s.source for s in samples]),
            group=np.array([s.group for s in samples]),
        )
        partial.replace(file)
    with np.load(file, allow_pickle=True) as stored:
        columns = [stored[name] for name in ("pieces", "polygons", "occupied", "source", "group")]
    return [Sample(p, q, bool(o), str(s), str(g)) for p, q, o, s, g in zip(*columns, strict=True)]

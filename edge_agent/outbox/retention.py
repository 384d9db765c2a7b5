"""Which acknowledged evidence has been kept long enough. Pure but for reading the database; see ``Outbox.retain``.

A pack waits while any destination has not acknowledged any of its messages (dead letters are not acknowledged); one
that waits is never touched here. Pictures go by age since it was first seen acknowledged, then by size, the oldest pack
first; manifests stay until they are more than ``keep_manifests`` or an eighth of the outbox's bound.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath

from edge_agent.config.evidence import Evidence
from edge_agent.evidence import Piece

_DAY_S = 86_400.0
_MANIFEST_SHARE = 1 / 8
# At one review; recording waits while files are removed.
_MOST_PACKS = 100


@dataclass(slots=True)
class Retention:
    """What is to be done: packs newly found delivered, pictures to remove by reason, whole packs to forget."""

    delivered: list[str] = field(default_factory=list)
    pictures: list[tuple[str, list[Piece]]] = field(default_factory=list)
    packs: list[tuple[str, list[Piece]]] = field(default_factory=list)

    @property
    def leaving(self) -> list[Piece]:
        """Every piece that goes."""
        return [piece for _, pieces in (*self.pictures, *self.packs) for piece in pieces]


def kept_long_enough(db: sqlite3.Connection, bounds: Evidence, most: int, now: float | None) -> Retention:
    """``most`` is the outbox's bound in bytes; ``now`` Unix seconds, None while the clock is not trusted.

    Nothing ages without a trusted clock.
    """
    out = Retention()
    held = manifests = bare = 0
    for folder, since, pieces in reversed(list(_acknowledged(db))):
        pictures = [piece for piece in pieces if not piece.sealing]
        if not pictures:
            bare += 1
            manifests += sum(piece.size for piece in pieces)
            if bare > bounds.keep_manifests or manifests > most * _MANIFEST_SHARE:
                out.packs.append((folder, pieces))
            continue
        held += sum(piece.size for piece in pictures)
        if since == 0 and now is not None:
            out.delivered += [piece.path for piece in pieces]
        if bounds.keep_days and since and now is not None and now - since > bounds.keep_days * _DAY_S:
            out.pictures.append(("keep_days", pictures))
        elif bounds.keep_mb and held > bounds.keep_mb << 20:
            out.pictures.append(("keep_mb", pictures))
    out.pictures, out.packs = out.pictures[-_MOST_PACKS:], out.packs[-_MOST_PACKS:]
    return out


def _acknowledged(db: sqlite3.Connection) -> Iterator[tuple[str, float, list[Piece]]]:
    """Folder, since when it was delivered (0: newly), and pieces of each pack nobody waits for, oldest first."""
    rows = db.execute(
        "SELECT p.path, p.size, p.delivered, m.sequence FROM piece p LEFT JOIN message m ON m.sequence = p.sequence"
        " AND (m.pending <> 0 OR m.dead <> 0) ORDER BY p.path"
    )
    for folder, group in groupby(rows, key=lambda row: str(PurePosixPath(row[0]).parent)):
        found = list(group)
        if all(waiting is None for _, _, _, waiting in found):
            yield folder, min(row[2] for row in found), [Piece(path, size) for path, size, _, _ in found]

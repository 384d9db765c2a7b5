"""The newest link of the device's chain of manifests: in the database, set in the transaction that raises the message.

So after a power cut a manifest is either the head and its message committed, or it was never raised: then the pack is
taken back at start, and the number is given again. Where the database was lost or is an old copy, the head is read from
the manifests on disk, and nothing is taken back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import PurePosixPath

from edge_agent.evidence import EvidenceStore
from edge_agent.evidence.manifest import MANIFEST, Head, Manifest, NotSignedError, digest, read_signed


def read_head(db: sqlite3.Connection) -> Head | None:
    """The newest committed link."""
    row = db.execute("SELECT id, number, sha256, key FROM chain").fetchone()
    return Head(chain=row[0], number=row[1], sha256=row[2], key=row[3]) if row else None


def write_head(db: sqlite3.Connection, head: Head) -> None:
    """Inside the transaction of the link's message."""
    db.execute(
        "INSERT OR REPLACE INTO chain (one, id, number, sha256, key) VALUES (1, ?, ?, ?, ?)",
        (head.chain, head.number, head.sha256, head.key),
    )


def settle_chain(db: sqlite3.Connection, evidence: EvidenceStore, *, damaged: bool) -> list[str]:
    """At start: makes head and disk agree; sentences about what was found. ``damaged``: the database was lost."""
    head = read_head(db)
    known = {path for (path,) in db.execute("SELECT path FROM piece")} if head else set()
    paths = [p.path for p in evidence.scan() if p.sealing and p.path not in known]
    found = {path: link for path in paths if (link := _link(evidence, path))}
    ahead = {path: link for path, link in found.items() if not _behind(link, head)}
    if not ahead:
        return []
    newest = max(ahead.values(), key=lambda link: (link.chain, link.number))
    if not damaged and _interrupted(ahead.values(), head):
        for path in ahead:
            evidence.drop_pack(str(PurePosixPath(path).parent))
        return ["power was cut while a message was recorded with its pictures; it was not raised and is taken back"]
    write_head(db, newest)
    return [f"the chain of manifests goes on after number {newest.number}, which was found on disk ({MANIFEST})"]


def _behind(link: Head, head: Head | None) -> bool:
    """Whether the chain already went on beyond ``link``; ids of chains grow with time."""
    return head is not None and (link.chain, link.number) <= (head.chain, head.number)


def _interrupted(ahead: Iterable[Head], head: Head | None) -> bool:
    """Whether only one follows the head, as a recording that was cut off leaves it."""
    links = list(ahead)
    if len(links) != 1:
        return False
    follows = head is not None and (links[0].chain, links[0].number) == (head.chain, head.number + 1)
    return follows or links[0].number == 1


def _link(evidence: EvidenceStore, path: str) -> Head | None:
    try:
        content = evidence.read(path)
        manifest = read_signed(content, Manifest)[0]
    except (OSError, NotSignedError):
        return None
    link = manifest.chain
    return Head(chain=link.id, number=link.number, sha256=digest(content), key=manifest.key)

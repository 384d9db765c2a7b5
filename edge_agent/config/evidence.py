"""How evidence is sealed, and how long it stays on the device."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.config.section import Section


class Evidence(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packs are signed with ``key_file`` (Ed25519, PEM); empty: a key in ``data_dir``, made on first use.

    ``sm3`` adds the SM3 of every file beside its SHA-256. After every destination acknowledged a pack its pictures stay
    for ``keep_days`` and up to ``keep_mb`` in all, the oldest go first; 0 is no bound of its own, ``outbox.max_mb``
    bounds them anyway. Manifests stay when pictures go, up to ``keep_manifests``.
    """

    key_file: str = ""
    sm3: bool = False
    keep_days: Annotated[float, msgspec.Meta(ge=0, le=36_500)] = 30.0
    keep_mb: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    keep_manifests: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000

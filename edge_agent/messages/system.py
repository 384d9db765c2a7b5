"""What a device says of itself, and of what it had to let go."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class StatusData(msgspec.Struct, frozen=True, kw_only=True):
    """Retained; the last will says offline. ``problems`` are sentences a person can act on.

    ``evidence_key`` is the public Ed25519 key in hexadecimal that signs the evidence, empty without a camera.
    """

    state: Literal["online", "offline", "stopped"]
    version: str = ""
    kind: str = ""
    problems: list[str] = []
    evidence_key: str = ""


class HealthData(msgspec.Struct, frozen=True, kw_only=True):
    """Sent every ``health_interval_s``: what a maintainer wants to know before driving there.

    ``evidence``: the public key, and number and SHA-256 of the newest manifest of the chain.
    """

    uptime_s: float
    outbox: dict[str, Any]
    sources: dict[str, Any]
    uplinks: dict[str, Any]
    clock: dict[str, Any]
    machine: dict[str, Any]
    evidence: dict[str, Any] = {}


class AckData(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command; ``id`` is the one it came with, ``detail`` a sentence."""

    command: str
    ok: bool
    detail: str
    id: str = ""


class LossData(msgspec.Struct, frozen=True, kw_only=True):
    """Sequences that will not come: whoever does not have one of them need not wait for it.

    ``reason``: ``outbox-full`` and ``disk-full`` (evicted), ``rejected`` (refused too often by ``destination``),
    ``damaged`` (what a broken database could not give back). ``message_class`` names the priority class.
    """

    reason: Literal["outbox-full", "disk-full", "rejected", "damaged"]
    message_class: str
    count: int
    ranges: list[tuple[int, int]]
    destination: str = ""
    detail: str = ""

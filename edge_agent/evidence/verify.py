"""Judges evidence packs offline: what is proven, and what is not.

Proven of a pack: its files are unchanged since they were signed with a key, under a number in that key's chain. That
the key belongs to the device is proven only when the key is known from elsewhere. Several packs show their chain: a
number that is missing, comes twice or does not name the manifest before it is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from edge_agent.evidence.key import signed_by
from edge_agent.evidence.manifest import (
    MANIFEST,
    REMOVED,
    File,
    Manifest,
    NotSignedError,
    Removed,
    digest,
    read_signed,
)
from edge_agent.evidence.packs import Pack

Verdict = Literal["proven", "unchanged", "not proven"]
ASK_KEY = "compare it with evidence_key in its status, or give --key"
_CLOCK_ERROR_MS = 1000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: unchanged, changed, missing, kept-on-device (was not sent), removed (and the device signed so)."""

    name: str
    role: str
    state: str


class PackReport(msgspec.Struct, kw_only=True):
    """``problems`` are why it is not proven; ``not_proven`` is what even a proven pack leaves open.

    ``verdict``: ``proven`` only where the device's key was given; without it what is as signed is ``unchanged``.
    ``signed``: the manifest is as it was signed, whatever became of the files.
    """

    place: str
    verdict: Verdict = "not proven"
    signed: bool = False
    message: str = ""
    kind: str = ""
    site: str = ""
    device: str = ""
    time: str = ""
    timetrust: str = ""
    timeerrorms: int = -1
    key: str = ""
    chain: str = ""
    number: int = 0
    previous: str = ""
    sha256: str = ""
    files: list[FileReport] = []
    problems: list[str] = []
    not_proven: list[str] = []


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """The packs of one chain: numbers, what is missing between them, and what does not fit."""

    chain: str
    key: str
    device: str
    first: int
    last: int
    count: int
    missing: list[int]
    problems: list[str]


def judge(pack: Pack, *, key: str = "", whole: bool = False) -> PackReport:
    """``key``: the device's public key in hexadecimal. ``whole``: pieces that were not sent must be there too.

    Raises UnreadablePackError.
    """
    report = PackReport(place=pack.place)
    content = pack.files[MANIFEST].document() if MANIFEST in pack.files else b""
    report.sha256 = digest(content)
    try:
        manifest, line, signature = read_signed(content, Manifest)
    except NotSignedError as error:
        report.problems = [f"{MANIFEST} {error}"]
        return report
    _describe(report, manifest)
    problems = []
    report.signed = signed_by(manifest.key, line, signature)
    if not report.signed:
        problems.append(f"{MANIFEST} was changed after it was signed, or its signature was")
    if key and manifest.key != key:
        problems.append(f"{MANIFEST} is signed by the key {manifest.key}, not by the one given")
    name = pack.place.rpartition("/")[2]
    if _ID.fullmatch(name) and name != manifest.message:
        problems.append(f"its folder bears the id of another message; its own is {manifest.message}")
    removed = _removed(pack, manifest, report.sha256, problems)
    report.files = [_file(pack, file, removed, problems, whole=whole) for file in manifest.files]
    named = [file.name for file in manifest.files]
    if len(set(named)) != len(named):
        problems.append(f"{MANIFEST} names a file twice")
    strangers = {*pack.files, *pack.odd} - {*named, MANIFEST, REMOVED}
    problems += [f"{name} was added: the manifest does not name it" for name in sorted(strangers)]
    disguised = {*pack.odd} - strangers
    problems += [f"{name} is a link, pipe or device and no file of a pack" for name in sorted(disguised)]
    report.problems = problems
    if not problems:
        report.verdict = "proven" if key else "unchanged"
    report.not_proven = _open_questions(report, manifest, key)
    return report


def chains(reports: Iterable[PackReport], *, complete: bool) -> list[ChainReport]:
    """The chains that signed packs belong to; with ``complete`` a missing number is a problem."""
    groups: dict[tuple[str, str, str], list[PackReport]] = {}
    for report in reports:
        if report.signed:
            groups.setdefault((report.device, report.key, report.chain), []).append(report)
    return [_chain(found, complete=complete) for _, found in sorted(groups.items())]


def _chain(found: list[PackReport], *, complete: bool) -> ChainReport:
    problems = []
    links: dict[int, PackReport] = {}
    for report in sorted(found, key=lambda each: (each.number, each.sha256)):
        other = links.setdefault(report.number, report)
        if other is not report:
            what = "is there twice" if other.sha256 == report.sha256 else "was given to two manifests"
            problems.append(f"number {report.number} {what}: {other.place} and {report.place}")
    for number, report in links.items():
        before = links.get(number - 1)
        if before and before.sha256 != report.previous:
            problems.append(f"number {number} ({report.place}) does not follow {before.place}")
    numbers = sorted(links)
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers[-1] - numbers[0] < 1_000_000 else []
    if complete and len(numbers) != numbers[-1] - numbers[0] + 1:
        named = ", ".join(str(n) for n in missing[:20]) + (", …" if len(missing) > 20 else "")
        problems.append(f"missing in the chain: number {named}")
    if numbers[0] == 1 and (links[1].previous or links[1].chain != links[1].message):
        problems.append(f"number 1 ({links[1].place}) is no beginning of a chain")
    first = links[numbers[0]]
    return ChainReport(
        chain=first.chain,
        key=first.key,
        device=first.device,
        first=numbers[0],
        last=numbers[-1],
        count=len(numbers),
        missing=missing,
        problems=problems,
    )


def _describe(report: PackReport, manifest: Manifest) -> None:
    report.message, report.kind = manifest.message, manifest.kind
    report.site, report.device = manifest.site, manifest.device
    report.time, report.timetrust, report.timeerrorms = manifest.time, manifest.timetrust, manifest.timeerrorms
    report.key, report.chain = manifest.key, manifest.chain.id
    report.number, report.previous = manifest.chain.number, manifest.chain.previous


def _removed(pack: Pack, manifest: Manifest, sha256: str, problems: list[str]) -> dict[str, str]:
    """What the device says it removed, by name, and why."""
    if REMOVED not in pack.files:
        return {}
    try:
        note, line, signature = read_signed(pack.files[REMOVED].document(), Removed)
    except NotSignedError as error:
        problems.append(f"{REMOVED} {error}")
        return {}
    if note.manifest != sha256 or note.key != manifest.key or not signed_by(note.key, line, signature):
        problems.append(f"{REMOVED} was not signed by this device for this pack")
        return {}
    return {entry.name: f"removed by the device on {entry.time} ({entry.reason})" for entry in note.removed}


def _file(pack: Pack, file: File, removed: dict[str, str], problems: list[str], *, whole: bool) -> FileReport:
    if file.name not in pack.files:
        state = "removed" if file.name in removed else "missing" if file.sent or whole else "kept-on-device"
        if state == "missing":
            problems.append(f"{file.name} ({file.role}) is missing")
        return FileReport(name=file.name, role=file.role, state=state)
    content = pack.files[file.name]
    prints = content.prints(bool(file.sm3)) if content.size == file.size else None
    if prints is None or prints.sha256 != file.sha256 or (file.sm3 and prints.sm3 != file.sm3):
        problems.append(f"{file.name} ({file.role}) was changed after it was signed")
        return FileReport(name=file.name, role=file.role, state="changed")
    return FileReport(name=file.name, role=file.role, state="unchanged")


def _open_questions(report: PackReport, manifest: Manifest, key: str) -> list[str]:
    out = []
    if not key:
        out.append(f"that the key belongs to {manifest.device}: {ASK_KEY}")
    if manifest.timetrust != "trusted":
        out.append(f"when it was: the device's clock was not synchronised then (time {manifest.timetrust})")
    elif not 0 <= manifest.timeerrorms <= _CLOCK_ERROR_MS:
        error = f"{manifest.timeerrorms} ms" if manifest.timeerrorms >= 0 else "unknown"
        out.append(f"the time to a second: the kernel's bound of its error was {error}")
    for state, what in (
        ("kept-on-device", "it was not sent with the pack; ask the device for it"),
        ("removed", "the device removed it and signed that it did"),
    ):
        out += [f"anything of {f.name} ({f.role}): {what}" for f in report.files if f.state == state]
    return out


def plain(report: PackReport | ChainReport) -> dict[str, Any]:
    """For ``--json``."""
    out: dict[str, Any] = msgspec.to_builtins(report)
    return out

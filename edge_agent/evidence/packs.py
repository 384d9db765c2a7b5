"""Finds evidence packs: in a folder, a folder of folders, a zip or a tar of either. Reads only; nothing is unpacked."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge_agent.evidence.manifest import MANIFEST

MOST_FILE_BYTES = 512 << 20


class UnreadablePackError(ValueError):
    """What was given cannot be read as packs; the text says why."""


@dataclass(slots=True)
class Pack:
    """One folder with a manifest: a reader by file name. ``odd``: what is there and is no plain file."""

    place: str
    files: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Found:
    """What was found under one path; ``single``: it is one pack itself. ``strays`` are files in no pack."""

    path: str
    packs: list[Pack]
    strays: list[str]
    single: bool


@contextmanager
def open_packs(path: Path) -> Iterator[Found]:
    """The packs at ``path``. Raises UnreadablePackError, also while they are read."""
    try:
        if path.is_dir():
            yield _sorted(path, _in_folder(path))
        elif not path.exists():
            raise UnreadablePackError(f"{path} does not exist")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield _sorted(path, _in_zip(archive))
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tape:
                yield _sorted(path, _in_tar(tape))
        else:
            raise UnreadablePackError(f"{path} is no folder, zip or tar; give a pack or a folder of packs")
    except (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise UnreadablePackError(f"{path} cannot be read: {error}") from error


_Entry = tuple[str, Callable[[], bytes] | None]


def _in_folder(root: Path) -> Iterator[_Entry]:
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            yield name, None
        elif file.is_file():
            yield name, _bounded(name, file.stat().st_size, file.read_bytes)


def _in_zip(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise UnreadablePackError(f"{archive.filename} is encrypted; unpack it first")
        if not info.is_dir():
            yield info.filename, _bounded(info.filename, info.file_size, partial(archive.read, info))


def _in_tar(tape: tarfile.TarFile) -> Iterator[_Entry]:
    for member in tape.getmembers():
        name = member.name.removeprefix("./")
        if member.isfile():
            yield name, _bounded(name, member.size, partial(_of_tar, tape, member))
        elif not member.isdir():
            yield name, None


def _of_tar(tape: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tape.extractfile(member)
    return file.read() if file else b""


def _bounded(name: str, size: int, read: Callable[[], bytes]) -> Callable[[], bytes]:
    def bounded() -> bytes:
        if size > MOST_FILE_BYTES:
            raise UnreadablePackError(f"{name} has {size} bytes, more than any piece of evidence ({MOST_FILE_BYTES})")
        return read()

    return bounded


def _sorted(path: Path, entries: Iterator[_Entry]) -> Found:
    everything: dict[str, Callable[[], bytes] | None] = {}
    twice: list[str] = []
    for name, read in entries:
        if name in everything:
            twice.append(name)
        everything[name] = read
    roots = {name[: -len(MANIFEST)] for name in everything if name == MANIFEST or name.endswith(f"/{MANIFEST}")}
    packs = {root: Pack(root.rstrip("/") or path.name) for root in sorted(roots)}
    strays = [f"{name} (twice in the archive)" for name in twice]
    for name, read in everything.items():
        root = _root_of(name, roots)
        if root is None:
            strays.append(name)
        elif read is None or "/" in name[len(root) :]:
            packs[root].odd.append(name[len(root) :])
        else:
            packs[root].files[name[len(root) :]] = read
    return Found(str(path), list(packs.values()), strays, single=len(roots) == 1 and not strays)


def _root_of(name: str, roots: set[str]) -> str | None:
    """The innermost pack a file lies in."""
    inside = [root for root in roots if name.startswith(root)]
    return max(inside, key=len) if inside else None

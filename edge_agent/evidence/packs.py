"""Finds evidence packs: in a folder, a folder of folders, a zip or a tar of either. Reads only; nothing is unpacked.

What somebody else made is read with care: a file in pieces and never more than ``MOST_FILE_BYTES`` of it, a tar once
from end to end (to go back in a compressed one is to read all of it again), and nothing but plain files.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from edge_agent.evidence.key import Sm3
from edge_agent.evidence.manifest import MANIFEST, MOST_BYTES, REMOVED

MOST_FILE_BYTES = 512 << 20
_AT_ONCE = 1 << 20
_MOST_DOCUMENTS = 1 << 30


class UnreadablePackError(ValueError):
    """What was given cannot be read as packs; the text says why."""


@dataclass(frozen=True, slots=True)
class Prints:
    """The hashes of a file, in hexadecimal; ``sm3`` may be left out where nobody asked for it."""

    sha256: str
    sm3: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """One plain file. ``document`` is all of it, or more than any signed document has; ``prints``: with SM3 or not."""

    size: int
    document: Callable[[], bytes]
    prints: Callable[[bool], Prints]


@dataclass(slots=True)
class Pack:
    """One folder with a manifest: its files by name. ``odd``: what is there and is no plain file."""

    place: str
    files: dict[str, Content] = field(default_factory=dict)
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
        elif not path.is_file():
            raise UnreadablePackError(f"{path} is a device or a pipe; give a folder, or a zip or tar file")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield _sorted(path, _in_zip(archive))
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tape:
                yield _sorted(path, _in_tar(tape))
        else:
            raise UnreadablePackError(f"{path} is no folder, zip or tar; give a pack or a folder of packs")
    except (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
            NotImplementedError) as error:  # fmt: skip
        raise UnreadablePackError(f"{path} cannot be read: {error}") from error


_Entry = tuple[str, Content | None]


def _in_folder(root: Path) -> Iterator[_Entry]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders.sort()
        for file in sorted(Path(folder, name) for name in (*folders, *files)):
            name = file.relative_to(root).as_posix()
            if file.is_symlink() or not (file.is_file() or file.is_dir()):
                yield name, None
            elif file.is_file():
                yield name, _content(name, file.stat().st_size, partial(io.FileIO, file))


def _in_zip(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise UnreadablePackError(f"{archive.filename} is encrypted; unpack it first")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not info.filename or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield info.filename, None
        elif not info.is_dir():
            yield info.filename, _content(info.filename, info.file_size, partial(archive.open, info))


def _in_tar(tape: tarfile.TarFile) -> Iterator[_Entry]:
    room = _MOST_DOCUMENTS
    for member in tape:
        name = member.name.removeprefix("./")
        file = tape.extractfile(member) if member.isfile() else None
        if file is None:
            if not member.isdir():
                yield name, None
            continue
        document = b""
        if name.rpartition("/")[2] in (MANIFEST, REMOVED) and member.size <= MOST_BYTES:
            document = file.read()
            room -= len(document)
        if room < 0:
            raise UnreadablePackError(f"its manifests have more than {_MOST_DOCUMENTS} bytes; unpack it first")
        yield name, _taken(member.size, document, _prints(name, member.size, file, document, with_sm3=True))


def _taken(size: int, document: bytes, prints: Prints) -> Content:
    """Of a file that was read already."""
    return Content(size, lambda: document, lambda _: prints)


def _content(name: str, size: int, opened: Callable[[], IO[bytes]]) -> Content:
    """Of a file that can be opened at any time."""

    def document() -> bytes:
        with opened() as file:
            return file.read(MOST_BYTES + 1)

    def prints(with_sm3: bool) -> Prints:
        with opened() as file:
            return _prints(name, size, file, with_sm3=with_sm3)

    return Content(size, document, prints)


def _prints(name: str, size: int, file: IO[bytes], begin: bytes = b"", *, with_sm3: bool) -> Prints:
    if size > MOST_FILE_BYTES:
        raise UnreadablePackError(f"{name} has {size} bytes, more than any piece of evidence ({MOST_FILE_BYTES})")
    sha256, sm3 = hashlib.sha256(begin), Sm3(begin)
    while part := file.read(_AT_ONCE):
        sha256.update(part)
        if with_sm3:
            sm3.update(part)
    return Prints(sha256.hexdigest(), sm3.hexdigest() if with_sm3 else "")


def _sorted(path: Path, entries: Iterator[_Entry]) -> Found:
    everything: dict[str, Content | None] = {}
    twice: list[str] = []
    for name, content in entries:
        if name in everything:
            twice.append(name)
        everything[name] = content
    roots = {name[: -len(MANIFEST)] for name in everything if name == MANIFEST or name.endswith(f"/{MANIFEST}")}
    packs = {root: Pack(root.rstrip("/") or path.name) for root in sorted(roots)}
    strays = [f"{name} (twice in the archive)" for name in twice]
    for name, content in everything.items():
        root = _root_of(name, roots)
        if root is None:
            strays.append(name)
        elif content is None or "/" in name[len(root) :]:
            packs[root].odd.append(name[len(root) :])
        else:
            packs[root].files[name[len(root) :]] = content
    return Found(str(path), list(packs.values()), strays, single=len(roots) == 1 and not strays)


def _root_of(name: str, roots: set[str]) -> str | None:
    """The innermost pack a file lies in."""
    end = len(name)
    while (end := name.rfind("/", 0, end)) >= 0:
        if name[: end + 1] in roots:
            return name[: end + 1]
    return "" if "" in roots else None

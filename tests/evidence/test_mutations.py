"""No change of a pack gets past ``edge-agent verify``."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.evidence.manifest import MANIFEST, REMOVED, canonical, digest
from tests.evidence.device import Device, in_order, parts, rewrite, said

Mutation = Callable[[Device, random.Random], str]


def any_file(device: Device, chance: random.Random) -> Path:
    return chance.choice(sorted(f for f in device.folder.rglob("*") if f.is_file()))


def flip(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    return file.name


def truncate(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])
    return file.name


def extend(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    file.write_bytes(file.read_bytes() + chance.choice((b"\n", b" ", b"\0", chance.randbytes(9))))
    return file.name


def swap_files(device: Device, chance: random.Random) -> str:
    one = any_file(device, chance)
    two = chance.choice(sorted(f for f in device.folder.rglob("*") if f.is_file() and f != one))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return f"{one.name} {two.name}"


def delete(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    file.unlink()
    return file.name


def rename(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    file.rename(file.with_name(chance.choice(("9.jpg", "x", MANIFEST + ".bak"))))
    return file.name


def add(device: Device, chance: random.Random) -> str:
    folder = chance.choice([*in_order(device.folder), device.folder, in_order(device.folder)[0] / "sub"])
    folder.mkdir(exist_ok=True)
    file = folder / chance.choice(("4.jpg", "readme", ".hidden", "0.jpg"))
    file.write_bytes(chance.randbytes(chance.randrange(9)))
    return str(file)


def link(device: Device, chance: random.Random) -> str:
    file = any_file(device, chance)
    file.rename(device.folder.parent / "moved")
    file.symlink_to(device.folder.parent / "moved")
    return file.name


def look_alike(device: Device, chance: random.Random) -> str:
    """The same name to the eye or to another system."""
    file = any_file(device, chance)
    name = chance.choice(
        (file.name.upper(), file.name + " ", file.name.replace(".", "．"), file.name.replace("p", "р"))
    )
    file.rename(file.with_name(name if name != file.name else f"\u200b{name}"))
    return name


def edited(value: Any, chance: random.Random) -> Any:
    """``value`` with one leaf changed, added or taken out."""
    if isinstance(value, dict) and value:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if chance.random() < 0.1:
            return {**value, "extra": 1}
        return {**value, key: edited(value[key], chance)}
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        return [*value[:at], edited(value[at], chance), *value[at + 1 :]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + chance.choice((1, -1, 0.5))
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
    return "x"


def edit(device: Device, chance: random.Random) -> str:
    """The signature stays."""
    file = chance.choice(sorted([*device.folder.rglob(MANIFEST), *device.folder.rglob(REMOVED)]))
    document, signature = parts(file)
    changed = edited(document, chance)
    rewrite(file, changed, signature)
    return file.name


def edit_and_sign(device: Device, chance: random.Random) -> str:
    """Signed anew by another key, with or without saying so."""
    file = chance.choice(sorted([*device.folder.rglob(MANIFEST), *device.folder.rglob(REMOVED)]))
    document = edited(parts(file)[0], chance)
    if chance.random() < 0.7 and isinstance(document, dict):
        document["key"] = device.other.public
    rewrite(file, document, device.other.sign(canonical(document)))
    return file.name


def loosen(device: Device, chance: random.Random) -> str:
    """The same JSON, written otherwise."""
    file = chance.choice(sorted(device.folder.rglob(MANIFEST)))
    line, signature, _ = file.read_bytes().split(b"\n")
    way = chance.randrange(4)
    if way == 0:
        line = json.dumps(json.loads(line), sort_keys=True).encode()
    elif way == 1:
        signature = signature.replace(b":", b": ")
    elif way == 2:
        signature = signature.upper().replace(b"ED25519", b"ed25519")
    file.write_bytes(line + b"\n" + signature + (b"\n" if way != 3 else b"\r\n"))
    return f"{file.name} {way}"


def repeat_key(device: Device, chance: random.Random) -> str:
    """JSON that says one thing twice: readers differ in which they take."""
    file = chance.choice(sorted([*device.folder.rglob(MANIFEST), *device.folder.rglob(REMOVED)]))
    line, signature, _ = file.read_bytes().split(b"\n")
    keys = [f'"{name}":'.encode() for name in json.loads(line) if f'"{name}":'.encode() in line]
    key = chance.choice(keys)
    line = line.replace(key, chance.choice((key + b'"",', key + b"0,")) + key, 1)
    file.write_bytes(line + b"\n" + signature + b"\n")
    return f"{file.name} {key.decode()}"


def swap_manifests(device: Device, chance: random.Random) -> str:
    one, two = chance.sample(in_order(device.folder), 2)
    first, second = (one / MANIFEST).read_bytes(), (two / MANIFEST).read_bytes()
    (one / MANIFEST).write_bytes(second)
    (two / MANIFEST).write_bytes(first)
    return ""


def swap_numbers(device: Device, chance: random.Random) -> str:
    """Two links change places in the chain; the signatures cannot follow."""
    files = [pack / MANIFEST for pack in chance.sample(in_order(device.folder), 2)]
    (one, sign_one), (two, sign_two) = (parts(file) for file in files)
    one["chain"], two["chain"] = two["chain"], one["chain"]
    rewrite(files[0], one, sign_one)
    rewrite(files[1], two, sign_two)
    return ""


def swap_packs(device: Device, chance: random.Random) -> str:
    one, two = chance.sample(in_order(device.folder), 2)
    one.rename(device.folder / "aside")
    two.rename(one)
    (device.folder / "aside").rename(two)
    return ""


def remove_pack(device: Device, chance: random.Random) -> str:
    pack = chance.choice(in_order(device.folder))
    shutil.rmtree(pack)
    return pack.name


def repeat_pack(device: Device, chance: random.Random) -> str:
    pack = chance.choice(in_order(device.folder))
    shutil.copytree(pack, pack.with_name(chance.choice(("copy", pack.name[:-1] + "!"))))
    return pack.name


def excuse(device: Device, chance: random.Random) -> str:
    """A picture is deleted, and a note of removal is brought from elsewhere or forged."""
    packs = in_order(device.folder)
    pack = chance.choice([packs[0], *packs[2:]])
    name = chance.choice(("1.jpg", "2.jpg", "3.png"))
    (pack / name).unlink()
    if chance.random() < 0.3:
        shutil.copy(packs[1] / REMOVED, pack / REMOVED)
    else:
        document = parts(packs[1] / REMOVED)[0]
        document |= {"message": pack.name, "manifest": digest((pack / MANIFEST).read_bytes())}
        document["removed"][0]["name"] = name
        document["key"] = chance.choice((device.key, device.other.public))
        rewrite(pack / REMOVED, document, device.other.sign(canonical(document)))
    return name


def forge_everything(device: Device, chance: random.Random) -> str:
    """A whole new chain over changed pictures, by somebody with a key of his own."""
    previous, chain = "", in_order(device.folder)[0].name
    for pack in in_order(device.folder):
        (pack / "2.jpg").write_bytes(chance.randbytes(50))
        document = parts(pack / MANIFEST)[0]
        document["files"][1] |= {"size": 50, "sha256": digest((pack / "2.jpg").read_bytes())}
        document["key"] = device.other.public
        document["chain"] |= {"id": chain, "previous": previous}
        rewrite(pack / MANIFEST, document, device.other.sign(canonical(document)))
        previous = digest((pack / MANIFEST).read_bytes())
    return ""


MUTATIONS: list[Mutation] = [
    flip, flip, flip, truncate, extend, swap_files, delete, rename, add, link, edit, edit, edit_and_sign, edit_and_sign,
    loosen, repeat_key, look_alike, swap_manifests, swap_numbers, swap_packs,
    remove_pack, repeat_pack, excuse, forge_everything,
]  # fmt: skip


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine has that: thousands of files are written."""
    shm = Path("/dev/shm")
    folder = shm / f"mutations-{os.getpid()}" if os.access(shm, os.W_OK) else tmp_path / "mutations"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def mutate(original: Device, folder: Path, seeds: range, capsys: pytest.CaptureFixture[str]) -> None:
    """Each seed is one changed copy; every one must be caught, with a reason."""
    for seed in seeds:
        chance = random.Random(seed)
        mutation = MUTATIONS[seed % len(MUTATIONS)]
        copy = folder / str(seed)
        shutil.copytree(original.folder, copy / "evidence")
        changed = Device(copy / "evidence", original.key, original.other, original.own)
        what = mutation(changed, chance)
        assert changed.verify() == 1, f"{mutation.__name__} of {what} (seed {seed}) was not noticed"
        *packs, end = said(capsys)
        reasons = [*end["summary"]["problems"], *(p for pack in packs for p in pack["pack"]["problems"])]
        assert reasons, f"{mutation.__name__} of {what} (seed {seed}): no reason was given"
        shutil.rmtree(copy)


def test_every_kind_of_change_is_caught(
    original: Device, fast_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutate(original, fast_folder, range(len(MUTATIONS)), capsys)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_of_1500_changes_is_caught(
    original: Device, fast_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutate(original, fast_folder, range(1000, 2500), capsys)

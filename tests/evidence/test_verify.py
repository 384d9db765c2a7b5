"""``edge-agent verify``: what stands is proven, and no change gets past it."""

from __future__ import annotations

import json
import os
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli.main import main
from edge_agent.config import Outbox as Bounds
from edge_agent.evidence.key import SigningKey, load_key, make_key
from edge_agent.evidence.manifest import MANIFEST, REMOVED, canonical, digest, signed_text
from edge_agent.evidence.packs import MOST_FILE_BYTES, open_packs
from edge_agent.messages import Draft, Picture
from tests.house import opened, violation

NEW_YEAR = 1_767_225_600.0  # 2026-01-01T00:00:00Z
PACKS = 5


@dataclass
class Device:
    """An evidence folder of five packs: two pictures each and a local original; of the second a picture was removed."""

    folder: Path
    key: str
    other: SigningKey
    own: SigningKey

    def verify(self, *options: str) -> int:
        """With everything a careful consumer knows."""
        span = f"1-{PACKS}"
        return main(["verify", "--whole", "--key", self.key, "--span", span, "--json", *options, str(self.folder)])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Device:
    """Built once; copied for each test."""
    folder = tmp_path_factory.mktemp("device")
    chance = random.Random(5)
    messages = []
    with opened(folder, sealed=True, bounds=Bounds(free_disk_floor_mb=0)) as recorder:
        for n in range(PACKS):
            draft = violation(n, NEW_YEAR + n, (chance.randbytes(300), chance.randbytes(200)))
            local = Picture("full", draft.time, "image/png", chance.randbytes(100), 4, 3, local=True)
            draft = Draft("violation", draft.time, draft.data, draft.subject, (*draft.pictures, local))
            messages.append(recorder.record(draft))
        store = recorder.outbox.evidence
        store.remove([f"{store.pack(messages[1].id)}/1.jpg"], NEW_YEAR + 99, "keep_mb")
    return Device(folder / "evidence", load_key(folder / "evidence.key").public, make_key(folder / "other.key"),
                  load_key(folder / "evidence.key"))  # fmt: skip


@pytest.fixture
def device(original: Device, tmp_path: Path) -> Device:
    """One that may be changed."""
    shutil.copytree(original.folder, tmp_path / "evidence")
    return Device(tmp_path / "evidence", original.key, original.other, original.own)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The objects printed."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def in_order(folder: Path) -> list[Path]:
    """The packs by number."""
    packs = [m.parent for m in folder.rglob(MANIFEST)]
    return sorted(packs, key=lambda p: json.loads((p / MANIFEST).read_bytes().split(b"\n")[0])["sequence"])


def test_an_untouched_folder_is_proven_and_says_what_is_not(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert device.verify() == 0
    *packs, end = said(capsys)
    assert {end["summary"]["verdict"], *(p["pack"]["verdict"] for p in packs)} == {"proven"}
    assert [p["pack"]["number"] for p in packs] == [1, 2, 3, 4, 5]
    assert [f["state"] for f in packs[1]["pack"]["files"]] == ["removed", "unchanged", "unchanged"]
    assert main(["verify", str(device.folder)]) == 0
    text = capsys.readouterr().out
    assert f"not proven: that the key {device.key} belongs to post-1" in text
    assert "not proven: when it was: the device's clock was not synchronised" in text
    assert "UNCHANGED: 5 of 5 packs" in text
    assert "PROVEN" not in text
    assert main(["verify", "--json", str(device.folder)]) == 0
    assert {report["verdict"] for line in said(capsys) for report in line.values()} == {"unchanged"}
    assert main(["verify", "--key", device.key, str(device.folder)]) == 0
    assert "PROVEN: 5 of 5 packs" in capsys.readouterr().out


def test_what_is_wrong_is_said_in_words(device: Device, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pack, other = in_order(device.folder)[2:4]
    (pack / "1.jpg").write_bytes(b"edited")
    assert main(["verify", str(device.folder)]) == 1
    text = capsys.readouterr().out
    assert f"NOT PROVEN  {pack.relative_to(device.folder)}" in text
    assert "✗ 1.jpg (full) was changed after it was signed" in text
    assert text.endswith("NOT PROVEN: 1 of 5 packs; ✗ above says why\n")
    shutil.rmtree(pack)
    assert main(["verify", str(device.folder)]) == 1
    text = capsys.readouterr().out
    assert "✗ missing in the chain: number 3" in text
    assert text.endswith("but not all of them together: see ✗\n")
    other.rename(tmp_path / "case-17")
    assert main(["verify", str(tmp_path / "case-17")]) == 0
    assert f"message {other.name}" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "nothing")]) == 1
    assert "there is no pack here to judge" in capsys.readouterr().out


def test_a_pack_is_read_from_zip_and_tar_too(device: Device, tmp_path: Path) -> None:
    pack = in_order(device.folder)[0]
    shutil.make_archive(str(tmp_path / "a"), "zip", pack)
    shutil.make_archive(str(tmp_path / "b"), "gztar", device.folder)
    packed = [str(tmp_path / "a.zip"), str(tmp_path / "b.tar.gz")]
    assert [main(["verify", "--whole", path]) for path in packed] == [0, 0]
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("more.txt", "x")
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "c.tar", "w") as tape:
        tape.add(pack, ".")
        tape.addfile(link)
    assert [main(["verify", path]) for path in (packed[0], str(tmp_path / "c.tar"))] == [1, 1]


@pytest.mark.parametrize("kind", ["zip", "lzma", "tar", "gztar", "xztar"])
@pytest.mark.slow
def test_a_broken_archive_is_answered_and_never_a_crash(device: Device, tmp_path: Path, kind: str) -> None:
    pack = in_order(device.folder)[0]
    packed = tmp_path / "good.zip"
    if kind == "lzma":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
            for file in pack.iterdir():
                archive.write(file, file.name)
    else:
        packed = Path(shutil.make_archive(str(tmp_path / "good"), kind, pack))
    good = packed.read_bytes()
    codes = set()
    for seed in range(40):
        chance = random.Random(seed)
        content = bytearray(good)
        content[chance.randrange(len(content))] = chance.randrange(256)
        if seed % 4 == 0:
            del content[chance.randrange(len(content)) :]
        packed.write_bytes(content)
        codes.add(main(["verify", str(packed)]))
    assert 1 in codes
    assert codes <= {0, 1}


def test_without_its_local_originals_a_pack_is_proven_as_sent(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = in_order(device.folder)[0]
    (pack / "3.png").unlink()
    assert main(["verify", "--json", str(pack)]) == 0
    report = said(capsys)[0]["pack"]
    assert [f["state"] for f in report["files"]] == ["unchanged", "unchanged", "kept-on-device"]
    assert any("3.png" in line for line in report["not_proven"])
    assert main(["verify", "--whole", str(pack)]) == 1


@pytest.mark.parametrize("name", ["3.png", REMOVED, "1.jpg"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_pipe_in_place_of_a_piece_that_was_not_sent_does_not_pass_for_nothing(
    device: Device, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = in_order(device.folder)[0] / name
    file.unlink(missing_ok=True)
    if kind == "link":
        file.symlink_to("/etc/hostname")
    else:
        os.mkfifo(file)
    assert main(["verify", str(file.parent)]) == 1
    assert f"✗ {name} is a link, pipe or device" in capsys.readouterr().out


def test_a_zip_that_unpacks_to_links_or_to_nothing_with_a_name_is_no_pack(device: Device, tmp_path: Path) -> None:
    for name, mode in (("3.png", 0o120777), ("", 0o100644)):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for file in in_order(device.folder)[0].iterdir():
                entry = zipfile.ZipInfo(file.name if file.name != "3.png" else name)
                entry.external_attr = (mode if file.name == "3.png" else 0o100644) << 16
                archive.writestr(entry, file.read_bytes())
        assert main(["verify", str(tmp_path / "x.zip")]) == 1


def test_a_pipe_or_device_is_no_archive_and_is_not_read_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["verify", str(tmp_path / "pipe"), "/dev/zero"]) == 1


def test_names_that_others_gave_cannot_write_a_verdict_on_the_screen(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line feed, the escapes that take a line back, and the mark that turns the writing round."""
    pack = in_order(device.folder)[0]
    (pack / "x\x1b[1A\x1b[2KPROVEN\n").write_bytes(b"")
    document = parts(pack / MANIFEST)[0] | {
        "device": "gate\nPROVEN: 1 of 1",
        "kind": "\u202emud",
        "key": device.other.public,
    }
    rewrite(pack / MANIFEST, document, device.other.sign(canonical(document)))
    assert main(["verify", str(pack)]) == 1
    said = capsys.readouterr().out
    assert not any(line.strip().startswith("PROVEN") for line in said.splitlines())
    assert not any(sign in said for sign in ("\x1b", "\u202e"))


def test_a_file_far_larger_than_signed_is_not_read(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    pack = in_order(device.folder)[0]
    os.truncate(pack / "1.jpg", MOST_FILE_BYTES + 1)
    os.truncate(pack / MANIFEST, MOST_FILE_BYTES + 1)
    assert main(["verify", str(pack)]) == 1
    assert "is not the two lines of a signed document" in capsys.readouterr().out


def test_of_packs_in_packs_each_file_belongs_to_the_innermost(device: Device) -> None:
    outer, inner = in_order(device.folder)[:2]
    inner.rename(outer / inner.name)
    with open_packs(outer) as found:
        assert {pack.place: sorted(pack.files) for pack in found.packs} == {
            outer.name: ["1.jpg", "2.jpg", "3.png", MANIFEST],
            inner.name: ["2.jpg", "3.png", MANIFEST, REMOVED],
        }
        assert not found.single


def test_a_pack_whose_picture_the_device_removed_proves_nothing_alone(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(in_order(device.folder)[1])]) == 1
    assert "the device removed 1.jpg" in capsys.readouterr().out


def test_packs_given_one_by_one_need_not_be_neighbours_but_must_fit(device: Device) -> None:
    packs = [str(p) for p in in_order(device.folder)]
    assert main(["verify", packs[0], packs[2], packs[4]]) == 0
    assert main(["verify", packs[0], packs[2], packs[4], "--span", "1-5"]) == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [(["/nowhere"], "does not exist"), (["FILE"], "no folder, zip or tar"), (["EMPTY"], "no evidence pack")],
)
def test_what_is_no_pack_is_answered_with_a_sentence(
    tmp_path: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FILE").write_bytes(os.urandom(600))
    (tmp_path / "EMPTY").mkdir()
    assert main(["verify", str(tmp_path / words[0])]) == 1
    assert problem in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["x", "--key", "zz"],
        ["x", "--key", ""],
        ["x", "--span", "5-1"],
        ["x", "--span", "1-" + "9" * 5000],
        ["--show-key", "/nowhere"],
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *words]) == 2
    assert capsys.readouterr().err


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


def rewrite(file: Path, document: Any, signature: bytes) -> None:
    file.write_bytes(signed_text(canonical(document), signature))


def parts(file: Path) -> tuple[Any, bytes]:
    line, signature = file.read_bytes().split(b"\n")[:2]
    return json.loads(line), bytes.fromhex(json.loads(signature)["ed25519"])


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


def test_the_device_itself_cannot_give_a_number_twice_unnoticed(device: Device) -> None:
    """Even with the key: a second manifest under number 3 does not fit number 4."""
    file = in_order(device.folder)[2] / MANIFEST
    document = parts(file)[0]
    document["data"]["confidence"] = 0.1
    rewrite(file, document, device.own.sign(canonical(document)))
    assert device.verify() == 1

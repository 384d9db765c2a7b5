"""``edge-agent verify``: what stands is proven, what is wrong is said in words."""

from __future__ import annotations

import os
import random
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from edge_agent.cli.main import main
from edge_agent.evidence.manifest import MANIFEST, REMOVED, canonical
from edge_agent.evidence.packs import MOST_FILE_BYTES, open_packs
from tests.evidence.device import Device, in_order, parts, rewrite, said


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


def test_the_device_itself_cannot_give_a_number_twice_unnoticed(device: Device) -> None:
    """Even with the key: a second manifest under number 3 does not fit number 4."""
    file = in_order(device.folder)[2] / MANIFEST
    document = parts(file)[0]
    document["data"]["confidence"] = 0.1
    rewrite(file, document, device.own.sign(canonical(document)))
    assert device.verify() == 1

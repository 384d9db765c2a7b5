"""Keys, manifests and their chain."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agent.errors import ConfigError
from edge_agent.evidence.key import SigningKey, load_key, make_key, read_public_key, signed_by, sm3
from edge_agent.evidence.manifest import MANIFEST, Manifest, NotSignedError, canonical, read_signed
from edge_agent.messages import EvidenceData, Message, Picture
from tests.house import opened, seal_of, violation

NEW_YEAR = 1_767_225_600.0  # 2026-01-01T00:00:00Z

# RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))
    assert key.public == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert signed_by(public, bytes.fromhex(message), bytes.fromhex(signature))
    assert not signed_by(public, bytes.fromhex(message) + b"x", bytes.fromhex(signature))


def test_sm3_is_that_of_gb_t_32905() -> None:
    assert sm3(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16) == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_a_key_is_made_private_and_is_the_same_ever_after(tmp_path: Path) -> None:
    file = tmp_path / "evidence.key"
    made = make_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_key(file).public == made.public
    assert [f.name for f in tmp_path.iterdir()] == ["evidence.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(tmp_path / "k")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nMC4C", bytes(range(64))])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(ConfigError, match="no usable private key"):
        load_key(tmp_path / "k")


def test_a_private_key_given_as_the_public_one_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "k")
    with pytest.raises(ValueError, match="is a private key"):
        read_public_key(str(tmp_path / "k"))


def packs(folder: Path) -> list[Manifest]:
    """The manifests in an evidence folder, by number."""
    found = [read_signed(f.read_bytes(), Manifest)[0] for f in folder.rglob(MANIFEST)]
    return sorted(found, key=lambda m: m.chain.number)


def test_a_manifest_says_what_was_judged_and_names_every_file(tmp_path: Path) -> None:
    draft = violation(1, NEW_YEAR, (b"one", b"two"))
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(draft)
    (path,) = (tmp_path / "evidence").rglob(MANIFEST)
    assert path.parent.name == message.id
    line, signature, rest = path.read_bytes().split(b"\n")
    manifest = json.loads(line)
    assert json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == line
    assert signed_by(manifest["key"], line, bytes.fromhex(json.loads(signature)["ed25519"]))
    assert rest == b""
    assert (manifest["message"], manifest["kind"], manifest["site"], manifest["device"]) == (
        message.id, "muddy_truck", "north", "post-1",
    )  # fmt: skip
    assert (manifest["time"], manifest["timetrust"]) == ("2026-01-01T00:00:00.000Z", str(message.timetrust))
    assert manifest["data"]["confidence"] == 0.9
    for entry, content in zip(manifest["files"], (b"one", b"two"), strict=True):
        assert (path.parent / entry["name"]).read_bytes() == content
        assert (entry["size"], entry["sha256"]) == (3, hashlib.sha256(content).hexdigest())
    assert message.data.evidence[-1].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_links_name_each_other_over_restarts_and_a_new_key_begins_anew(tmp_path: Path) -> None:
    for start in range(2):
        with opened(tmp_path, sealed=True) as recorder:
            for n in range(2):
                recorder.record(violation(n, NEW_YEAR + 10 * start + n, (b"x",)))
            recorder.record(violation(9))
    files = {read_signed(f.read_bytes(), Manifest)[0].chain.number: f for f in (tmp_path / "evidence").rglob(MANIFEST)}
    links = [m.chain for m in packs(tmp_path / "evidence")]
    assert [link.number for link in links] == [1, 2, 3, 4]
    assert [link.previous for link in links[1:]] == [
        hashlib.sha256(files[n].read_bytes()).hexdigest() for n in (1, 2, 3)
    ]
    assert {link.id for link in links} == {packs(tmp_path / "evidence")[0].message}
    (tmp_path / "evidence.key").unlink()
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(violation(1, NEW_YEAR + 99, (b"x",)))
    (new,) = [m.chain for m in packs(tmp_path / "evidence") if m.message == message.id]
    assert (new.id, new.number, new.previous) == (message.id, 1, "")


def test_local_pieces_are_kept_and_named_but_not_sent(tmp_path: Path) -> None:
    draft = violation(1, NEW_YEAR, (b"sent",))
    original = Picture("full", NEW_YEAR, "image/jpeg", b"original", 4, 3, local=True)
    draft = type(draft)("violation", draft.time, draft.data, "v1", (original, *draft.pictures))
    with opened(tmp_path, sealed=True) as recorder:
        message = recorder.record(draft)
        rows = recorder.outbox.queue("broker").take(9)
    assert [(ref.n, ref.role, ref.sent) for ref in message.data.evidence] == [
        (1, "full", False), (2, "full", True), (3, "manifest", True),
    ]  # fmt: skip
    assert [(Path(row.piece).name, row.sequence) for row in rows] == [("", 1), ("2.jpg", 2), (MANIFEST, 3)]
    assert json.loads(rows[1].data)["of"] == 3
    assert [f.sent for f in packs(tmp_path / "evidence")[0].files] == [False, True]
    assert (tmp_path / "evidence" / rows[1].piece).with_name("1.jpg").read_bytes() == b"original"


def test_sm3_stands_beside_sha256_when_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.outbox.evidence.seal = seal_of(tmp_path, sm3=True)
        recorder.record(violation(1, NEW_YEAR, (b"abc",)))
    assert [f.sm3[:8] for f in packs(tmp_path / "evidence")[0].files] == ["66c7f0f4"]


def test_a_key_that_cannot_be_used_costs_the_seal_and_not_the_violation(tmp_path: Path) -> None:
    with opened(tmp_path, sealed=True) as recorder:
        (tmp_path / "evidence.key").write_bytes(b"no key")
        message: Message = recorder.record(violation(1, NEW_YEAR, (b"x",)))
        assert [ref.role for ref in message.data.evidence] == ["full"]
        assert recorder.outbox.head is None
    assert [f.name for f in (tmp_path / "evidence").rglob("*.*")] == ["1.jpg"]


def test_a_document_that_is_not_canonical_is_no_signed_document() -> None:
    line = canonical({"b": 1.5, "a": "ä"})
    assert line == '{"a":"ä","b":1.5}'.encode()
    with pytest.raises(NotSignedError):
        read_signed(line, EvidenceData)
    with pytest.raises(NotSignedError):
        read_signed(b"{}\n{}\n", Manifest)

"""A device's evidence folder, to be verified and spoilt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli.main import main
from edge_agent.evidence.key import SigningKey
from edge_agent.evidence.manifest import MANIFEST, canonical, signed_text

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


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The objects printed."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def in_order(folder: Path) -> list[Path]:
    """The packs by number."""
    packs = [m.parent for m in folder.rglob(MANIFEST)]
    return sorted(packs, key=lambda p: json.loads((p / MANIFEST).read_bytes().split(b"\n")[0])["sequence"])


def rewrite(file: Path, document: Any, signature: bytes) -> None:
    file.write_bytes(signed_text(canonical(document), signature))


def parts(file: Path) -> tuple[Any, bytes]:
    line, signature = file.read_bytes().split(b"\n")[:2]
    return json.loads(line), bytes.fromhex(json.loads(signature)["ed25519"])

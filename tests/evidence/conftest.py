"""Evidence folders for the tests of ``verify``."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from edge_agent.config import Outbox as Bounds
from edge_agent.evidence.key import load_key, make_key
from edge_agent.messages import Draft, Picture
from tests.evidence.device import NEW_YEAR, PACKS, Device
from tests.house import opened, violation


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

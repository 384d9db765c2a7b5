"""The corrections of one camera as a file of the data folder: ``adapt/<camera>.json``, the one before it beside it.

Written whole or not at all. A correction belongs to the networks it was fitted on, by their SHA-256: with others it is
refused, and the shipped head judges. Undoing takes the file back that was in use before, or none.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from edge_agent.errors import ModelError
from edge_agent.evidence.files import Files
from edge_agent.vision.adapt import Correction
from edge_agent.vision.state import StateClassifier

_FOLDER = "adapt"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One output's correction (see ``Correction``), and what it measured on ``crops`` held-back reviewed crops."""

    mean: list[float]
    spread: list[float]
    weights: list[list[float]]
    bias: list[float]
    crops: int
    old_right: int
    new_right: int

    def correction(self) -> Correction:
        """As arrays."""
        return Correction(*(np.array(each, np.float64) for each in (self.mean, self.spread, self.weights, self.bias)))


class Adaptation(msgspec.Struct, frozen=True, kw_only=True):
    """``model`` is the classifier's identity, ``made`` RFC 3339, ``seen`` the SHA-256 of all crops it was fitted on."""

    camera: str
    model: str
    made: str
    heads: dict[str, Head]
    seen: list[str] = []


def read(data_dir: Path, camera: str, identity: str) -> Adaptation | None:
    """What is in use for ``camera`` with the classifier of that identity, None where nothing is.

    Raises ModelError for one that does not fit.
    """
    file = path(data_dir, camera)
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Adaptation)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{file}: cannot be read: {error}; edge-agent adapt --undo takes it back") from error
    if found.model != identity:
        raise ModelError(
            f"{file}: was made for the model {found.model[:16]}…, in use is {identity[:16]}…; run "
            "edge-agent adapt anew, or take it back with --undo"
        )
    return found


def apply(data_dir: Path, camera: str, classifier: StateClassifier) -> Adaptation | None:
    """Corrects ``classifier`` by what is in use for ``camera``. Raises ModelError; it is uncorrected then."""
    found = read(data_dir, camera, classifier.identity)
    if found is not None:
        try:
            classifier.correct({name: head.correction() for name, head in found.heads.items()})
        except ValueError as error:
            raise ModelError(f"{path(data_dir, camera)}: {error}; take it back with edge-agent adapt --undo") from error
    return found


def write(data_dir: Path, adaptation: Adaptation, files: Files | None = None) -> Path:
    """Puts it in use from the next start; what was in use is kept for ``undo``. Raises OSError."""
    files = files or Files()
    file = path(data_dir, adaptation.camera)
    if not file.parent.is_dir():
        files.make_folder(file.parent)
        files.sync_folder(data_dir)
    new = file.with_suffix(".new")
    files.write(new, msgspec.json.encode(adaptation))
    if file.exists():
        before = file.with_suffix(".before-new")
        files.write(before, file.read_bytes())
        files.move(before, file.with_suffix(".before"))
    files.move(new, file)
    files.sync_folder(file.parent)
    return file


def undo(data_dir: Path, camera: str, files: Files | None = None) -> str:
    """Takes back what ``write`` did last; says what is in use now. Raises ModelError where there is nothing."""
    files = files or Files()
    file = path(data_dir, camera)
    before = file.with_suffix(".before")
    if not file.exists():
        raise ModelError(f"{file}: is not there; the shipped head is in use already")
    if before.exists():
        files.move(before, file)
        said = "the correction before it"
    else:
        files.remove(file)
        said = "the shipped head"
    files.sync_folder(file.parent)
    return said


def path(data_dir: Path, camera: str) -> Path:
    """Where the correction of ``camera`` is kept."""
    return data_dir / _FOLDER / f"{camera}.json"

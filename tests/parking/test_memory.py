"""A pole's watch over restarts: its file, and what was decided but not yet recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.agent.pole import RememberingPole
from edge_agent.evidence.files import Files
from edge_agent.messages import Draft
from tests.parking.actors import Actor, Lot, centre, frames, phases, stays, watch


class PowerCutError(Exception):
    """The moment the power goes."""


class Failing(Files):
    """Files on a disk that goes away before write number ``at``."""

    def __init__(self, at: int) -> None:
        self.left = at

    def write(self, path: Path, content: bytes) -> None:
        """Raises PowerCutError instead of writing once none is left."""
        self.left -= 1
        if self.left < 0:
            raise PowerCutError
        super().write(path, content)


LOT = [Actor(centre("A3"), 20.0, 60.0), Actor(centre("A5"), -60.0)]
TRUE = [("A3", "began"), ("A3", "ended"), ("A5", "began")]


def lived(pole: RememberingPole, lot: Lot, begin: float, end: float, recorded: list[Draft], cut_at: float) -> None:
    """Records what is decided; at ``cut_at`` the power goes after the decision and before it is recorded."""
    for frame in frames(lot, begin, end):
        drafts = pole.update(frame)
        if frame.time == cut_at:
            return
        recorded += drafts


def ids(drafts: list[Draft]) -> list[tuple[str, str]]:
    """Bay and phase of each distinct stay message."""
    return sorted({(stay.stay, stay.phase): (stay.bay, stay.phase) for stay in stays(drafts)}.values())


@pytest.mark.parametrize("cut_at", [20.0, 24.5, 26.0, 50.0, 66.5, 68.0])
def test_a_power_cut_between_deciding_and_recording_loses_and_invents_nothing(tmp_path: Path, cut_at: float) -> None:
    lot, path, recorded = Lot(list(LOT)), tmp_path / "pole.watch", []
    lived(RememberingPole(watch(lot), path), lot, 0.0, 100.0, recorded, cut_at)
    lived(RememberingPole(watch(lot), path), lot, cut_at + 2.0, 100.0, recorded, -1.0)
    assert ids(recorded) == TRUE


@pytest.mark.slow
@pytest.mark.parametrize("cut_at", [5.0 + k / 2 for k in range(140)])
def test_so_does_one_at_any_other_frame(tmp_path: Path, cut_at: float) -> None:
    test_a_power_cut_between_deciding_and_recording_loses_and_invents_nothing(tmp_path, cut_at)


def test_what_was_decided_when_the_power_went_comes_with_its_pictures(tmp_path: Path) -> None:
    lot, path = Lot([Actor(centre("A5"), -60.0)]), tmp_path / "pole.watch"
    first = RememberingPole(watch(lot), path)
    decided = next(d for frame in frames(lot, 0.0, 30.0) for d in first.update(frame) if d.channel == "stay")
    again = RememberingPole(watch(lot), path).update(next(frames(lot, 40.0, 41.0)))
    assert again[0] == decided
    assert again[0].pictures


def test_what_was_recorded_does_not_come_again(tmp_path: Path) -> None:
    lot, path = Lot([Actor(centre("A5"), -60.0)]), tmp_path / "pole.watch"
    first = RememberingPole(watch(lot), path)
    drafts = [draft for frame in frames(lot, 0.0, 30.0) for draft in first.update(frame)] + first.finish()
    second = RememberingPole(watch(lot), path)
    drafts += [draft for frame in frames(lot, 40.0, 70.0) for draft in second.update(frame)]
    assert phases(drafts) == [("A5", "began")]


def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "pole.watch"
    path.write_bytes(b"\x93nothing")
    lot = Lot([Actor(centre("A5"), -60.0)])
    pole = RememberingPole(watch(lot), path)
    assert phases([d for frame in frames(lot, 0.0, 30.0) for d in pole.update(frame)]) == [("A5", "began")]


def test_a_cut_while_writing_leaves_the_file_before_it(tmp_path: Path) -> None:
    lot, path = Lot([Actor(centre("A5"), -60.0, 40.0)]), tmp_path / "pole.watch"
    first = RememberingPole(watch(lot), path, Failing(4))
    recorded: list[Draft] = []
    with pytest.raises(PowerCutError):
        lived(first, lot, 0.0, 80.0, recorded, -1.0)
    lived(RememberingPole(watch(lot), path), lot, 60.0, 100.0, recorded, -1.0)
    assert ids(recorded) == [("A5", "began"), ("A5", "ended")]

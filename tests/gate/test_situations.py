"""What the shipped detector saw in rendered clips, replayed at several rates and with frames missing: the passages of
the truth every time. How the recordings are made: tests/gate/record.py."""

from collections import Counter

import msgspec
import pytest

from tests.gate.actors import passages, violations
from tests.gate.recorded import FOLDER, Recorded

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
RATES = [2.0, 5.0, 10.0]

# Begins of gaps (s) after which a passage is missed or told twice, by situation and length. In gate-two a truck is seen
# for a second at the far edge, then hidden by the other for four; in gate-reversal a truck turns while nobody looks.
KNOWN = {
    ("gate-two", 2.0): {4, 6},
    ("gate-two", 4.0): {2, 3, 4, 5, 6, 8},
    ("gate-reversal", 4.0): {11, 22},
    ("gate-hidden", 4.0): {29, 30},
    ("gate-people", 4.0): {22, 23, 24, 25, 26},
    ("gate-people", 2.0): {26},
}

# What the detector got wrong in the clip (0.2.0, at 640x360), so no tracker can mend it: it never sees the truck behind
# the waiting one of gate-hidden, and calls the car of gate-people a truck while it crosses the line.
DETECTED = {"gate-hidden": ["in"], "gate-people": ["out"]}

# Of the muddy truck at night, two frames a second are not enough to be sure: its wheels are unknown, no violation.
UNSURE = {("gate-night", 2.0)}


def directions(recorded: Recorded) -> list[str]:
    true = sorted(passage["direction"] for passage in recorded.truth["passages"])
    return DETECTED.get(recorded.truth["clip"], true)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", NAMES)
def test_the_passages_of_the_truth_at_any_rate(name: str, rate: float) -> None:
    recorded = Recorded(name)
    if recorded.truth["fps"] % rate:
        pytest.skip(f"recorded at {recorded.truth['fps']} frames/s")
    drafts = recorded.drafts(rate)
    assert sorted(p.direction for p in passages(drafts)) == directions(recorded)
    found = Counter(kind for kind, _ in violations(drafts))
    true = +Counter(recorded.truth["expected"]["violations"])
    assert found <= true
    assert found == true or name in DETECTED or (name, rate) in UNSURE


@pytest.mark.slow
@pytest.mark.parametrize("gap_s", [2.0, 4.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_passages_of_the_truth_with_seconds_missing(name: str, gap_s: float) -> None:
    recorded = Recorded(name)
    wrong = {}
    for begin in range(int(recorded.seconds)):
        found = sorted(p.direction for p in passages(recorded.drafts(5.0, [(begin, begin + gap_s)])))
        if found != directions(recorded):
            wrong[begin] = found
    assert set(wrong) <= KNOWN.get((name, gap_s), set()), wrong


@pytest.mark.parametrize("name", NAMES[:1])
def test_the_same_recording_gives_the_same_bytes(name: str) -> None:
    def told() -> list[bytes]:
        drafts = Recorded(name).drafts(5.0)
        return [msgspec.json.encode(d.data) + b"".join(p.content for p in (*d.pictures, *d.clip)) for d in drafts]

    assert told() == told()

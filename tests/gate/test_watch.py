"""Verdicts and violations of whole passages: one of each kind, with pictures that prove it."""

import hashlib
from dataclasses import replace
from datetime import datetime

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.gate.verdict import Seen, join
from edge_agent.messages import Draft
from edge_agent.vision.state import Judgement
from tests.gate.actors import HEIGHT, WIDTH, Actor, Stage, drive, passages, violations

OUT = drive((1, 320, 75), (7, 320, 355))
IN = drive((1, 320, 355), (7, 320, 75))


def kinds(actor: Actor) -> list[str]:
    return [kind for kind, _ in violations(Stage(actor).play(14))]


def test_a_muddy_truck_that_leaves_is_one_violation_with_its_passage() -> None:
    drafts = Stage(Actor(OUT, wheels="muddy")).play(14)
    assert [draft.channel for draft in drafts] == ["passage", "violation"]
    (kind, draft), (passage,) = violations(drafts)[0], passages(drafts)
    assert kind == "muddy_truck"
    assert draft.data.passage == passage  # type: ignore[attr-defined]
    assert passage.wheels.state == "muddy"
    assert passage.wheels.confidence == pytest.approx(0.9)


def test_mud_counts_only_on_the_way_out() -> None:
    assert kinds(Actor(IN, wheels="muddy")) == []


def test_an_uncovered_load_counts_both_ways() -> None:
    assert kinds(Actor(OUT, load="uncovered")) == ["uncovered_load"]
    assert kinds(Actor(IN, load="uncovered")) == ["uncovered_load"]


@pytest.mark.parametrize("wheels", ["clean", "dusty", "unknown"])
@pytest.mark.parametrize("load", ["covered", "empty", "unknown"])
def test_nothing_else_is_a_violation(load: str, wheels: str) -> None:
    assert kinds(Actor(OUT, load=load, wheels=wheels)) == []


def test_what_is_not_sure_enough_is_unknown_and_no_violation() -> None:
    drafts = Stage(Actor(OUT, wheels="muddy", confidence=0.55)).play(14)
    assert passages(drafts)[0].wheels.state == "unknown"
    assert violations(drafts) == []


def test_both_at_once_are_two_violations_of_one_passage() -> None:
    assert kinds(Actor(OUT, load="uncovered", wheels="muddy")) == ["muddy_truck", "uncovered_load"]


def test_the_pictures_are_two_full_views_at_different_times_and_a_crop() -> None:
    (_, draft), *_ = violations(Stage(Actor(OUT, wheels="muddy")).play(14))
    assert [picture.role for picture in draft.pictures] == ["full", "full", "crop"]
    first, second, crop = draft.pictures
    assert second.time - first.time >= 0.8
    images = [cv2.imdecode(np.frombuffer(p.content, np.uint8), cv2.IMREAD_COLOR) for p in draft.pictures]
    assert [image.shape[:2] for image in images] == [(p.height, p.width) for p in draft.pictures]
    assert images[0].shape == images[1].shape == (HEIGHT, WIDTH, 3)
    assert np.abs(images[0].astype(int) - images[1]).max() > 100
    assert crop.width < WIDTH / 2


def test_the_same_frames_give_the_same_drafts() -> None:
    def digest(drafts: list[Draft]) -> str:
        text = b"".join(msgspec.json.encode(d.data) + b"".join(p.content for p in d.pictures) for d in drafts)
        return hashlib.sha256(text).hexdigest()

    actor = Actor(OUT, load="uncovered", wheels="muddy")
    assert digest(Stage(actor).play(14)) == digest(Stage(actor).play(14))


@pytest.mark.parametrize("step_s", [-7200.0, 1.7e9])
def test_a_clock_that_is_set_in_mid_passage_splits_nothing(step_s: float) -> None:
    stage = Stage(Actor(OUT, wheels="muddy"))
    drafts: list[Draft] = []
    for frame in stage.frames(14):
        set_by = step_s if frame.time >= 4 else 0.0
        drafts += stage.watch.update(replace(frame, time=frame.time + 10000 + set_by))
    drafts += stage.watch.finish()
    (passage,) = passages(drafts)
    assert passage.direction == "out"
    assert [kind for kind, _ in violations(drafts)] == ["muddy_truck"]
    start = datetime.fromisoformat(passage.start).timestamp()
    assert start == pytest.approx(10000 + step_s + 1, abs=0.5)
    assert violations(drafts)[0][1].pictures[0].time == pytest.approx(start, abs=8)


@pytest.mark.slow
def test_a_truck_that_stands_for_ten_minutes_costs_little_and_keeps_little() -> None:
    stage = Stage(Actor(drive((0, 320, 150), (600, 321, 151))), rate=2)
    stage.play(600)
    counts = stage.watch.state()
    assert counts["detections"] < 0.15 * counts["frames"]
    assert counts["looks"] <= 40
    assert counts["passages"] == 1


def judgement(quality: float, **load: float) -> Judgement:
    return Judgement({"covered": 0.0, "uncovered": 0.0, "unknown": 0.0} | load, {}, quality)


def test_frames_are_weighed_by_their_quality() -> None:
    """Weights 0.8 and 0.2: 0.9^0.8 · 0.2^0.2 = 0.66620 against 0.1^0.8 · 0.8^0.2 = 0.15157."""
    seen = [Seen(0, judgement(0.8, covered=0.9, uncovered=0.1)), Seen(1, judgement(0.2, covered=0.2, uncovered=0.8))]
    verdict = join(seen, "load", 0.5)
    assert verdict.state == "covered"
    assert verdict.confidence == pytest.approx(0.66620 / (0.66620 + 0.15157), abs=1e-4)
    assert verdict.frames == ["1970-01-01T00:00:00.000Z"]


def test_frames_that_cannot_tell_take_nothing_from_one_that_can() -> None:
    blind = [Seen(k, judgement(0.9, covered=0.03, uncovered=0.03, unknown=0.94)) for k in range(6)]
    verdict = join([*blind, Seen(7, judgement(0.9, covered=0.04, uncovered=0.9, unknown=0.06))], "load", 0.6)
    assert verdict.state == "uncovered"
    assert join(blind, "load", 0.6).state == "unknown"


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0.01, 1)] * 4), min_size=1, max_size=8),
    st.floats(0.1, 0.95),
)
def test_a_verdict_is_never_surer_than_its_surest_frame(frames: list[tuple[float, ...]], least: float) -> None:
    seen = []
    for time, (quality, *weights) in enumerate(frames):
        total = sum(weights)
        shares = dict(zip(("covered", "uncovered", "unknown"), (w / total for w in weights), strict=True))
        seen.append(Seen(time, judgement(quality, **shares)))
    verdict = join(seen, "load", least)
    fit = [s for s in seen if s.judgement.quality >= 0.05]
    assert 0 <= verdict.confidence <= 1
    assert (verdict.state == "unknown") == (verdict.confidence < least)
    if fit:
        within = [
            max(s.judgement.load[n] for n in ("covered", "uncovered")) / (1 - s.judgement.load["unknown"]) for s in fit
        ]
        known = max(1 - s.judgement.load["unknown"] for s in fit)
        assert verdict.confidence <= max(within) * known + 1e-3


def test_nothing_fit_to_judge_by_is_unknown() -> None:
    assert join([Seen(0, judgement(0.01, covered=1.0))], "load", 0.5).state == "unknown"
    assert join([], "load", 0.5).state == "unknown"

"""A violation is raised as a case, reviewed by command, corrected by messages, and its picture kept as a label."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.agent.agent import Agent
from edge_agent.agent.commands import answer
from edge_agent.agent.reviews import Reviews
from edge_agent.clock import Clock
from edge_agent.config import Config, Device, Events, Mqtt
from edge_agent.messages import (
    AckData,
    Change,
    CorrectionData,
    Draft,
    Judged,
    Message,
    PassageData,
    Picture,
    StayData,
    ViolationData,
)
from edge_agent.messages.envelope import TimeTrust
from edge_agent.messages.gate import Kind
from edge_agent.outbox import open_recorder
from edge_agent.review.labels import read_labels
from tests.agent.process import AgentProcess
from tests.agent.test_commands import publish
from tests.brokers import Mosquitto
from tests.house import Receiver, wait_until
from tests.outbox.test_times import PlayedClock

NIGHT = 1789746060.0
SATURDAY_10 = 1795831200.0  # 2026-11-28 10:00 in China


class Post:
    """A device's recorder and reviews, without threads and sources; opened anew by ``restart``."""

    def __init__(self, folder: Path, **parts: Any) -> None:
        mqtt = Mqtt(broker="mqtt://127.0.0.1:1")
        device = Device(id="gate-1", site="north", kind="gate", data_dir=str(folder))
        self.config = Config(device=device, mqtt=[mqtt], **parts)
        self.clock = Clock()
        self.corrections: list[CorrectionData] = []
        self.refuse: Callable[[], None] = lambda: None
        self.open()

    def open(self) -> None:
        self.recorder = open_recorder(self.config, {"mqtt": None}, self.clock)
        self.reviews = Reviews(self.config, Path("gate.toml"), self.recorder, self.clock)

    def close(self) -> None:
        self.reviews.close()
        self.recorder.outbox.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def raise_now(self, kind: Kind) -> None:
        """One without pictures, by the clock as it is."""
        now = self.clock.time()
        self.recorder.record(self.reviews.raised(Draft("violation", now, ViolationData(kind=kind, confidence=0.99))))

    def raise_(self, kind: str = "muddy_truck", *, remembered: bool = True) -> Message:
        state = Judged(state="unknown", confidence=0.0)
        muddy = Judged(state="muddy", confidence=0.9)
        passage = PassageData(
            passage="gate-2026-1", camera="gate", direction="out", label="truck", start="", end="", frames=9,
            load=state, wheels=muddy,
        )  # fmt: skip
        data = ViolationData(kind=kind, confidence=0.9, passage=passage)  # type: ignore[arg-type]
        pictures = [Picture(role, NIGHT + n, "image/jpeg", f"{role}{n}".encode(), 64, 48, box=(1.5, 2, 30, 40))
                    for n, role in ((0, "full"), (1, "full"), (0, "crop"))]  # fmt: skip
        draft = self.reviews.raised(Draft("violation", NIGHT, data, pictures=tuple(pictures)))
        message = self.recorder.record(draft)
        if remembered:
            self.reviews.remember(message, draft)
        return message

    def ask(self, **words: Any) -> AckData:
        payload = json.dumps({"id": "c1", "by": "Li", "reason": "seen", **words}).encode()
        return answer("review", payload, {"review": self.reviews.handler(self.record)})

    def record(self, draft: Draft) -> None:
        assert isinstance(draft.data, CorrectionData)
        self.recorder.record(draft)
        self.corrections.append(draft.data)

    @property
    def labels(self) -> list[tuple[int | None, int | None]]:
        file = Path(self.config.device.data_dir) / "labels" / "labels.csv"
        return [(row.load, row.wheels) for row in read_labels(file)] if len(file.read_text().splitlines()) > 1 else []


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path, events=Events(codes="family-b", district="320602", serials=(41, 99)))
    yield made
    made.close()


def test_a_violation_is_raised_as_a_case_with_its_own_serial(post: Post) -> None:
    first, second = post.raise_(), post.raise_("uncovered_load")
    assert (first.data.severity, first.data.needs_review) == ("major", True)
    assert (first.data.case.event, second.data.case.event) == ("3206020301300041", "3206020301200042")
    post.restart()
    assert post.raise_().data.case.event == "3206020301300043"


def test_a_deadline_is_counted_anew_when_the_time_is_corrected_and_not_moved_into_the_night(tmp_path: Path) -> None:
    """Raised by a clock that said 1970; in truth it was a Saturday morning, so the four hours end on Monday at noon."""
    post = Post(tmp_path, events=Events(codes="family-b", district="320602", without_case=["outside_hours"]))
    post.close()
    post.clock = clock = PlayedClock()
    clock.run(SATURDAY_10 - clock.real)
    clock.wrong_by = -SATURDAY_10
    post.open()
    post.raise_now("muddy_truck")
    clock.run(600)
    clock.synchronise()
    post.raise_now("muddy_truck")
    before, after = sorted(post.recorder.outbox.queue("mqtt").take(10), key=lambda row: row.sequence)
    post.close()
    assert (before.trust, after.trust) == (TimeTrust.CORRECTED, TimeTrust.TRUSTED)
    cases = [msgspec.json.decode(row.data, type=ViolationData).case for row in (before, after)]
    assert [case.deadline for case in cases if case] == ["2026-11-30T04:00:00.000Z"] * 2
    assert [case.event[-5:] for case in cases if case] == ["00001", "00002"]


def test_permitted_hours_by_a_clock_that_is_not_trusted_are_for_a_person_to_judge(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.close()
    post.clock = clock = PlayedClock()
    post.open()
    post.raise_now("outside_hours")
    post.raise_now("muddy_truck")
    clock.synchronise()
    post.raise_now("outside_hours")
    rows = sorted(post.recorder.outbox.queue("mqtt").take(10), key=lambda row: row.sequence)
    post.close()
    assert [msgspec.json.decode(row.data, type=ViolationData).needs_review for row in rows] == [True, False, False]


def test_what_is_wrong_with_the_docket_is_told_by_the_device(tmp_path: Path) -> None:
    (tmp_path / "review.db").mkdir()
    device = Device(id="gate-1", site="north", kind="gate", data_dir=str(tmp_path))
    agent = Agent(Config(device=device, mqtt=[Mqtt(broker="mqtt://127.0.0.1:1")]), Path("gate.toml"))
    try:
        assert any("review.db" in problem for problem in agent.problems())
    finally:
        agent.close()


def test_a_review_is_a_message_that_refers_to_the_first(post: Post) -> None:
    raised = post.raise_()
    ack = post.ask(violation=raised.id, action="correct", kind="unwashed_exit", wheels="dusty")
    assert ack.ok, ack.detail
    (said,) = post.corrections
    assert (said.of, said.of_channel, said.action, said.by, said.command) == (
        raised.id,
        "violation",
        "correct",
        "Li",
        "c1",
    )
    assert said.changes == [
        Change(field="kind", before="muddy_truck", after="unwashed_exit"),
        Change(field="wheels", before="muddy", after="dusty"),
        Change(field="case.code", before="200313", after=""),
    ]


def test_the_same_command_again_does_nothing_twice_over_a_restart(post: Post) -> None:
    raised = post.raise_()
    first = post.ask(violation=raised.id, action="void")
    post.restart()
    assert post.ask(violation=raised.id, action="void") == first
    assert len(post.corrections) == 1
    other = post.ask(violation=raised.id, action="confirm")
    assert not other.ok
    assert "was used for another review" in other.detail
    assert post.ask(id="c2", violation=raised.id, action="confirm").ok
    assert [said.action for said in post.corrections] == ["void", "confirm"]


def test_an_unknown_violation_is_answered_with_what_is_allowed(post: Post) -> None:
    assert "remembers no violation" in post.ask(violation="nope", action="void").detail
    raised = post.raise_()
    ack = post.ask(violation="nope", action="void")
    assert not ack.ok
    assert f"the newest is {raised.id}" in ack.detail
    assert post.ask(violation=raised.id, action="void").ok


def test_what_was_committed_just_before_a_power_cut_can_be_reviewed(post: Post) -> None:
    raised = post.raise_(remembered=False)
    post.restart()
    assert post.ask(violation=raised.id, action="confirm").ok


def test_a_confirmed_picture_becomes_a_label_and_a_later_review_holds(post: Post) -> None:
    raised = post.raise_()
    assert post.ask(violation=raised.id, action="confirm").detail == "confirm: done; kept as a label: wheels muddy"
    assert post.labels == [(None, 2)]
    folder = Path(post.config.device.data_dir) / "labels"
    assert (folder / f"gate-{raised.id}.jpg").read_bytes() == b"full0"
    assert read_labels(folder / "labels.csv")[0].box == (1.5, 2.0, 30.0, 40.0)
    assert post.ask(id="c2", violation=raised.id, action="void", wheels="clean", load="covered").ok
    assert post.labels == [(0, 0)]
    assert post.ask(id="c3", violation=raised.id, action="void").ok
    assert post.labels == []


def test_a_stay_is_corrected_and_voided_too(post: Post) -> None:
    data = StayData(
        stay="pole/A1/1", section="pole", bay="A1", phase="ended", label="car", in_time="2026-09-18T08:00:00.000Z",
        out_time="2026-09-18T09:00:00.000Z", confidence=0.9,
    )  # fmt: skip
    draft = Draft("stay", NIGHT, data)
    assert post.reviews.raised(draft) is draft
    message = post.recorder.record(draft)
    post.reviews.remember(message, draft)
    assert post.ask(stay=message.id, action="correct", set={"bay": "A2"}).ok
    assert post.ask(id="c2", stay=message.id, action="void").ok
    assert not post.ask(id="c3", violation=message.id, action="void").ok
    assert [(c.of_channel, c.action) for c in post.corrections] == [("stay", "correct"), ("stay", "void")]
    assert post.corrections[0].changes == [Change(field="bay", before="A1", after="A2")]


def test_a_review_whose_picture_is_gone_is_taken_and_says_so(post: Post) -> None:
    raised = post.raise_()
    post.recorder.outbox.evidence.drop_pack(post.recorder.outbox.evidence.pack(raised.id))
    ack = post.ask(violation=raised.id, action="confirm")
    assert ack.ok
    assert "could not be kept as a label" in ack.detail
    assert len(post.corrections) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"action": "forget"},
        {"action": "void", "id": ""},
        {"action": "void", "by": ""},
        {"action": "void", "colour": "red"},
        {"action": "confirm", "wheels": "wet"},
        {"action": "void", "id": 5},
    ],
)
def test_a_bad_command_changes_nothing(post: Post, words: dict[str, object]) -> None:
    raised = post.raise_()
    ack = post.ask(violation=raised.id, **words)
    assert not ack.ok
    assert ack.detail
    assert post.corrections == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(["id", "violation", "stay", "action", "by", "reason", "kind", "load", "wheels", "set"]),
        st.text(max_size=9) | st.sampled_from(["confirm", "correct", "void"]) | st.integers() | st.none(),
    ).map(lambda words: json.dumps(words).encode())
)
def test_whatever_comes_is_answered_and_corrects_nothing(post: Post, payload: bytes) -> None:
    ack = answer("review", payload, {"review": post.reviews.handler(post.record)})
    assert not ack.ok
    assert ack.detail
    assert post.corrections == []


def test_a_docket_that_cannot_be_opened_keeps_no_violation_back(tmp_path: Path) -> None:
    (tmp_path / "review.db").mkdir()
    post = Post(tmp_path, events=Events(codes="family-b", district="320602"))
    raised = post.raise_()
    assert raised.data.case.event == ""
    assert raised.data.case.code == "200313"
    assert "reviews cannot be answered" in post.reviews.problems()[0]
    assert "nothing can be reviewed" in post.ask(violation=raised.id, action="void").detail
    post.close()


@pytest.mark.slow
def test_a_review_over_the_broker_is_acknowledged_and_corrects_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Receiver(mosquitto.url) as receiver, AgentProcess(tmp_path, mosquitto.url) as agent:
        wait_until(lambda: len(receiver.of("violation")) >= 1)
        (raised, *_) = receiver.of("violation")
        assert raised.data["severity"] == "minor"
        void = {"id": "r1", "violation": raised.id, "action": "void", "by": "Li", "reason": "a bonfire next door"}
        publish(mosquitto, "review", json.dumps(void))
        publish(mosquitto, "review", json.dumps(void))
        publish(mosquitto, "review", json.dumps(void | {"id": "r2", "violation": "nope"}))
        wait_until(lambda: len(receiver.of("ack")) >= 3)
        assert agent.stop() == 0
    assert [m.data["ok"] for m in receiver.of("ack")] == [True, True, False]
    (correction,) = receiver.of("correction")
    assert (correction.data["of"], correction.data["command"]) == (raised.id, "r1")
    assert correction.subject == raised.id

"""What is learnt from connections that break before anything was acknowledged."""

from __future__ import annotations

from pathlib import Path

from edge_agent.uplink.mqtt_caution import Caution, Lesson
from tests.house import opened, violation
from tests.uplink.test_mqtt import Later


def lost(caution: Caution, alone: int, *, acknowledged: int = 0, shrinks: bool = False, batch: bool = False) -> object:
    """A connection broke."""
    return caution.lost(acknowledged, alone, shrinks=shrinks, batch=batch)


def test_a_message_that_three_connections_ended_with_alone_is_let_others_go_before() -> None:
    caution = Caution()
    assert lost(caution, 0) is None
    assert caution.careful
    assert [lost(caution, 7), lost(caution, 7, acknowledged=3), lost(caution, 7)] == [None, None, Lesson.LATER]
    assert not caution.careful
    assert [caution.wait_s(7) for _ in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert caution.waiting == 1
    caution.acknowledged([7], 1)
    assert caution.waiting == 0


def test_a_network_that_breaks_under_different_messages_teaches_nothing() -> None:
    caution = Caution()
    assert [lost(caution, n) for n in (1, 2, 1, 2, 1, 2)] == [None] * 6


def test_a_connection_that_brought_something_is_no_reason_for_care() -> None:
    caution = Caution()
    assert lost(caution, 7, acknowledged=1) is None
    assert not caution.careful


def test_care_ends_when_enough_has_arrived() -> None:
    caution = Caution()
    lost(caution, 0)
    assert not caution.acknowledged([1], 19)
    assert caution.acknowledged([2], 20)
    assert not caution.careful


def test_what_can_be_made_smaller_or_unpacked_is_that_first() -> None:
    for told, lesson in (({"shrinks": True, "batch": True}, Lesson.SMALLER), ({"batch": True}, Lesson.UNPACKED)):
        caution = Caution()
        assert [lost(caution, 7, **told) for _ in range(3)][-1] is lesson


def test_a_postponed_message_is_passed_over_also_after_a_reconnection_and_comes_when_it_is_due(tmp_path: Path) -> None:
    clock = Later()
    with opened(tmp_path, clock=clock) as recorder:
        for n in range(3):
            recorder.record(violation(n))
        queue = recorder.outbox.queue("broker")
        queue.take(3)
        queue.postpone(1, 60.0)
        for _ in range(2):
            queue.rewind()
            assert [row.sequence for row in queue.take(5)] == [2, 3]
        clock.ahead = 61.0
        assert [row.sequence for row in queue.take(5)] == [1]
        queue.rewind()
        assert [row.sequence for row in queue.take(5)] == [1, 2, 3]

"""A receiver's books."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Message, rfc3339
from edge_agent.uplink.ledger import Ledger, UnreadableError

NOW = 1_800_000_000.0


def payload(
    sequence: int, *, historical: bool = False, age_s: float = 0.0, kind: str = "dust", data: object = None
) -> bytes:
    """One message of the device "d"."""
    return msgspec.json.encode(
        Message(id=f"{sequence}", source="d", type=f"edge.{kind}.v1", time=rfc3339(NOW - age_s), sequence=sequence,
                boot="b", historical=historical, data=data or {})
    )  # fmt: skip


def books(*payloads: bytes, since: int | None = 1) -> Ledger:
    """After these came."""
    ledger = Ledger(since)
    for each in payloads:
        ledger.update(each, NOW)
    return ledger


def test_gaps_repeats_late_and_historical_are_told_apart() -> None:
    ledger = books(
        payload(1), payload(2), payload(2), payload(5), payload(4, historical=True, age_s=900), payload(6, age_s=900)
    )
    (account,) = ledger.accounts()
    assert (account.received, account.repeats, account.late, account.historical) == (5, 1, 1, 1)
    assert account.missing == [(3, 3)]
    assert not ledger.complete


def test_a_reported_loss_is_not_missing() -> None:
    loss = {"reason": "outbox-full", "message_class": "dust", "count": 2, "ranges": [[2, 3]]}
    ledger = books(payload(1), payload(4, kind="loss", data=loss))
    assert ledger.complete
    assert ledger.accounts()[0].lost == [(2, 3)]


def test_who_joins_late_misses_nothing_of_before() -> None:
    ledger = books(payload(100), payload(101), payload(40, historical=True), payload(103), since=None)
    assert ledger.accounts()[0].missing == [(102, 102)]


@given(st.sets(st.integers(1, 60)), st.randoms(use_true_random=False))
def test_missing_is_what_did_not_come_below_the_highest(came: set[int], chance: random.Random) -> None:
    order = [*came, *came]
    chance.shuffle(order)
    ledger = books(*[payload(n) for n in order])
    if not came:
        assert ledger.accounts() == []
        return
    (account,) = ledger.accounts()
    missing = {n for a, b in account.missing for n in range(a, b + 1)}
    assert missing == set(range(1, max(came))) - came
    assert account.repeats == len(came)
    assert all(b[0] > a[1] + 1 for a, b in pairwise(account.missing))


def test_a_batch_is_many_messages() -> None:
    batch = zlib.compress(b"[" + b",".join(payload(n, historical=True) for n in (1, 2, 3)) + b"]")
    assert books(batch).accounts()[0].historical == 3


@given(st.binary(max_size=200))
def test_garbage_is_counted_and_refused(garbage: bytes) -> None:
    ledger = Ledger()
    with pytest.raises(UnreadableError):
        ledger.update(garbage, NOW)
    assert ledger.unreadable == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda x: st.lists(x) | st.dictionaries(st.text(max_size=9), x),
    max_leaves=8,
)


@given(JSON)
def test_json_that_is_no_message_is_refused(value: object) -> None:
    try:
        noticed = Ledger().update(msgspec.json.encode(value), NOW)
    except UnreadableError:
        return
    assert noticed == []


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(UnreadableError, match="more than"):
        Ledger().update(zlib.compress(b"[" + b" " * (64 << 20)), NOW)

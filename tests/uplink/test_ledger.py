"""A receiver's books."""

from __future__ import annotations

import hashlib
import random
import zlib
from base64 import b64encode
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
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


EVIDENCE = {"violation": "v", "n": 1, "of": 1, "role": "full", "time": rfc3339(NOW), "media_type": "image/jpeg",
            "sha256": hashlib.sha256(b"abcdef").hexdigest(), "size": 6, "part": 1, "parts": 1, "data": ""}  # fmt: skip
LOSS = {"reason": "rejected", "message_class": "dust", "count": 1, "ranges": [[1, 1]]}
NUMBER = st.integers(-3, 5) | st.integers()
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "time": st.sampled_from(("", "yesterday", "2026-01-01", "2026-01-01T00:00:00Z")) | st.text(max_size=30),
        "sequence": NUMBER,
        "source": st.text(max_size=5),
        "type": st.sampled_from(("edge.evidence.v1", "edge.loss.v1", "edge.status.v1")),
        "data": JSON
        | st.fixed_dictionaries({"part": NUMBER, "parts": NUMBER}).map(lambda change: EVIDENCE | change)
        | st.lists(st.tuples(NUMBER, NUMBER), max_size=3).map(lambda ranges: LOSS | {"ranges": ranges}),
    },
)


@settings(max_examples=300)
@given(st.lists(FIELDS, max_size=5), st.integers(1, 3) | st.none())
def test_an_envelope_with_anything_in_it_is_counted_or_refused_and_the_books_still_close(
    changes: list[dict[str, object]], since: int | None
) -> None:
    ledger = Ledger(since)
    refused = 0
    for change in changes:
        try:
            ledger.update(msgspec.json.encode(msgspec.json.decode(payload(1)) | change), NOW)
        except UnreadableError:
            refused += 1
    assert ledger.unreadable == refused
    for account in ledger.accounts():
        assert account.received >= 0
        assert account.missing_count == sum(b - a + 1 for a, b in account.missing) >= 0
    assert ledger.complete in (True, False)


def part(number: int, content: bytes, sequence: int = 1) -> bytes:
    """One of two parts of a picture."""
    return payload(
        sequence, kind="evidence", data=EVIDENCE | {"part": number, "parts": 2, "data": b64encode(content).decode()}
    )


def test_parts_that_come_again_are_repeats_and_are_not_kept() -> None:
    ledger = books(part(1, b"abc"), part(2, b"def"), part(2, b"def"), part(1, b"abc"), part(2, b"def"))
    (account,) = ledger.accounts()
    assert (account.evidence, account.received, account.repeats, account.damaged_evidence) == (1, 1, 3, 0)
    assert ledger._devices["d"].parts == {}
    assert ledger._devices["d"].part_bytes == 0


def test_parts_whose_others_never_come_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.uplink.ledger._MOST_PART_BYTES", 1000)
    ledger = books(*(part(1, b"x" * 100, n) for n in range(1, 50)))
    assert ledger._devices["d"].part_bytes <= 1000
    assert len(ledger._devices["d"].parts) <= 10


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(UnreadableError, match="more than"):
        Ledger().update(zlib.compress(b"[" + b" " * (64 << 20)), NOW)

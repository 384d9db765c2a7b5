"""Times and ids as text, against the standard library's own way of writing them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages.envelope import TimeTrust, message_id, rfc3339
from edge_agent.outbox.row import Row, id_bytes

MOST_MS = 2**32 * 1000


@given(st.integers(-MOST_MS, MOST_MS))
def test_a_time_is_written_as_the_standard_library_writes_it(milliseconds: int) -> None:
    """Every millisecond from 1833 to 2106; beyond, a float is coarser than a microsecond."""
    seconds, rest = divmod(milliseconds, 1000)
    whole = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000, tzinfo=None)
    assert rfc3339(milliseconds / 1000) == whole.isoformat(timespec="milliseconds") + "Z"


def test_what_is_below_a_millisecond_is_cut_off() -> None:
    assert rfc3339(1784044799.9996) == "2026-07-14T15:59:59.999Z"
    assert rfc3339(-0.0004) == "1969-12-31T23:59:59.999Z"


@given(st.floats(0, 4e9), st.text(min_size=1, max_size=12), st.integers(1, 2**40))
def test_an_id_reads_the_same_from_its_16_bytes(time: float, device: str, sequence: int) -> None:
    key = id_bytes(time, device, "boot", sequence)
    row = Row(sequence, key, "dust", "", time, "boot", 0.0, TimeTrust.TRUSTED, 0.0, b"{}")
    told = row.envelope("edge/v1/s/d").id
    assert told == message_id(time, device, "boot", sequence) == str(uuid.UUID(bytes=key))
    assert uuid.UUID(told).version == 7

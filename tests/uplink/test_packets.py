"""From rows to packets."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.evidence import EvidenceStore
from edge_agent.messages import Message, TimeTrust
from edge_agent.outbox import Row
from edge_agent.outbox.row import id_bytes
from edge_agent.uplink.ledger import unpack
from edge_agent.uplink.mqtt_connection import publish_packet
from edge_agent.uplink.mqtt_packets import DamagedError, Packets
from tests.house import opened, violation


def row(sequence: int, channel: str, data: bytes = b"{}") -> Row:
    """A row of ``channel``."""
    key = id_bytes(1.0, "post-1", "b", sequence)
    return Row(sequence, key, channel, "", 1.0, "b", 2.0, TimeTrust.TRUSTED, 0.1, data)


def packets(folder: Path) -> Packets:
    """Of the device of all tests."""
    return Packets("north", "post-1", EvidenceStore(folder / "evidence"))


def test_an_older_state_of_the_backlog_never_takes_the_place_of_a_newer_one(tmp_path: Path) -> None:
    made = packets(tmp_path)
    sent = [(n, made.whole(row(n, "card"), 10_000).retain) for n in (7, 3, 4, 9)]
    assert sent == [(7, True), (3, False), (4, False), (9, True)]
    assert not made.whole(row(10, "violation"), 10_000).retain


def test_a_message_that_fits_no_packet_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="more than the broker takes"):
        packets(tmp_path).whole(row(1, "dust", b'"' + b"x" * 5000 + b'"'), 4096)


def test_evidence_that_changed_or_went_is_damaged(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(violation(1, pictures=(b"x" * 1000,)))
        _, piece = recorder.outbox.queue("broker").take(2)
    made = packets(tmp_path)
    file = tmp_path / "evidence" / piece.piece
    assert sum(1 for _ in made.pieces(piece, 100_000)) == 1
    file.write_bytes(b"y" * 1000)
    with pytest.raises(DamagedError, match="SHA-256 differs"):
        next(made.pieces(piece, 100_000))
    file.unlink()
    with pytest.raises(DamagedError, match="cannot be read"):
        next(made.pieces(piece, 100_000))


def test_a_batch_unpacks_to_what_would_have_been_sent_one_by_one(tmp_path: Path) -> None:
    made = packets(tmp_path)
    rows = [row(n, "dust", b'{"n":%d}' % n) for n in range(1, 50)]
    batch = made.batch(rows)
    assert batch.topic == "edge/v1/north/post-1/batch"
    assert batch.payload[:1] == b"\x78"
    singles = [msgspec.json.decode(made.whole(r, 10_000).payload, type=Message) for r in rows]
    assert list(unpack(batch.payload)) == singles
    assert len(batch.payload) < len(zlib.decompress(batch.payload)) / 4


def test_a_channel_that_only_a_newer_version_knows_is_sent_all_the_same(tmp_path: Path) -> None:
    packet = packets(tmp_path).whole(row(1, "tide", b'{"n":1}'), 10_000)
    assert packet.topic == "edge/v1/north/post-1/tide"
    assert msgspec.json.decode(packet.payload)["type"] == "edge.tide.v1"


def test_what_announces_evidence_and_is_no_announcement_is_damaged(tmp_path: Path) -> None:
    announced = msgspec.structs.replace(row(1, "evidence", b'{"n":1}'), piece="a/b.jpg")
    with pytest.raises(DamagedError, match="is damaged"):
        next(packets(tmp_path).pieces(announced, 100_000))


@given(st.text(max_size=300), st.integers(1, 65_535), st.binary(max_size=70_000), st.booleans())
def test_a_publish_packet_is_read_as_it_was_meant(topic: str, packet_id: int, payload: bytes, retain: bool) -> None:
    packet = publish_packet(topic, packet_id, b"\x00", payload, retain=retain)
    length, at = 0, 1
    while True:
        length |= (packet[at] & 0x7F) << 7 * (at - 1)
        at += 1
        if not packet[at - 1] & 0x80:
            break
    assert (packet[0] >> 4, packet[0] >> 1 & 3, packet[0] & 1) == (3, 1, retain)
    body = packet[at:]
    assert len(body) == length
    end = 2 + int.from_bytes(body[:2])
    assert body[2:end].decode() == topic
    assert body[end:] == packet_id.to_bytes(2) + b"\x00" + payload

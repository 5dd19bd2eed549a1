"""The transport's small parts: names of topics, shares of slots, keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from confluent_kafka import Message as KafkaMessage

from deskhand.transport import Message, Topics
from deskhand.transport.envelope import MAX_KEY_BYTES, clean, encode, fold
from deskhand.transport.kafka.partitions import Window
from deskhand.transport.kafka.wire import OutboxRow, decode, encode_row
from deskhand.transport.shares import divide, topic_cap


def test_topics_carry_the_prefix_and_channels_find_theirs() -> None:
    topics = Topics("acme")

    assert topics.webform_inbound == topics.inbound("web_form") == "acme.channels.webform.inbound"
    assert topics.tickets_incoming == "acme.tickets.incoming"
    assert len({*topics.consumed, topics.dlq}) == len(topics.consumed) + 1
    assert all(topic.startswith("acme.") for topic in topics.consumed)


def test_free_slots_go_to_the_topics_that_have_the_fewest() -> None:
    assert divide(4, ["a", "b"], {}, cap=4) == {"a": 2, "b": 2}
    assert divide(4, ["a", "b"], {"a": 3}, cap=4) == {"a": 1, "b": 3} or divide(4, ["a", "b"], {"a": 3}, cap=4) == {
        "b": 4
    }
    assert divide(1, ["b", "a"], {}, cap=4) == {"b": 1}
    assert divide(0, ["a"], {}, cap=4) == {}


def test_a_topic_gets_no_more_than_its_cap() -> None:
    assert divide(8, ["a"], {"a": 2}, cap=7) == {"a": 5}
    assert divide(8, ["a"], {"a": 7}, cap=7) == {}


@pytest.mark.parametrize(("slots", "topics", "cap"), [(8, 7, 7), (8, 1, 8), (1, 7, 1), (2, 2, 1), (64, 7, 56)])
def test_an_eighth_of_the_slots_is_left_to_the_other_topics(slots: int, topics: int, cap: int) -> None:
    assert topic_cap(slots, topics) == cap


def test_a_key_that_no_index_can_hold_is_folded_always_alike() -> None:
    long = "k" * (MAX_KEY_BYTES + 1)

    assert fold("conversation 1") == "conversation 1"
    assert fold(long) == fold(long) != fold(long + "k")
    assert len(fold(long)) <= MAX_KEY_BYTES


def test_a_customers_backslashes_are_no_nul() -> None:
    assert encode({"text": "\\u0000"}) == r'{"text":"\\u0000"}'


def test_a_long_error_keeps_its_two_ends() -> None:
    shortened = clean("begin" + "x" * 1_000 + "end", 100)

    assert len(shortened) <= 100
    assert shortened.startswith("begin")
    assert shortened.endswith("end")


def test_only_what_is_finished_without_a_gap_may_be_committed() -> None:
    window = Window()
    for offset in (3, 4, 7, 8):  # 5 and 6 are no messages
        window.add(offset)

    assert not window.finish(4)
    assert window.position is None
    assert window.finish(3)
    assert window.position == 5
    assert not window.finish(8)
    assert window.finish(7)
    assert (window.position, len(window)) == (9, 0)


def test_a_message_arrives_as_the_row_that_was_sent() -> None:
    moment = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    wire = encode_row(OutboxRow(7, "t", "änne", '{"n":1}', {"trace": "ü"}, "d", moment))
    raw = KafkaMessage(topic="t", partition=1, offset=5, key=wire.key, value=wire.value, headers=wire.headers)

    record = decode("t", raw)
    assert record.message == Message(7, "t", "änne", {"n": 1}, {"trace": "ü"}, 1, moment)
    assert (record.partition, record.offset, record.dedup_key, record.fault) == (1, 5, "d", "")


@pytest.mark.parametrize("value", [b"[1]", b"{", b"\xff", None])
def test_what_is_none_of_ours_becomes_a_record_with_a_fault(value: bytes | None) -> None:
    raw = KafkaMessage(topic="t", partition=0, offset=1, key=b"k", value=value, headers=[("deskhand-id", b"1")])

    assert decode("t", raw).fault

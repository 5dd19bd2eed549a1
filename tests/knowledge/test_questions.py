"""Query parts: the whole message, and what it asks."""

from __future__ import annotations

import time

from deskhand.knowledge import query_parts


def test_a_single_sentence_is_one_part() -> None:
    assert query_parts("How do I reset my password?") == ["How do I reset my password?"]


def test_questions_in_a_longer_message_are_parts_of_their_own() -> None:
    message = "We moved to v2.5 last week. Where are my invoices? Thanks a lot.\nCan I pay by card?"

    assert query_parts(message) == [message, "Where are my invoices?", "Can I pay by card?"]


def test_a_message_that_asks_nothing_is_one_part() -> None:
    message = "The timer stopped. It says nothing at all."

    assert query_parts(message) == [message]


def test_at_most_three_questions_are_taken() -> None:
    assert len(query_parts(" ".join(f"Is number {number} fine?" for number in range(50)))) == 4


def test_a_huge_message_is_split_at_once() -> None:
    began = time.perf_counter()

    query_parts("1.5?a." * 20_000)

    assert time.perf_counter() - began < 1

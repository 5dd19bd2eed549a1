"""A message as one text and its clauses."""

from __future__ import annotations

from deskhand.agent.triage.ngrams import buckets_of
from deskhand.agent.triage.text import clauses, joined


def test_the_subject_comes_first_without_reply_marks() -> None:
    assert joined("Re: AW: Invoice", "It is wrong.") == "Invoice\nIt is wrong."


def test_a_subject_that_begins_the_body_is_not_said_twice() -> None:
    assert joined("Invoice is wrong", "Invoice is wrong since May.") == "Invoice is wrong since May."


def test_sentences_and_lines_are_clauses_and_abbreviated_numbers_are_not_cut() -> None:
    pieces = [clause.text for clause in clauses("Hello!\nWe pay 12.50 a month. Why - so it says - 14.00?")]

    assert pieces == ["Hello!", "We pay 12.50 a month.", "Why -", "so it says -", "14.00?"]


def test_no_text_has_no_clauses() -> None:
    assert clauses(" \n ") == []


def test_accents_and_case_do_not_change_the_pieces_of_words() -> None:
    assert (buckets_of("Remboursé") == buckets_of("rembourse")).all()


def test_an_empty_text_has_the_same_pieces_each_time() -> None:
    assert (buckets_of("") == buckets_of("  ")).all()

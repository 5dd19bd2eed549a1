"""Terms: the same word in another form is the same term, and no word is thrown away."""

from __future__ import annotations

import pytest

from deskhand.knowledge.terms import MOST_QUERY_TERMS, list_terms, query_terms, stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("invoice", "invoices"),
        ("invited", "inviting"),
        ("company", "companies"),
        ("stopped", "stopping"),
        ("Passwörter", "passworter"),
        ("straße", "STRASSE"),
        ("owner", "owner's"),
        ("owner", "owner’s"),
    ],
)
def test_forms_of_one_word_meet(one: str, other: str) -> None:
    assert list_terms(one) == list_terms(other)


@pytest.mark.parametrize("word", ["status", "access", "2fa", "sso", "429", "this", "ring", "bed", "red"])
def test_short_words_and_codes_stay_as_they_are(word: str) -> None:
    assert stem(word) == word


def test_small_words_are_kept_since_they_can_carry_the_meaning() -> None:
    assert list_terms("not to be charged") == ["not", "to", "be", "charg"]


def test_scripts_without_spaces_become_pairs() -> None:
    assert list_terms("重置密码") == ["重置", "置密", "密码"]


def test_a_query_has_each_term_once_and_not_without_end() -> None:
    assert query_terms("task Task TASKS") == ["task"]
    assert len(query_terms(" ".join(f"w{number}" for number in range(500)))) == MOST_QUERY_TERMS

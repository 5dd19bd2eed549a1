"""A question without the person who asks it."""

from __future__ import annotations

import pytest

from deskhand.knowledge import bare_question

QUESTION = "Can I print a board on A3 paper?"


@pytest.mark.parametrize(
    "body",
    [
        f"Hi team,\n\n{QUESTION}\n\nBest regards,\nAnna Muster\nAcme GmbH\n+49 170 1234567",
        f"Hello Marcus,\n{QUESTION}\nThanks!\nAnna",
        f"Hello, {QUESTION}",
        f"{QUESTION}\n-- \nAnna Muster\nanna@example.com",
        f"Dear Sir or Madam,\n{QUESTION}\n\nSent from my iPhone",
        f"{QUESTION}\n\nOn Tue, 3 Nov 2026 at 09:12, TaskFlow Support wrote:\n> Dear Anna, here is the answer",
        f"My name is Anna Muster from Acme. {QUESTION}",
    ],
)
def test_greeting_signature_quote_and_name_are_left_out(body: str) -> None:
    assert bare_question("", body) == QUESTION


def test_a_german_mail_is_bared_too() -> None:
    mail = "Guten Tag,\nkann ich ein Board auf A3 drucken?\nMit freundlichen Grüßen\nAnna Muster"

    assert bare_question("", mail) == "kann ich ein Board auf A3 drucken?"


def test_addresses_numbers_and_references_are_left_out() -> None:
    bared = bare_question(
        "", "Mail anna@example.com or ring +49 170 1234567 about TF-20261122-7K3Q, see https://a.b/c."
    )

    assert not any(part in bared for part in ("@", "170", "TF-", "https"))


def test_a_subject_that_says_more_stands_first() -> None:
    assert bare_question("Re: Printing", QUESTION) == f"Printing. {QUESTION}"
    assert bare_question("print a board", QUESTION) == QUESTION


def test_what_is_asked_behind_the_thanks_is_kept() -> None:
    assert bare_question("", f"That worked.\nThanks!\n{QUESTION}") == f"That worked. Thanks! {QUESTION}"


def test_nothing_is_left_of_a_mere_greeting() -> None:
    assert bare_question("", "Hi!") == ""

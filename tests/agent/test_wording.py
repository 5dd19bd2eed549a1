"""The company's wording with its gaps filled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand.agent.wording import disclosure, response_time_in_words
from deskhand.company_folder import Company


@pytest.mark.parametrize(
    ("language", "hours", "words"),
    [("en", 1, "1 hour"), ("en", 4, "4 hours"), ("de", 24, "24 Stunden"), ("fr", 1, "1 heure"), ("nl", 4, "4 hours")],
)
def test_a_response_time_is_told_in_the_customer_s_language(
    company: Company, language: str, hours: int, words: str
) -> None:
    assert response_time_in_words(timedelta(hours=hours), company.voice.for_language(language)) == words


def test_less_than_an_hour_is_told_as_one(company: Company) -> None:
    assert response_time_in_words(timedelta(minutes=10), company.voice.for_language("en")) == "1 hour"


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "pt"])
def test_the_disclosure_names_the_company_and_that_it_is_an_ai(company: Company, language: str) -> None:
    text = disclosure(company, company.voice.for_language(language))

    assert company.profile.company in text
    assert any(word in text for word in ("AI", "KI", "IA"))
    assert "{" not in text

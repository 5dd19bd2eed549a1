"""Search: the passage that answers comes first, in the customer's language, with an honest score."""

from __future__ import annotations

import numpy as np
import pytest

from deskhand import knowledge
from deskhand.company_folder import Company
from deskhand.knowledge import Query
from deskhand.knowledge.terms import query_terms
from tests.knowledge.library import Library

ARTICLES = (
    "reset-password",
    "reset-password-de",
    "archive-and-restore-project",
    "invoices",
    "timer-stopped",
    "automation-limits",
    "slack",
)


@pytest.fixture
async def filled(library: Library) -> Library:
    library.ship(*ARTICLES)
    await library.load()
    return library


async def test_a_paraphrase_without_common_words_finds_its_passage(filled: Library) -> None:
    hits = await filled.search("stopwatch quit after shutting browser")

    assert (hits[0].article, hits[0].heading) == ("timer-stopped", "Why did my timer stop when I closed the tab?")


async def test_a_rare_word_finds_its_passage(filled: Library) -> None:
    hits = await filled.search("noreply@taskflow.io")

    assert "noreply@taskflow.io" in hits[0].body


async def test_the_heading_decides_between_passages_of_one_article(filled: Library) -> None:
    hits = await filled.search("Where is my invoice? I need it for October.")

    assert hits[0].heading == "Where do I find my invoices?"


async def test_a_question_in_the_middle_of_a_long_message_is_found(filled: Library) -> None:
    message = (
        "We have been with you since March and the whole team likes the boards a lot. My manager asked me to tidy up "
        "before our meeting tomorrow. How do I put a finished project away without deleting it? We are on Pro, use "
        "Chrome on Windows, and would be happy to hear from you today."
    )

    hits = await filled.search(message)

    assert hits[0].article == "archive-and-restore-project"


async def test_a_german_question_gets_the_german_article(filled: Library) -> None:
    hits = await filled.search("Ich habe mein Kennwort vergessen, wie komme ich wieder rein?", language="de-AT")

    assert hits[0].article == "reset-password-de"
    assert "reset-password" not in {hit.article for hit in hits}


async def test_a_german_question_gets_the_english_article_when_there_is_no_german_one(filled: Library) -> None:
    hits = await filled.search("Wie verbinde ich Slack?", language="de")

    assert ("slack", "en") in {(hit.article, hit.language) for hit in hits}


async def test_an_english_question_never_gets_a_translation(filled: Library) -> None:
    hits = await filled.search("Passwort zurücksetzen", language="en")

    assert {hit.language for hit in hits} == {"en"}


@pytest.mark.parametrize(
    "question",
    [
        "which wine goes with fish",
        "what is the weather in Berlin today",
        "my washing machine is leaking",
        "who won the football match yesterday",
        "is it safe to take ibuprofen with alcohol",
    ],
)
async def test_a_question_outside_the_help_centre_scores_below_hold(
    filled: Library, company: Company, question: str
) -> None:
    hits = await filled.search(question)

    assert hits[0].score < company.escalation.bands.hold


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("how do i reset my password", "reset-password"),
        ("the reset mail never came", "reset-password"),
        ("Where can I download my invoices for the accountant?", "invoices"),
        ("how do I restore an archived project?", "archive-and-restore-project"),
        ("connect slack to my workspace", "slack"),
    ],
)
async def test_a_plain_question_scores_high_enough_to_be_sent(
    filled: Library, company: Company, question: str, article: str
) -> None:
    hits = await filled.search(question)

    assert hits[0].article == article
    assert hits[0].score >= company.escalation.bands.send


async def test_scores_lie_between_0_and_1_and_never_rise(filled: Library) -> None:
    hits = await filled.search("How many automations may I have?", limit=5)

    scores = [hit.score for hit in hits]
    assert len(hits) == 5
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_a_retired_article_is_not_found(filled: Library) -> None:
    async with filled.db.transaction() as tx:
        await knowledge.retire(tx, "slack")

    hits = await filled.search("How do I connect Slack to TaskFlow?", limit=50)

    assert "slack" not in {hit.article for hit in hits}


async def test_a_retired_translation_gives_the_english_article_back(filled: Library) -> None:
    async with filled.db.transaction() as tx:
        await knowledge.retire(tx, "reset-password-de")

    hits = await filled.search("Passwort zurücksetzen", language="de", limit=50)

    assert "reset-password" in {hit.article for hit in hits}


async def test_an_empty_knowledge_base_gives_nothing(library: Library) -> None:
    assert await library.search("How do I reset my password?") == []


async def test_passages_without_vectors_of_the_model_are_found_by_their_words(filled: Library) -> None:
    text = "/taskflow slack invoices"

    async with filled.db.transaction() as tx:
        hits = await knowledge.search(
            tx,
            Query(text, tuple(query_terms(text)), "another:1", np.ones((1, 8), np.float32)),
            limit=3,
            language="en",
        )

    assert hits
    assert {hit.cosine for hit in hits} == {0.0}
    assert all(hit.score < 0.35 for hit in hits)


@pytest.mark.parametrize(
    "query",
    [
        "'; drop table knowledge_base; --",
        "%s %(terms)s {} \\' \" $1 null",
        "\x00\x01 \ud83d password",
        "?" * 3,
        " ",
        "password " * 12_000,
        "a" * 100_000,
        "1.5?" * 25_000,
        "密码重置怎么办" * 500,
    ],
    ids=["drop", "placeholders", "control", "marks", "blank", "long", "one-word", "sentences", "chinese"],
)
async def test_queries_that_are_no_questions_do_no_harm(filled: Library, query: str) -> None:
    before = await filled.count("passages")

    await filled.search(query)

    assert await filled.count("passages") == before

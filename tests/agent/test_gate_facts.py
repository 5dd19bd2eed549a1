"""Plans, limits and the reply's language: facts need a cited passage, and the customer's language is kept."""

from __future__ import annotations

import pytest

from deskhand.agent.gate import check_reply
from tests.agent.scene import answer, make_context, words
from tests.fakes import read_as

PASSAGE = "The Pro plan adds 50 GB of storage. The API allows 1,000 requests per minute on Enterprise."
GERMAN = "Bitte öffnen Sie zuerst das Projekt und wählen Sie danach die Ansicht aus, die Sie gerade brauchen."
ENGLISH = "Please open the project first and then choose the view that you need at the moment."


def named(reasons: tuple[str, ...], start: str) -> bool:
    return any(reason.startswith(start) for reason in reasons)


@pytest.mark.parametrize(
    "text",
    [
        "The Gantt view is part of Enterprise.",
        "You find it on the Free plan.",
        "Dafür brauchen Sie den Pro-Tarif.",
        "Each file may have 25 MB.",
        "The workspace holds 40 users.",
        "La API permite 300 solicitudes por minuto.",
    ],
)
async def test_a_plan_or_a_limit_that_no_cited_passage_holds_is_stopped(text: str) -> None:
    verdict = await check_reply(words(text), make_context())

    assert named(verdict.reasons, "plan or limit not in a cited passage")


@pytest.mark.parametrize(
    "text",
    [
        "Are you on Pro or on Enterprise?",
        "I can't say whether Enterprise has it.",
        "Is it more than 20 users?",
        "Pro Person wird eine Rolle vergeben.",
        "Feel free to choose a free name.",
        "Does it happen on the iPhone 15 Pro?",
    ],
)
async def test_questions_and_denials_state_no_fact(text: str) -> None:
    verdict = await check_reply(words(text), make_context())

    assert not named(verdict.reasons, "plan or limit")


@pytest.mark.parametrize(
    "text",
    ["Storage on Pro is 50 GB.", "On Enterprise it is 1000 requests per minute.", "Mit Pro haben Sie 50 GB Speicher."],
)
async def test_a_plan_and_a_limit_of_the_cited_passage_pass(text: str) -> None:
    verdict = await check_reply(answer(text, "p1"), make_context(passages={"p1": PASSAGE}))

    assert not named(verdict.reasons, "plan or limit")


async def test_how_many_people_the_customer_named_may_be_repeated() -> None:
    context = make_context(body="We are 35 users on Pro and nobody can sign in.")

    verdict = await check_reply(words("So all 35 users on Pro see the same message."), context)

    assert not named(verdict.reasons, "plan or limit")


@pytest.mark.parametrize(("language", "text"), [("de", ENGLISH), ("en", GERMAN), ("fr", GERMAN)])
async def test_a_reply_in_another_language_than_the_customer_s_is_stopped(language: str, text: str) -> None:
    verdict = await check_reply(words(text), make_context(triage=read_as(language=language)))

    assert named(verdict.reasons, "language: ")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", GERMAN),
        ("it", ENGLISH),
        ("de", "Open it."),
        ("de", f"Bitte senden Sie mir den Wortlaut: „{ENGLISH}“"),
        ("de", "Wählen Sie **Export all of the tasks in this project as a file** im Menü, dann **Save the file now**."),
    ],
)
async def test_the_right_language_passes_and_so_do_short_texts_quotations_and_names(language: str, text: str) -> None:
    verdict = await check_reply(words(text), make_context(triage=read_as(language=language)))

    assert not named(verdict.reasons, "language: ")


async def test_an_english_article_may_be_quoted_to_a_customer_who_writes_german() -> None:
    context = make_context(passages={"p1": ENGLISH}, triage=read_as(language="de"))
    closing = context.company.voice.phrases["de"].more_help

    assert (await check_reply(answer(f"{ENGLISH}\n\n{closing}", "p1"), context)).reasons == ()


async def test_an_article_in_the_customer_s_language_asks_for_a_reply_in_it() -> None:
    italian = "Per invitare una persona apra le impostazioni, scelga Membri e scriva il suo indirizzo nel campo."
    context = make_context(passages={"p1": italian}, triage=read_as(language="it"))

    verdict = await check_reply(answer(ENGLISH, "p1"), context)

    assert named(verdict.reasons, "language: en")

"""The index over many vectors: built when it is worth it, and searched with the same filters and scores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deskhand import knowledge
from deskhand.flows.vectors import bring_up_to_date, keep_index
from deskhand.knowledge import IndexPlan
from deskhand.knowledge.vector_queries import is_index_ready, list_indexes
from tests.knowledge.library import Library

ARTICLES = ("reset-password", "reset-password-de", "archive-and-restore-project", "invoices", "timer-stopped", "slack")
QUESTIONS = {
    "en": ("stopwatch quit after shutting browser", "Where is my invoice for October?", "slack", "???"),
    "de": ("Ich habe mein Kennwort vergessen", "Wie verbinde ich Slack?"),
}
PHONE = "---\ntitle: Restart the phone\nproduct: Phone\n---\n\n# Restart\n\nHold the side button until it restarts.\n"
WATCH = "---\ntitle: Restart the watch\nproduct: watch\n---\n\n# Restart\n\nHold the crown until it restarts.\n"


@pytest.fixture
async def filled(library: Library) -> Library:
    library.ship(*ARTICLES)
    library.write({"phone.md": PHONE, "watch.md": WATCH})
    await library.load()
    return library


async def index(library: Library, *, exact_up_to: int = 0) -> None:
    await keep_index(library, changed=True, exact_up_to=exact_up_to)


async def is_ready(library: Library) -> bool:
    async with library.db.transaction() as tx:
        return await is_index_ready(tx, library.embedder.model_id)


async def test_a_small_collection_has_no_index(filled: Library) -> None:
    assert not await is_ready(filled)


async def test_a_load_that_grows_past_the_limit_builds_the_index(filled: Library) -> None:
    await bring_up_to_date(filled, changed=True, exact_up_to=3)

    assert await is_ready(filled)


async def test_both_ways_find_the_same_passage_with_the_same_score(filled: Library) -> None:
    asked = [(text, name) for name, texts in QUESTIONS.items() for text in texts]
    exact = [await filled.search(text, language=name) for text, name in asked]

    await index(filled)

    found = [await filled.search(text, language=name) for text, name in asked]
    for (_, language), before, after in zip(asked, exact, found, strict=True):
        assert after[0].passage_id == before[0].passage_id
        if language == "en":  # elsewhere the words are counted over a little more than the customer may see
            assert after[0].score == pytest.approx(before[0].score, abs=0.001)


@pytest.mark.parametrize("indexed", [False, True], ids=["exact", "index"])
async def test_a_customer_sees_their_language_only(filled: Library, indexed: bool) -> None:
    if indexed:
        await index(filled)

    german = await filled.search("Passwort zurücksetzen", language="de", limit=50)
    english = await filled.search("Passwort zurücksetzen", language="en", limit=50)

    assert german[0].article == "reset-password-de"
    assert "reset-password" not in {hit.article for hit in german}
    assert {hit.language for hit in english} == {"en"}


@pytest.mark.parametrize("indexed", [False, True], ids=["exact", "index"])
async def test_a_customer_sees_their_product_and_what_is_of_all(filled: Library, indexed: bool) -> None:
    filled.write({"all.md": "# Restart anything\n\nPull the plug, wait, and plug it in again to restart.\n"})
    await filled.load()
    if indexed:
        await index(filled)

    phone = {hit.article for hit in await filled.search("how do I restart it", product="PHONE", limit=50)}
    every = {hit.article for hit in await filled.search("how do I restart it", limit=50)}

    assert "phone" in phone
    assert "all" in phone
    assert not phone & {"watch", "slack"}
    assert {"phone", "watch", "all", "slack"} <= every


async def test_a_translation_of_another_product_hides_nothing(library: Library) -> None:
    library.write(
        {
            "restart.md": "---\nproduct: phone\n---\n# Restart\n\nHold the side button.\n",
            "restart-de.md": "---\nproduct: watch\nlanguage: de\n---\n# Neustart\n\nHalte die Krone gedrückt.\n",
        }
    )
    await library.load()

    hits = await library.search("restart", language="de", product="phone")

    assert [hit.article for hit in hits] == ["restart"]


async def test_passages_added_after_the_build_are_found_by_the_index(filled: Library) -> None:
    await index(filled)
    filled.write({"boats.md": "# Boats\n\n## How do I moor a boat?\n\nThrow a rope around the bollard.\n"})

    await filled.load()

    assert (await filled.search("tie up a ship"))[0].article == "boats"


async def test_a_build_that_was_cut_short_is_made_anew(filled: Library) -> None:
    await index(filled)
    async with filled.db.transaction() as tx:
        await tx.execute("update pg_index set indisvalid = false where indrelid = 'passage_vectors'::regclass "
                         "and not indisprimary and indpred is not null")  # fmt: skip
    assert not await is_ready(filled)

    await index(filled)

    assert await is_ready(filled)


async def test_the_index_goes_when_the_collection_has_shrunk_for_good(filled: Library) -> None:
    await index(filled, exact_up_to=10)
    await index(filled, exact_up_to=20)
    assert await is_ready(filled)

    await index(filled, exact_up_to=1_000)

    assert not await is_ready(filled)


async def test_indexes_of_models_that_serve_no_more_are_dropped(filled: Library) -> None:
    await index(filled)
    async with filled.db.transaction() as tx:
        await tx.execute("update passage_vectors set model = 'other:1'")
        await knowledge.update_model(tx, "other:1")

    await bring_up_to_date(filled, changed=True)

    async with filled.db.transaction() as tx:
        assert await list_indexes(tx) == []


async def test_two_processes_do_not_build_at_once(filled: Library) -> None:
    model, dimensions = filled.embedder.model_id, filled.embedder.dimensions
    plan = IndexPlan(True, True, (), 64)

    async with filled.db.listening() as one, filled.db.listening() as other:
        assert await knowledge.carry_out(one, replace(plan, build=False), model, dimensions=dimensions)
        assert not await knowledge.carry_out(other, plan, model, dimensions=dimensions)


async def test_a_database_that_refuses_the_index_is_searched_one_by_one(filled: Library) -> None:
    async with filled.db.listening() as connection:
        built = await knowledge.carry_out(
            connection, IndexPlan(True, True, (), 64), filled.embedder.model_id, dimensions=5_000
        )

    assert not built
    assert not await is_ready(filled)
    assert await filled.search("slack")

"""Gaps: what is stored of a question, and which questions are one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from deskhand import knowledge
from deskhand.db import Database
from deskhand.ids import MessageId, uuid7
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import Gap, GapGroup
from tests.factories import NOON, make_conversation, make_message

TOPICS = (
    (
        "Can I print a board on A3 paper?",
        "How do I print a whole board?",
        "Is there a way to print our project board?",
    ),
    (
        "Does TaskFlow compute Norwegian VAT?",
        "How is the tax for Norway calculated on invoices we send?",
        "Which VAT rate do you use for customers in Norway?",
    ),
    (
        "Can I dictate tasks with my voice?",
        "Is there voice input for creating tasks?",
        "How do I add a task by speaking?",
    ),
    (
        "Which barcode scanners can I connect?",
        "Does a Zebra barcode scanner work with it?",
        "Can we scan barcodes into tasks?",
    ),
    (
        "Does TaskFlow have a plugin for AutoCAD drawings?",
        "Can I open DWG drawings from AutoCAD?",
        "Is there an AutoCAD integration?",
    ),
    (
        "Can I sync with Jira both ways?",
        "Is there a two-way Jira integration?",
        "How do I connect Jira so that issues stay in sync?",
    ),
    (
        "Can the interface be shown in Hebrew, right to left?",
        "Is there a right-to-left layout for Hebrew?",
        "Do you support RTL languages like Hebrew?",
    ),
    (
        "Can tracked hours go to our payroll software?",
        "How do I export time to DATEV payroll?",
        "Is there a link from time tracking to payroll?",
    ),
    (
        "Does the mobile app record where a technician is?",
        "Can I see the GPS position of my field staff?",
        "Is location tracking possible in the app?",
    ),
    (
        "Can I turn off the sound when a card is moved?",
        "How do I mute the noise the board makes?",
        "Where do I switch off the board sounds?",
    ),
    (
        "Can I send a task by fax?",
        "Is there a fax function?",
        "How do I fax a report from TaskFlow?",
    ),
    (
        "Is there an Apple Watch app?",
        "Can I see my tasks on my smartwatch?",
        "How do I use TaskFlow on an Apple Watch?",
    ),
)


def gap(query: str, *, minute: int = 0) -> Gap:
    return Gap(uuid7(), MessageId(uuid7()), query, "en", [1.0], "some", NOON + timedelta(minutes=minute))


async def grouped(embedder: LocalEmbedder, queries: Sequence[str]) -> list[GapGroup]:
    gaps = [gap(query, minute=minute) for minute, query in enumerate(queries)]
    return knowledge.group_gaps(gaps, await embedder.embed(queries))


async def test_wordings_of_one_question_are_one_group_and_others_stay_apart(embedder: LocalEmbedder) -> None:
    asked_in_turns = [topic[number] for number in range(3) for topic in TOPICS]

    groups = await grouped(embedder, asked_in_turns)

    found = {frozenset(item.query for item in group.gaps) for group in groups}
    assert len(found & {frozenset(topic) for topic in TOPICS}) >= len(TOPICS) - 1
    assert all(group.example in group.gaps for group in groups)


async def test_what_is_asked_most_stands_first(embedder: LocalEmbedder) -> None:
    groups = await grouped(embedder, [TOPICS[0][0], *TOPICS[1], *TOPICS[2][:2]])

    assert [group.count for group in groups] == [3, 2, 1]


async def test_the_same_gaps_always_make_the_same_groups(embedder: LocalEmbedder) -> None:
    queries = [query for topic in TOPICS for query in topic]
    gaps = [gap(query, minute=minute) for minute, query in enumerate(queries)]
    vectors = await embedder.embed(queries)

    assert knowledge.group_gaps(gaps, vectors) == knowledge.group_gaps(gaps, vectors)


def test_no_gaps_make_no_groups() -> None:
    assert knowledge.group_gaps([], np.zeros((0, 384), dtype=np.float32)) == []


async def test_a_gap_is_kept_once_a_message_with_its_vector(database: Database) -> None:
    vector = np.array([0.6, 0.8], dtype=np.float32)
    async with database.transaction() as tx:
        message_id = await make_message(tx, await make_conversation(tx))
        for query in ("first", "second"):
            await knowledge.keep_gap(
                tx, message_id=message_id, query=query, language="en", vector=vector, model="some", at=NOON
            )
        (kept,) = await knowledge.list_gaps(tx, since=None)

    assert (kept.query, kept.model, kept.created_at) == ("first", "some", NOON)
    assert np.allclose(kept.vector, vector)


async def test_closed_and_older_gaps_are_not_listed(database: Database) -> None:
    vector = np.array([1.0], dtype=np.float32)
    async with database.transaction() as tx:
        conversation = await make_conversation(tx)
        for minute in range(3):
            await knowledge.keep_gap(
                tx,
                message_id=await make_message(tx, conversation, minute=minute),
                query=f"question {minute}",
                language="en",
                vector=vector,
                model="some",
                at=NOON + timedelta(minutes=minute),
            )
        late = await knowledge.list_gaps(tx, since=NOON + timedelta(minutes=1))
        closed = await knowledge.close_gaps(tx, [late[0].id])
        left = await knowledge.list_gaps(tx, since=None)

    assert [item.query for item in late] == ["question 1", "question 2"]
    assert closed == 1
    assert [item.query for item in left] == ["question 0", "question 2"]


async def test_a_gap_goes_with_its_message(database: Database) -> None:
    async with database.transaction() as tx:
        conversation = await make_conversation(tx)
        message_id = await make_message(tx, conversation)
        await knowledge.keep_gap(
            tx,
            message_id=message_id,
            query="q",
            language="en",
            vector=np.array([1.0], dtype=np.float32),
            model="some",
            at=NOON,
        )
        await tx.execute("delete from conversations where id = %s", (conversation.id,))
        assert await knowledge.list_gaps(tx, since=None) == []

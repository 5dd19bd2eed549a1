"""Pages of messages: complete, without doubles, and as cheap at the end as at the beginning."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand import conversations
from deskhand.conversations import Conversation
from deskhand.db import Database, Tx
from deskhand.errors import InvalidInput
from tests.factories import NOON, make_conversation, make_message


async def _walk(tx: Tx, thread: Conversation, limit: int) -> list[str]:
    bodies: list[str] = []
    cursor: str | None = None
    while True:
        page = await conversations.page_of_messages(tx, thread.id, cursor=cursor, limit=limit)
        assert len(page.messages) <= limit
        bodies += [message.body for message in page.messages]
        cursor = page.next_cursor
        if cursor is None:
            return bodies


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 50])
async def test_pages_are_complete_without_doubles_when_all_times_are_equal(database: Database, limit: int) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        for number in range(20):
            await make_message(tx, thread, f"message {number}")

        bodies = await _walk(tx, thread, limit)

    assert sorted(bodies) == sorted(f"message {number}" for number in range(20))


async def test_pages_are_newest_first(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        for number in (3, 1, 2):
            await make_message(tx, thread, f"message {number}", minute=number)

        assert await _walk(tx, thread, 2) == ["message 3", "message 2", "message 1"]


async def test_a_message_that_comes_while_somebody_pages_shifts_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        for number in range(4):
            await make_message(tx, thread, f"message {number}", minute=number)
        first = await conversations.page_of_messages(tx, thread.id, limit=2)
        await make_message(tx, thread, "new", minute=99)

        second = await conversations.page_of_messages(tx, thread.id, cursor=first.next_cursor, limit=2)

    assert [message.body for message in second.messages] == ["message 1", "message 0"]
    assert second.next_cursor is None


async def test_a_cursor_of_somebody_else_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        with pytest.raises(InvalidInput):
            await conversations.page_of_messages(tx, thread.id, cursor="eyJpZCI6IDF9")


async def test_a_cursor_of_another_conversation_shows_nothing_of_it(database: Database) -> None:
    async with database.transaction() as tx:
        theirs, ours = await make_conversation(tx), await make_conversation(tx)
        for number in range(3):
            await make_message(tx, theirs, "secret", minute=number)
            await make_message(tx, ours, "ours", minute=number)
        page = await conversations.page_of_messages(tx, theirs.id, limit=1)

        foreign = await conversations.page_of_messages(tx, ours.id, cursor=page.next_cursor)

    assert {message.body for message in foreign.messages} == {"ours"}


async def test_the_last_page_costs_what_the_first_one_costs(database: Database) -> None:
    """Also once PostgreSQL has made a plan that is the same for every cursor."""
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        await tx.execute(
            """
            insert into messages (id, conversation_id, kind, author, body, created_at)
            select gen_random_uuid(), %s, 'inbound', 'customer', 'x', %s::timestamptz - n * interval '1 second'
              from generate_series(1, 5000) n
            """,
            (thread.id, NOON),
        )
        deep = conversations.cursors.encode(NOON - timedelta(seconds=4_950), thread.id)
    async with database.transaction() as tx:
        await tx.execute("analyze messages")
        await tx.execute("set local plan_cache_mode = force_generic_plan")
        tx.prepare_threshold = 0
        costs: list[tuple[int, int]] = []
        for cursor in (None, deep):
            before = await _rows_read(tx)
            page = await conversations.page_of_messages(tx, thread.id, cursor=cursor, limit=20)
            after = await _rows_read(tx)
            costs.append((after[0] - before[0], after[1] - before[1]))
            assert len(page.messages) == 20

    assert costs == [(0, 21), (0, 21)]


async def _rows_read(tx: Tx) -> tuple[int, int]:
    """Rows of `messages` read so far in this transaction: by walking the table, by an index."""
    row = await (
        await tx.execute(
            "select seq_tup_read, coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname = 'messages'"
        )
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])

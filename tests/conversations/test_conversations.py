"""Conversations: what belongs together, what does not, and who handles it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from deskhand import conversations
from deskhand.conversations import CHAT_GAP, Conversation
from deskhand.customers import Customer
from deskhand.db import Database, Tx
from deskhand.errors import NotFound
from deskhand.ids import ConversationId, uuid7
from tests.factories import NOON, make_conversation, make_customer, make_message


async def _open(
    tx: Tx,
    customer: Customer,
    *,
    at: datetime = NOON,
    channel: str = "whatsapp",
    continues: ConversationId | None = None,
    is_chat: bool = True,
) -> Conversation:
    return await conversations.open_conversation(
        tx,
        customer_id=customer.id,
        channel=channel,
        subject="",
        language="en",
        at=at,
        continues=continues,
        is_chat=is_chat,
    )


async def test_a_chat_goes_on_until_the_gap_is_over(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        first = await _open(tx, customer)
        await make_message(tx, first)

        just_within = await _open(tx, customer, at=first.last_message_at + CHAT_GAP)
        after = await _open(tx, customer, at=first.last_message_at + CHAT_GAP + timedelta(seconds=1))

    assert just_within.id == first.id
    assert after.id != first.id


async def test_every_message_keeps_a_chat_warm(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        first = await _open(tx, customer)
        later = first.last_message_at + CHAT_GAP
        await conversations.add_message(tx, first.id, kind="inbound", author="customer", body="Hi", at=later)

        assert (await _open(tx, customer, at=later + CHAT_GAP)).id == first.id


async def test_an_old_message_filed_late_does_not_cool_a_chat(database: Database) -> None:
    async with database.transaction() as tx:
        chat = await make_conversation(tx)
        before = chat.last_message_at
        await make_message(tx, chat, minute=-100_000)

        assert (await conversations.get(tx, chat.id)).last_message_at == before


async def test_a_chat_of_another_channel_or_customer_is_not_joined(database: Database) -> None:
    async with database.transaction() as tx:
        customer, other = await make_customer(tx), await make_customer(tx)
        first = await _open(tx, customer)

        assert (await _open(tx, customer, channel="web_chat")).id != first.id
        assert (await _open(tx, other)).id != first.id


async def test_mail_without_a_thread_opens_a_conversation_of_its_own(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        first = await _open(tx, customer, channel="email", is_chat=False)

        assert (await _open(tx, customer, channel="email", is_chat=False)).id != first.id


async def test_a_reply_continues_its_conversation_however_old(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        first = await _open(tx, customer, channel="email", is_chat=False)
        later = NOON + timedelta(days=900)

        joined = await _open(tx, customer, at=later, channel="email", continues=first.id, is_chat=False)

    assert joined.id == first.id


async def test_the_id_of_somebody_else_s_conversation_joins_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        victim, stranger = await make_customer(tx), await make_customer(tx)
        theirs = await _open(tx, victim)

        opened = await _open(tx, stranger, continues=theirs.id, is_chat=False)

    assert opened.id != theirs.id
    assert opened.customer_id == stranger.id


async def test_an_unknown_conversation_id_joins_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        unknown = ConversationId(uuid7())

        assert (await _open(tx, customer, continues=unknown, is_chat=False)).id != unknown


async def test_a_missing_conversation_or_message_is_not_found(database: Database) -> None:
    async with database.transaction() as tx:
        for look in (conversations.get, conversations.lock_handler, conversations.page_of_messages):
            with pytest.raises(NotFound):
                await look(tx, ConversationId(uuid7()))


async def test_the_disclosure_keeps_its_first_time(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        await conversations.mark_disclosed(tx, thread.id, NOON)
        await conversations.mark_disclosed(tx, thread.id, NOON + timedelta(hours=1))

        assert (await conversations.get(tx, thread.id)).ai_disclosed_at == NOON


async def test_a_takeover_waits_for_a_commit_that_looks_at_the_handler(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
    taken = asyncio.Event()

    async def take_over() -> None:
        async with database.transaction() as tx:
            await conversations.set_handler(tx, thread.id, "operator")
        taken.set()

    async with database.transaction() as tx:
        handler = await conversations.lock_handler(tx, thread.id)
        takeover = asyncio.create_task(take_over())
        await asyncio.sleep(0.2)
        taken_before_the_commit = taken.is_set()
    await takeover
    async with database.transaction() as tx:
        after = await conversations.lock_handler(tx, thread.id)

    assert (handler, taken_before_the_commit, after) == ("agent", False, "operator")

"""History: newest first, over all channels of one person, without the message that is being answered."""

from __future__ import annotations

from datetime import timedelta

from deskhand import conversations
from deskhand.db import Database
from tests.factories import NOON, make_conversation, make_customer, make_message


async def test_history_is_newest_first_across_channels_without_the_current_message(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        mail = await make_conversation(tx, customer, channel="email")
        chat = await make_conversation(tx, customer, channel="whatsapp")
        await make_message(tx, mail, "first, by mail", minute=1)
        await make_message(tx, mail, "our answer", minute=2, kind="outbound", author="agent")
        await make_message(tx, chat, "second, by chat", minute=3)
        current = await make_message(tx, chat, "now", minute=4)

        past = await conversations.list_history(
            tx, customer.id, before=NOON + timedelta(minutes=4), excluding=current, limit=10
        )

    assert [(item.channel, item.author, item.body) for item in past] == [
        ("whatsapp", "customer", "second, by chat"),
        ("email", "agent", "our answer"),
        ("email", "customer", "first, by mail"),
    ]


async def test_history_holds_the_newest_ones_when_there_are_more_than_asked_for(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        threads = [await make_conversation(tx, customer) for _ in range(3)]
        for number in range(30):
            await make_message(tx, threads[number % 3], str(number), minute=number)
        current = await make_message(tx, threads[0], "now", minute=40)

        past = await conversations.list_history(
            tx, customer.id, before=NOON + timedelta(minutes=40), excluding=current, limit=10
        )

    assert [item.body for item in past] == [str(number) for number in range(29, 19, -1)]


async def test_what_was_said_after_the_message_is_no_history_of_it(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        thread = await make_conversation(tx, customer)
        current = await make_message(tx, thread, "now", minute=1)
        await make_message(tx, thread, "later", minute=2)

        past = await conversations.list_history(
            tx, customer.id, before=NOON + timedelta(minutes=1), excluding=current, limit=10
        )

    assert past == []


async def test_history_shows_no_internal_notes_and_nobody_else_s_messages(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        thread = await make_conversation(tx, customer)
        await make_message(tx, thread, "between us", kind="note", author="system")
        await make_message(tx, await make_conversation(tx), "somebody else's")
        current = await make_message(tx, thread, "now", minute=1)

        past = await conversations.list_history(
            tx, customer.id, before=NOON + timedelta(minutes=1), excluding=current, limit=10
        )

    assert past == []

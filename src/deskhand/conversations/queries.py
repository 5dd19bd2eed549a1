"""All SQL on conversations and messages: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from deskhand.conversations.models import Author, Conversation, Message, MessageKind, Party, PastMessage
from deskhand.db import Tx
from deskhand.ids import ConversationId, CustomerId, MessageId, uuid7


async def get(tx: Tx, conversation_id: ConversationId) -> Conversation | None:
    async with tx.cursor(row_factory=class_row(Conversation)) as cursor:
        await cursor.execute(
            """
            select id, customer_id, channel, subject, language, handler, provider_thread, ai_disclosed_at,
                   unhelpful_turns, created_at, last_message_at
              from conversations where id = %s
            """,
            (conversation_id,),
        )
        return await cursor.fetchone()


async def lock_handler(tx: Tx, conversation_id: ConversationId) -> Party | None:
    """Hold the conversation's row until the end of the transaction and tell who handles it."""
    cursor = await tx.execute("select handler from conversations where id = %s for update", (conversation_id,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def insert(
    tx: Tx, *, customer_id: CustomerId, channel: str, subject: str, language: str, provider_thread: str | None
) -> ConversationId:
    conversation_id = ConversationId(uuid7())
    await tx.execute(
        """
        insert into conversations (id, customer_id, channel, subject, language, provider_thread)
        values (%s, %s, %s, %s, %s, %s)
        """,
        (conversation_id, customer_id, channel, subject, language, provider_thread),
    )
    return conversation_id


async def find_latest(tx: Tx, *, customer_id: CustomerId, channel: str, since: datetime) -> ConversationId | None:
    cursor = await tx.execute(
        """
        select id from conversations
         where customer_id = %s and channel = %s and last_message_at >= %s
         order by last_message_at desc limit 1
        """,
        (customer_id, channel, since),
    )
    row = await cursor.fetchone()
    return None if row is None else ConversationId(row[0])


async def insert_message(
    tx: Tx,
    *,
    conversation_id: ConversationId,
    kind: MessageKind,
    author: Author,
    body: str,
    subject: str,
    author_name: str,
    provider_id: str | None,
    in_reply_to: MessageId | None,
    folded: str,
    at: datetime,
) -> MessageId:
    message_id = MessageId(uuid7())
    await tx.execute(
        """
        insert into messages (id, conversation_id, kind, author, author_name, subject, body, provider_id,
                              in_reply_to, folded, created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (message_id, conversation_id, kind, author, author_name, subject, body, provider_id, in_reply_to, folded, at),
    )
    return message_id


async def touch(tx: Tx, conversation_id: ConversationId, at: datetime) -> None:
    await tx.execute(
        "update conversations set last_message_at = greatest(last_message_at, %s) where id = %s", (at, conversation_id)
    )


async def get_message(tx: Tx, message_id: MessageId) -> Message | None:
    async with tx.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(
            """
            select id, conversation_id, kind, author, author_name, subject, body, in_reply_to, created_at, folded
              from messages where id = %s
            """,
            (message_id,),
        )
        return await cursor.fetchone()


async def find_reply(tx: Tx, message_id: MessageId) -> Message | None:
    async with tx.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(
            """
            select id, conversation_id, kind, author, author_name, subject, body, in_reply_to, created_at, folded
              from messages where in_reply_to = %s and kind = 'outbound' and author = 'agent'
            """,
            (message_id,),
        )
        return await cursor.fetchone()


async def list_messages(
    tx: Tx, conversation_id: ConversationId, *, before: tuple[datetime, MessageId] | None, limit: int
) -> list[Message]:
    """One condition for the first page and all others: an `or` would make a general plan walk the whole thread."""
    at, message_id = before or (None, None)
    async with tx.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(
            """
            select id, conversation_id, kind, author, author_name, subject, body, in_reply_to, created_at, folded
              from messages
             where conversation_id = %(conversation)s
               and (created_at, id) < (coalesce(%(at)s::timestamptz, 'infinity'),
                                       coalesce(%(id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
             order by created_at desc, id desc
             limit %(limit)s
            """,
            {"conversation": conversation_id, "at": at, "id": message_id, "limit": limit},
        )
        return await cursor.fetchall()


async def list_history(
    tx: Tx,
    customer_id: CustomerId,
    *,
    before: datetime,
    excluding: MessageId,
    limit: int,
    within: ConversationId | None = None,
) -> list[PastMessage]:
    """What a customer and we said until `before`, newest first; `within` keeps it to one conversation."""
    async with tx.cursor(row_factory=class_row(PastMessage)) as cursor:
        await cursor.execute(
            """
            select c.channel, m.author, m.body, m.created_at
              from conversations c
              cross join lateral (
                   select id, author, body, created_at from messages
                    where conversation_id = c.id and kind in ('inbound', 'outbound')
                      and created_at <= %(before)s and id <> %(excluding)s
                    order by created_at desc, id desc limit %(limit)s) m
             where c.customer_id = %(customer)s and (%(within)s::uuid is null or c.id = %(within)s)
             order by m.created_at desc, m.id desc
             limit %(limit)s
            """,
            {"customer": customer_id, "before": before, "excluding": excluding, "limit": limit, "within": within},
        )
        return await cursor.fetchall()


async def set_handler(tx: Tx, conversation_id: ConversationId, handler: Party) -> None:
    await tx.execute("update conversations set handler = %s where id = %s", (handler, conversation_id))


async def set_language(tx: Tx, conversation_id: ConversationId, language: str) -> None:
    await tx.execute("update conversations set language = %s where id = %s", (language, conversation_id))


async def mark_disclosed(tx: Tx, conversation_id: ConversationId, at: datetime) -> None:
    await tx.execute(
        "update conversations set ai_disclosed_at = coalesce(ai_disclosed_at, %s) where id = %s", (at, conversation_id)
    )


async def set_unhelpful_turns(tx: Tx, conversation_id: ConversationId, count: int) -> None:
    await tx.execute("update conversations set unhelpful_turns = %s where id = %s", (count, conversation_id))


async def move_all(tx: Tx, source: CustomerId, target: CustomerId) -> list[UUID]:
    """Give one customer's conversations to another; their ids."""
    cursor = await tx.execute(
        "update conversations set customer_id = %s where customer_id = %s returning id", (target, source)
    )
    return [row[0] for row in await cursor.fetchall()]


async def move(tx: Tx, ids: Sequence[UUID], source: CustomerId, target: CustomerId) -> None:
    """Give these conversations to another customer, those that are still the first one's."""
    await tx.execute(
        "update conversations set customer_id = %s where id = any(%s) and customer_id = %s",
        (target, list(ids), source),
    )

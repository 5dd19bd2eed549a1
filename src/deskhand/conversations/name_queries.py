"""SQL on the ids by which providers and later messages name ours: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from deskhand.conversations.models import Name
from deskhand.db import Tx
from deskhand.ids import ConversationId, CustomerId, MessageId


async def insert(
    tx: Tx, channel: str, provider_id: str, *, message_id: MessageId, delivery_id: UUID | None, is_answered: bool
) -> None:
    """The first message by an id keeps it: a second one with the same Message-ID names nothing."""
    await tx.execute(
        """
        insert into provider_ids (channel, provider_id, message_id, delivery_id, is_answered)
        values (%s, %s, %s, %s, %s)
        on conflict (channel, provider_id) do nothing
        """,
        (channel, provider_id, message_id, delivery_id, is_answered),
    )


async def find(tx: Tx, channel: str, provider_id: str) -> Name | None:
    async with tx.cursor(row_factory=class_row(Name)) as cursor:
        await cursor.execute(
            """
            select n.provider_id, n.message_id, m.conversation_id, n.delivery_id
              from provider_ids n join messages m on m.id = n.message_id
             where n.channel = %s and n.provider_id = %s
            """,
            (channel, provider_id),
        )
        return await cursor.fetchone()


async def find_of_customer(tx: Tx, channel: str, provider_ids: Sequence[str], customer_id: CustomerId) -> Name | None:
    """The first of these ids, in their order, that names a message in a conversation of this customer."""
    async with tx.cursor(row_factory=class_row(Name)) as cursor:
        await cursor.execute(
            """
            select n.provider_id, n.message_id, m.conversation_id, n.delivery_id
              from unnest(%s::text[]) with ordinality as wanted (provider_id, place)
              join provider_ids n on n.channel = %s and n.provider_id = wanted.provider_id
              join messages m on m.id = n.message_id
              join conversations c on c.id = m.conversation_id and c.customer_id = %s
             order by wanted.place limit 1
            """,
            (list(provider_ids), channel, customer_id),
        )
        return await cursor.fetchone()


async def find_by_provider_thread(
    tx: Tx, channel: str, provider_thread: str, customer_id: CustomerId
) -> ConversationId | None:
    cursor = await tx.execute(
        """
        select id from conversations
         where channel = %s and provider_thread = %s and customer_id = %s
         order by last_message_at desc limit 1
        """,
        (channel, provider_thread, customer_id),
    )
    row = await cursor.fetchone()
    return None if row is None else ConversationId(row[0])


async def list_before(
    tx: Tx, conversation_id: ConversationId, channel: str, *, message_id: MessageId, limit: int
) -> list[str]:
    """The ids that answers name, of messages before this one, newest first."""
    cursor = await tx.execute(
        """
        select n.provider_id
          from messages m
          join provider_ids n on n.message_id = m.id and n.channel = %(channel)s and n.is_answered
         where m.conversation_id = %(conversation)s
           and (m.created_at, m.id) < (select created_at, id from messages where id = %(message)s)
         order by m.created_at desc, m.id desc, n.created_at desc limit %(limit)s
        """,
        {"channel": channel, "conversation": conversation_id, "message": message_id, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_of_message(tx: Tx, message_id: MessageId, channel: str) -> list[str]:
    """The ids by which answers name this message."""
    cursor = await tx.execute(
        """
        select provider_id from provider_ids
         where message_id = %s and channel = %s and is_answered order by created_at, provider_id
        """,
        (message_id, channel),
    )
    return [row[0] for row in await cursor.fetchall()]


async def is_named(tx: Tx, message_id: MessageId, channel: str) -> bool:
    """Whether answers can name this message already."""
    cursor = await tx.execute(
        "select exists (select from provider_ids where message_id = %s and channel = %s and is_answered)",
        (message_id, channel),
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def set_provider_thread(tx: Tx, conversation_id: ConversationId, provider_thread: str) -> None:
    """The provider's thread of a conversation: the first one stays."""
    await tx.execute(
        "update conversations set provider_thread = coalesce(provider_thread, %s) where id = %s",
        (provider_thread, conversation_id),
    )


async def last_inbound_at(tx: Tx, customer_id: CustomerId, channel: str) -> datetime | None:
    cursor = await tx.execute(
        """
        select max(m.created_at)
          from conversations c
          cross join lateral (select created_at from messages where conversation_id = c.id and kind = 'inbound'
                               order by created_at desc, id desc limit 1) m
         where c.customer_id = %s and c.channel = %s
        """,
        (customer_id, channel),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_recent_bodies(
    tx: Tx, customer_id: CustomerId, channel: str, *, since: datetime, excluding: MessageId, limit: int
) -> list[str]:
    """What a customer wrote on a channel lately, newest first."""
    cursor = await tx.execute(
        """
        select m.body
          from conversations c
          cross join lateral (
               select id, body, created_at from messages
                where conversation_id = c.id and kind = 'inbound' and created_at > %(since)s and id <> %(excluding)s
                order by created_at desc, id desc limit %(limit)s) m
         where c.customer_id = %(customer)s and c.channel = %(channel)s and c.last_message_at > %(since)s
         order by m.created_at desc, m.id desc limit %(limit)s
        """,
        {"since": since, "excluding": excluding, "limit": limit, "customer": customer_id, "channel": channel},
    )
    return [row[0] for row in await cursor.fetchall()]

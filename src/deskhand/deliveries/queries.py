"""All SQL on deliveries: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.deliveries.models import Delivery, State
from deskhand.ids import MessageId, uuid7


async def insert(
    tx: Tx,
    *,
    message_id: MessageId,
    channel: str,
    recipient: str,
    position: int,
    body: str,
    at: datetime,
    copy_subject: str | None = None,
) -> UUID:
    delivery_id = uuid7()
    await tx.execute(
        """
        insert into deliveries (id, message_id, channel, recipient, position, body, copy_subject, created_at,
                                updated_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (delivery_id, message_id, channel, recipient, position, body, copy_subject, at, at),
    )
    return delivery_id


async def find(tx: Tx, delivery_id: UUID) -> Delivery | None:
    async with tx.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            """
            select id, message_id, channel, recipient, position, body, state, provider_id, attempts, resends, detail,
                   attempted_at, copy_subject, created_at, updated_at
              from deliveries where id = %s
            """,
            (delivery_id,),
        )
        return await cursor.fetchone()


async def list_by_messages(tx: Tx, message_ids: Sequence[MessageId]) -> list[Delivery]:
    async with tx.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            """
            select id, message_id, channel, recipient, position, body, state, provider_id, attempts, resends, detail,
                   attempted_at, copy_subject, created_at, updated_at
              from deliveries where message_id = any(%s) and copy_subject is null order by message_id, position
            """,
            (list(message_ids),),
        )
        return await cursor.fetchall()


async def is_after_a_failure(tx: Tx, message_id: MessageId, position: int) -> bool:
    """Whether an earlier part of the same message has failed for good."""
    cursor = await tx.execute(
        "select exists (select from deliveries where message_id = %s and position < %s and state = 'failed')",
        (message_id, position),
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def fail_later_parts(tx: Tx, message_id: MessageId, position: int, *, detail: str, at: datetime) -> int:
    """What waits behind a part that failed is not sent: half an answer without its beginning helps nobody."""
    cursor = await tx.execute(
        """
        update deliveries set state = 'failed', detail = %s, updated_at = %s
         where message_id = %s and position > %s and state = 'queued'
        """,
        (detail, at, message_id, position),
    )
    return cursor.rowcount


async def claim(tx: Tx, delivery_id: UUID, at: datetime) -> bool:
    """Move from queued to sending; False when somebody else has, or it is done."""
    cursor = await tx.execute(
        """
        update deliveries set state = 'sending', attempts = attempts + 1, attempted_at = %s, updated_at = %s
         where id = %s and state = 'queued'
        """,
        (at, at, delivery_id),
    )
    return cursor.rowcount == 1


async def claim_again(tx: Tx, delivery_id: UUID, at: datetime) -> bool:
    """Take up once more what the provider certainly has no record of; False the second time."""
    cursor = await tx.execute(
        """
        update deliveries
           set state = 'sending', attempts = attempts + 1, resends = resends + 1, attempted_at = %s, updated_at = %s
         where id = %s and state in ('sending', 'unknown') and resends = 0
        """,
        (at, at, delivery_id),
    )
    return cursor.rowcount == 1


async def advance(
    tx: Tx, delivery_id: UUID, *, state: State, provider_id: str | None, detail: str, at: datetime
) -> bool:
    """Move forward only: a late or repeated receipt never takes a delivery back."""
    cursor = await tx.execute(
        """
        update deliveries
           set state = %(state)s, provider_id = coalesce(%(provider_id)s, provider_id), detail = %(detail)s,
               updated_at = %(at)s
         where id = %(id)s
           and array_position(array['queued', 'sending', 'unknown', 'sent', 'failed', 'delivered', 'read'], state)
             < array_position(array['queued', 'sending', 'unknown', 'sent', 'failed', 'delivered', 'read'], %(state)s)
        """,
        {"id": delivery_id, "state": state, "provider_id": provider_id, "detail": detail, "at": at},
    )
    return cursor.rowcount == 1


async def requeue(tx: Tx, delivery_id: UUID, *, detail: str, at: datetime) -> bool:
    """Back to queued after a failure that the provider certainly did not act upon."""
    cursor = await tx.execute(
        "update deliveries set state = 'queued', detail = %s, updated_at = %s where id = %s and state = 'sending'",
        (detail, at, delivery_id),
    )
    return cursor.rowcount == 1


async def mark_unknown(tx: Tx, delivery_id: UUID, *, detail: str, at: datetime) -> bool:
    """Nobody can tell whether the provider has it; what is known to have left or failed stays so."""
    cursor = await tx.execute(
        """
        update deliveries set state = 'unknown', detail = %s, updated_at = %s
         where id = %s and state in ('sending', 'unknown')
        """,
        (detail, at, delivery_id),
    )
    return cursor.rowcount == 1


async def count_waiting(tx: Tx, channel: str) -> int:
    """Provider messages of a channel that have not left yet."""
    cursor = await tx.execute(
        "select count(*) from deliveries where state in ('queued', 'sending') and channel = %s", (channel,)
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def count_automatic(tx: Tx, *, channel: str, recipient: str, since: datetime) -> int:
    """Messages that the agent sent, or is about to send, to one address; parts of one message count as one."""
    cursor = await tx.execute(
        """
        select count(*) from deliveries d join messages m on m.id = d.message_id
         where d.channel = %s and d.recipient = %s and d.created_at > %s and d.position = 1
           and d.state <> 'failed' and m.author = 'agent'
        """,
        (channel, recipient, since),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def ids_of_others(tx: Tx, delivery: Delivery) -> frozenset[str]:
    """The provider's ids of all else that went to the same recipient: the same words may go there twice."""
    cursor = await tx.execute(
        """
        select provider_id from deliveries
         where channel = %(channel)s and recipient = %(recipient)s and provider_id is not null and id <> %(id)s
         union
        select e.provider_id from delivery_events e join deliveries d on d.id = e.delivery_id
         where d.channel = %(channel)s and d.recipient = %(recipient)s and e.provider_id <> '' and d.id <> %(id)s
        """,
        {"channel": delivery.channel, "recipient": delivery.recipient, "id": delivery.id},
    )
    return frozenset(row[0] for row in await cursor.fetchall())

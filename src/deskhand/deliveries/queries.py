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
    tx: Tx, *, message_id: MessageId, channel: str, recipient: str, parts: Sequence[str], at: datetime
) -> UUID:
    delivery_id = uuid7()
    await tx.execute(
        """
        insert into deliveries (id, message_id, channel, recipient, parts, created_at, updated_at)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        (delivery_id, message_id, channel, recipient, list(parts), at, at),
    )
    return delivery_id


async def find(tx: Tx, delivery_id: UUID) -> Delivery | None:
    async with tx.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            """
            select id, message_id, channel, recipient, parts, state, provider_id, attempts, detail, created_at,
                   updated_at
              from deliveries where id = %s
            """,
            (delivery_id,),
        )
        return await cursor.fetchone()


async def find_by_message(tx: Tx, message_id: MessageId) -> Delivery | None:
    async with tx.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            """
            select id, message_id, channel, recipient, parts, state, provider_id, attempts, detail, created_at,
                   updated_at
              from deliveries where message_id = %s
            """,
            (message_id,),
        )
        return await cursor.fetchone()


async def claim(tx: Tx, delivery_id: UUID, at: datetime) -> bool:
    """Move from queued to sending; False when somebody else has, or it is done."""
    cursor = await tx.execute(
        """
        update deliveries set state = 'sending', attempts = attempts + 1, updated_at = %s
         where id = %s and state = 'queued'
        """,
        (at, delivery_id),
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

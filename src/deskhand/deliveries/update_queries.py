"""SQL on what providers say later: the history of a delivery, and words that came before we knew of what they speak."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.deliveries.models import DeliveryEvent, Word
from deskhand.ids import uuid7

MONTH = timedelta(days=30)


async def insert_event(tx: Tx, delivery_id: UUID, word: Word, *, applied: bool, at: datetime) -> None:
    await tx.execute(
        """
        insert into delivery_events (id, delivery_id, state, provider_id, code, detail, applied, created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (delivery_id, state, provider_id, code) do nothing
        """,
        (uuid7(), delivery_id, word.state, word.provider_id or "", word.code, word.detail[:500], applied, at),
    )


async def list_events(tx: Tx, delivery_id: UUID) -> list[DeliveryEvent]:
    """Oldest first."""
    async with tx.cursor(row_factory=class_row(DeliveryEvent)) as cursor:
        await cursor.execute(
            """
            select state, provider_id, code, detail, applied, created_at from delivery_events
             where delivery_id = %s order by created_at, id
            """,
            (delivery_id,),
        )
        return await cursor.fetchall()


async def lock_name(tx: Tx, channel: str, provider_id: str) -> None:
    """Until the commit, nobody else learns or misses this id: a callback and the commit of its send meet here."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7203))", (f"{channel}\n{provider_id}",))


async def insert_waiting(tx: Tx, channel: str, provider_id: str, word: Word, *, at: datetime) -> None:
    """Words on what was never ours, such as a forged bounce, are forgotten after a month."""
    await tx.execute(
        """
        with forgotten as (
            delete from delivery_updates_waiting where received_at < %s
        )
        insert into delivery_updates_waiting (id, channel, provider_id, state, code, detail, recipient, received_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (channel, provider_id, state, code) do nothing
        """,
        (at - MONTH, uuid7(), channel, provider_id, word.state, word.code, word.detail[:500], word.recipient, at),
    )


async def take_waiting(tx: Tx, channel: str, provider_id: str) -> list[Word]:
    """What came before the id was known, in the order in which it came."""
    async with tx.cursor(row_factory=class_row(Word)) as cursor:
        await cursor.execute(
            """
            with taken as (
                delete from delivery_updates_waiting where channel = %s and provider_id = %s returning *
            )
            select state, provider_id, code, detail, recipient from taken order by received_at, id
            """,
            (channel, provider_id),
        )
        return await cursor.fetchall()

"""All SQL on raw input: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import DataError
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.errors import InvalidInput
from deskhand.ids import MessageId, uuid7
from deskhand.inbound.models import Inbound


async def insert(
    tx: Tx,
    *,
    channel: str,
    provider_id: str,
    payload: dict[str, Any],
    reference: str | None,
    access_hash: bytes | None,
    notes: Sequence[str] = (),
    at: datetime,
) -> UUID | None:
    """None when the provider's id is known already. Raises InvalidInput for what the database can't hold."""
    try:
        cursor = await tx.execute(
            """
            insert into inbound (id, channel, provider_id, payload, reference, access_hash, notes, received_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (channel, provider_id) do nothing
            returning id
            """,
            (uuid7(), channel, provider_id, Jsonb(payload), reference, access_hash, list(notes), at),
        )
    except DataError as error:
        raise InvalidInput(f"The message can't be stored: {str(error).splitlines()[0]}.") from error
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def find(tx: Tx, inbound_id: UUID) -> Inbound | None:
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound where id = %s
            """,
            (inbound_id,),
        )
        return await cursor.fetchone()


async def find_by_provider_id(tx: Tx, channel: str, provider_id: str) -> Inbound | None:
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound where channel = %s and provider_id = %s
            """,
            (channel, provider_id),
        )
        return await cursor.fetchone()


async def find_by_reference(tx: Tx, reference: str) -> Inbound | None:
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound where reference = %s
            """,
            (reference,),
        )
        return await cursor.fetchone()


async def find_by_message(tx: Tx, message_id: MessageId) -> Inbound | None:
    """The input that a message was made of; None for one that came by no front door."""
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound where message_id = %s order by received_at desc limit 1
            """,
            (message_id,),
        )
        return await cursor.fetchone()


async def list_by_outcome(tx: Tx, outcome: str, *, limit: int) -> list[Inbound]:
    """Newest first."""
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound where outcome = %s order by received_at desc, id desc limit %s
            """,
            (outcome, limit),
        )
        return await cursor.fetchall()


async def last_received_at(tx: Tx, channel: str) -> datetime | None:
    cursor = await tx.execute("select max(received_at) from inbound where channel = %s", (channel,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def settle(
    tx: Tx, inbound_id: UUID, *, outcome: str, detail: str, message_id: MessageId | None, at: datetime
) -> None:
    await tx.execute(
        "update inbound set outcome = %s, detail = %s, message_id = %s, settled_at = %s where id = %s",
        (outcome, detail, message_id, at, inbound_id),
    )

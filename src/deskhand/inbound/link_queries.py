"""SQL on what opens a status page, and on the replies written there: one statement a function."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.inbound.models import Inbound


async def insert(tx: Tx, inbound_id: UUID, access_hash: bytes, *, at: datetime) -> None:
    """One more secret that opens the page of this message."""
    await tx.execute(
        "insert into status_links (access_hash, inbound_id, created_at) values (%s, %s, %s)",
        (access_hash, inbound_id, at),
    )


async def opens(tx: Tx, inbound_id: UUID, access_hash: bytes) -> bool:
    cursor = await tx.execute(
        "select exists (select from status_links where access_hash = %s and inbound_id = %s)", (access_hash, inbound_id)
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def list_waiting_replies(tx: Tx, provider_id: str, *, limit: int) -> list[Inbound]:
    """Replies to this message of the form that are not in its conversation yet, oldest first."""
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select id, channel, provider_id, payload, reference, access_hash, outcome, detail, message_id, received_at,
                   notes
              from inbound
             where channel = 'web_form' and outcome <> 'filed' and payload ? 'answers'
               and payload -> 'answers' ->> 0 = %s
             order by received_at, id limit %s
            """,
            (provider_id, limit),
        )
        return await cursor.fetchall()


async def find_first_of_conversation(tx: Tx, conversation_id: UUID) -> Inbound | None:
    """The form's message that a conversation began with: the one that has a status page."""
    async with tx.cursor(row_factory=class_row(Inbound)) as cursor:
        await cursor.execute(
            """
            select i.id, i.channel, i.provider_id, i.payload, i.reference, i.access_hash, i.outcome, i.detail,
                   i.message_id, i.received_at, i.notes
              from messages m join inbound i on i.message_id = m.id and i.access_hash is not null
             where m.conversation_id = %s and m.kind = 'inbound'
             order by m.created_at, m.id limit 1
            """,
            (conversation_id,),
        )
        return await cursor.fetchone()

"""All SQL on decision records: one statement a function."""

from __future__ import annotations

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.decisions.models import DecisionRecord
from deskhand.ids import MessageId, TicketId


async def insert(tx: Tx, record: DecisionRecord) -> bool:
    """False when this message has its record already."""
    cursor = await tx.execute(
        """
        insert into decisions (id, message_id, conversation_id, ticket_id, decision, action, rules, confidence, record,
                               created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (message_id) do nothing
        """,
        (
            record.id,
            record.message_id,
            record.conversation_id,
            record.ticket_id,
            record.decision,
            record.action,
            record.rules,
            record.confidence,
            Jsonb(record.record),
            record.created_at,
        ),
    )
    return cursor.rowcount == 1


async def find_by_message(tx: Tx, message_id: MessageId) -> DecisionRecord | None:
    async with tx.cursor(row_factory=class_row(DecisionRecord)) as cursor:
        await cursor.execute(
            """
            select id, message_id, conversation_id, ticket_id, decision, action, rules, confidence, record, created_at
              from decisions where message_id = %s
            """,
            (message_id,),
        )
        return await cursor.fetchone()


async def list_by_ticket(tx: Tx, ticket_id: TicketId) -> list[DecisionRecord]:
    async with tx.cursor(row_factory=class_row(DecisionRecord)) as cursor:
        await cursor.execute(
            """
            select id, message_id, conversation_id, ticket_id, decision, action, rules, confidence, record, created_at
              from decisions where ticket_id = %s order by created_at, id
            """,
            (ticket_id,),
        )
        return await cursor.fetchall()

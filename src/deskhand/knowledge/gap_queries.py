"""All SQL on knowledge gaps: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.ids import MessageId, uuid7
from deskhand.knowledge.models import Gap, Vector


async def insert(
    tx: Tx, *, message_id: MessageId, query: str, language: str, vector: Vector, model: str, at: datetime
) -> None:
    """Nothing happens when the message's gap is there already."""
    await tx.execute(
        """
        insert into knowledge_gaps (id, message_id, query, language, vector, model, created_at)
        values (%s, %s, %s, %s, %s::real[]::vector, %s, %s)
        on conflict (message_id) do nothing
        """,
        (uuid7(), message_id, query, language, vector.tolist(), model, at),
    )


async def list_open(tx: Tx, *, since: datetime | None) -> list[Gap]:
    """Oldest first."""
    async with tx.cursor(row_factory=class_row(Gap)) as cursor:
        await cursor.execute(
            """
            select id, message_id, query, language, vector::real[] as vector, model, created_at
              from knowledge_gaps
             where status = 'open' and created_at >= coalesce(%s::timestamptz, '-infinity')
             order by created_at, id
            """,
            (since,),
        )
        return await cursor.fetchall()


async def close(tx: Tx, ids: Sequence[UUID]) -> int:
    cursor = await tx.execute(
        "update knowledge_gaps set status = 'closed' where id = any(%s) and status = 'open'", (list(ids),)
    )
    return cursor.rowcount

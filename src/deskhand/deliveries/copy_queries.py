"""SQL on copies, which go by a second channel: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deskhand.db import Tx
from deskhand.deliveries.models import State
from deskhand.ids import MessageId


async def states(tx: Tx, message_ids: Sequence[MessageId]) -> dict[MessageId, State]:
    """How far the copies of these messages are; those without one are left out."""
    cursor = await tx.execute(
        "select message_id, state from deliveries where message_id = any(%s) and copy_subject is not null",
        (list(message_ids),),
    )
    return {MessageId(row[0]): row[1] for row in await cursor.fetchall()}


async def count_to(tx: Tx, *, channel: str, recipient: str, since: datetime) -> int:
    """Copies to one address."""
    cursor = await tx.execute(
        """
        select count(*) from deliveries
         where channel = %s and recipient = %s and created_at > %s and copy_subject is not null and state <> 'failed'
        """,
        (channel, recipient, since),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def count_all(tx: Tx, *, since: datetime) -> int:
    """Copies to anybody."""
    cursor = await tx.execute(
        "select count(*) from deliveries where copy_subject is not null and created_at > %s", (since,)
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]

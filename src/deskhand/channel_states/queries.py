"""All SQL on channel states: one statement a function."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.channel_states.models import ChannelState
from deskhand.db import Tx


async def find(tx: Tx, channel: str) -> ChannelState | None:
    async with tx.cursor(row_factory=class_row(ChannelState)) as cursor:
        await cursor.execute(
            """
            select channel, cursor, paused_at, detail, fetches, fetched_from, failures, updated_at
              from channel_configs where channel = %s
            """,
            (channel,),
        )
        return await cursor.fetchone()


async def list_all(tx: Tx) -> list[ChannelState]:
    async with tx.cursor(row_factory=class_row(ChannelState)) as cursor:
        await cursor.execute(
            """
            select channel, cursor, paused_at, detail, fetches, fetched_from, failures, updated_at
              from channel_configs order by channel
            """
        )
        return await cursor.fetchall()


async def is_paused(tx: Tx, channel: str) -> bool:
    cursor = await tx.execute(
        "select exists (select from channel_configs where channel = %s and paused_at is not null)", (channel,)
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def begin_fetch(tx: Tx, channel: str, *, at: datetime) -> ChannelState:
    """Count a look into the mailbox and tell where it starts."""
    async with tx.cursor(row_factory=class_row(ChannelState)) as cursor:
        await cursor.execute(
            """
            insert into channel_configs (channel, fetches, updated_at) values (%s, 1, %s)
            on conflict (channel) do update set fetches = channel_configs.fetches + 1, updated_at = excluded.updated_at
            returning channel, cursor, paused_at, detail, fetches, fetched_from, failures, updated_at
            """,
            (channel, at),
        )
        state = await cursor.fetchone()
    assert state is not None
    return state


async def end_fetch(
    tx: Tx, channel: str, *, fetches: int, position: dict[str, Any], began_at: datetime, at: datetime
) -> bool:
    """Move the cursor; False when a later look has begun meanwhile, whose cursor must stay."""
    cursor = await tx.execute(
        """
        update channel_configs set cursor = %s, fetched_from = %s, failures = 0, detail = '', updated_at = %s
         where channel = %s and fetches = %s
        """,
        (Jsonb(position), began_at, at, channel, fetches),
    )
    return cursor.rowcount == 1


async def count_failure(tx: Tx, channel: str, *, detail: str, at: datetime) -> int:
    """How many looks in a row have failed now."""
    cursor = await tx.execute(
        """
        insert into channel_configs (channel, failures, detail, updated_at) values (%s, 1, %s, %s)
        on conflict (channel) do update
           set failures = channel_configs.failures + 1, detail = excluded.detail, updated_at = excluded.updated_at
        returning failures
        """,
        (channel, detail, at),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def pause(tx: Tx, channel: str, *, detail: str, at: datetime) -> bool:
    """Let the channel rest; False when it does so already."""
    cursor = await tx.execute(
        """
        insert into channel_configs (channel, paused_at, detail, updated_at) values (%s, %s, %s, %s)
        on conflict (channel) do update
           set paused_at = excluded.paused_at, detail = excluded.detail, updated_at = excluded.updated_at
         where channel_configs.paused_at is null
        """,
        (channel, at, detail, at),
    )
    return cursor.rowcount == 1


async def resume(tx: Tx, channel: str, *, at: datetime) -> bool:
    """False when it was not paused."""
    cursor = await tx.execute(
        """
        update channel_configs set paused_at = null, detail = '', failures = 0, updated_at = %s
         where channel = %s and paused_at is not null
        """,
        (at, channel),
    )
    return cursor.rowcount == 1

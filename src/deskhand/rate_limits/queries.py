"""All SQL on rate limits: one statement a function."""

from __future__ import annotations

from datetime import datetime, timedelta

from deskhand.db import Tx


async def take(tx: Tx, kind: str, key: bytes, *, step: timedelta, window: timedelta, at: datetime) -> bool:
    """Move the key's clock one step ahead; False when that would take it more than a window ahead of now."""
    cursor = await tx.execute(
        """
        insert into rate_limits (kind, key, spent_at)
        values (%(kind)s, %(key)s, %(at)s::timestamptz + %(step)s::interval)
        on conflict (kind, key) do update
           set spent_at = greatest(rate_limits.spent_at, %(at)s::timestamptz) + %(step)s::interval
         where greatest(rate_limits.spent_at, %(at)s::timestamptz) + %(step)s::interval
            <= %(at)s::timestamptz + %(window)s::interval
        """,
        {"kind": kind, "key": key, "step": step, "window": window, "at": at},
    )
    return cursor.rowcount == 1


async def find(tx: Tx, kind: str, key: bytes) -> datetime | None:
    cursor = await tx.execute("select spent_at from rate_limits where kind = %s and key = %s", (kind, key))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def sweep(tx: Tx, *, before: datetime, limit: int) -> int:
    """Forget keys whose allowance is whole again; rows that somebody works on are left alone."""
    cursor = await tx.execute(
        """
        delete from rate_limits
         where (kind, key) in (select kind, key from rate_limits where spent_at < %s
                                order by spent_at limit %s for update skip locked)
        """,
        (before, limit),
    )
    return cursor.rowcount

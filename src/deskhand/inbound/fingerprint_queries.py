"""SQL on what providers have signed: one statement a function."""

from __future__ import annotations

from datetime import datetime

from deskhand.db import Tx


async def remember(tx: Tx, door: str, fingerprint: str, content: bytes, *, at: datetime) -> bytes | None:
    """The content that came under this fingerprint before, None when it is new; of several at once one is first."""
    cursor = await tx.execute(
        """
        with fresh as (
            insert into hook_fingerprints (door, fingerprint, content, seen_at)
            values (%(door)s, %(fingerprint)s, %(content)s, %(at)s)
            on conflict (door, fingerprint) do update set door = excluded.door
            returning content, xmax = 0 as is_new
        )
        select case when not is_new then content end from fresh
        """,
        {"door": door, "fingerprint": fingerprint, "content": content, "at": at},
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]

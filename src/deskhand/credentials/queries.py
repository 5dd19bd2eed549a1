"""All SQL on sealed credentials: one statement a function."""

from __future__ import annotations

from datetime import datetime

from deskhand.db import Tx


async def store_sealed(tx: Tx, name: str, sealed: bytes, at: datetime) -> None:
    await tx.execute(
        """
        insert into credentials (name, sealed, stored_at) values (%s, %s, %s)
        on conflict (name) do update set sealed = excluded.sealed, stored_at = excluded.stored_at
        """,
        (name, sealed, at),
    )


async def find_sealed(tx: Tx, name: str) -> tuple[bytes, datetime] | None:
    """What was sealed under this name, and when."""
    row = await (await tx.execute("select sealed, stored_at from credentials where name = %s", (name,))).fetchone()
    return None if row is None else (bytes(row[0]), row[1])


async def delete(tx: Tx, name: str) -> None:
    await tx.execute("delete from credentials where name = %s", (name,))

"""SQL on merges of customers and on the codes that prove them: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.customers.models import IdentifierKind, LinkCode, Merge, Moved
from deskhand.db import Tx
from deskhand.ids import CustomerId, uuid7


async def move_identifiers(tx: Tx, source: CustomerId, target: CustomerId) -> list[UUID]:
    cursor = await tx.execute(
        "update customer_identifiers set customer_id = %s where customer_id = %s returning id", (target, source)
    )
    return [row[0] for row in await cursor.fetchall()]


async def return_identifiers(tx: Tx, ids: Sequence[UUID], source: CustomerId, target: CustomerId) -> None:
    await tx.execute(
        "update customer_identifiers set customer_id = %s where id = any(%s) and customer_id = %s",
        (target, list(ids), source),
    )


async def set_merged_into(tx: Tx, customer_id: CustomerId, kept: CustomerId | None, *, at: datetime) -> None:
    await tx.execute("update customers set merged_into = %s, updated_at = %s where id = %s", (kept, at, customer_id))


async def insert_merge(
    tx: Tx, *, kept: CustomerId, merged: CustomerId, evidence: str, moved: Moved, at: datetime
) -> UUID:
    merge_id = uuid7()
    await tx.execute(
        """
        insert into customer_merges (id, kept_id, merged_id, evidence, moved, created_at)
        values (%s, %s, %s, %s, %s, %s)
        """,
        (merge_id, kept, merged, evidence, Jsonb(moved.as_dict()), at),
    )
    return merge_id


async def lock_merge(tx: Tx, merge_id: UUID) -> Merge | None:
    async with tx.cursor(row_factory=class_row(Merge)) as cursor:
        await cursor.execute(
            """
            select id, kept_id, merged_id, evidence, moved, created_at, undone_at
              from customer_merges where id = %s for update
            """,
            (merge_id,),
        )
        return await cursor.fetchone()


async def list_merges(tx: Tx, *, limit: int) -> list[Merge]:
    """Newest first."""
    async with tx.cursor(row_factory=class_row(Merge)) as cursor:
        await cursor.execute(
            """
            select id, kept_id, merged_id, evidence, moved, created_at, undone_at
              from customer_merges order by created_at desc, id desc limit %s
            """,
            (limit,),
        )
        return await cursor.fetchall()


async def mark_undone(tx: Tx, merge_id: UUID, *, at: datetime) -> None:
    await tx.execute("update customer_merges set undone_at = %s where id = %s", (at, merge_id))


async def insert_code(
    tx: Tx, kind: IdentifierKind, sender: str, email: str, *, code_hash: bytes, at: datetime, expires_at: datetime
) -> UUID:
    code_id = uuid7()
    await tx.execute(
        """
        insert into link_codes (id, kind, sender, email, code_hash, created_at, expires_at)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        (code_id, kind, sender, email, code_hash, at, expires_at),
    )
    return code_id


async def count_codes(tx: Tx, kind: IdentifierKind, sender: str, email: str, *, since: datetime) -> int:
    """Those that this sender asked for, or that anybody asked for this address."""
    cursor = await tx.execute(
        "select count(*) from link_codes where ((kind = %s and sender = %s) or email = %s) and created_at > %s",
        (kind, sender, email, since),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def find_code(tx: Tx, code_id: UUID) -> LinkCode | None:
    async with tx.cursor(row_factory=class_row(LinkCode)) as cursor:
        await cursor.execute(
            """
            select id, kind, sender, email, code_hash, tries, expires_at, used_at, created_at
              from link_codes where id = %s
            """,
            (code_id,),
        )
        return await cursor.fetchone()


async def set_code(tx: Tx, code_id: UUID, code_hash: bytes) -> None:
    await tx.execute("update link_codes set code_hash = %s where id = %s and used_at is null", (code_hash, code_id))


async def count_try(tx: Tx, kind: IdentifierKind, sender: str, *, most: int, at: datetime) -> LinkCode | None:
    """Use up a try at the sender's newest code; None when there is none to try."""
    async with tx.cursor(row_factory=class_row(LinkCode)) as cursor:
        await cursor.execute(
            """
            update link_codes set tries = tries + 1
             where id = (select id from link_codes
                          where kind = %s and sender = %s and used_at is null
                          order by created_at desc limit 1)
               and tries < %s and expires_at > %s and used_at is null
            returning id, kind, sender, email, code_hash, tries, expires_at, used_at, created_at
            """,
            (kind, sender, most, at),
        )
        return await cursor.fetchone()


async def has_asked(tx: Tx, kind: IdentifierKind, sender: str, *, since: datetime) -> bool:
    """Whether six digits from this sender are meant as a code."""
    cursor = await tx.execute(
        """
        select exists (select from link_codes
                        where kind = %s and sender = %s and used_at is null and created_at > %s)
        """,
        (kind, sender, since),
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def mark_used(tx: Tx, code_id: UUID, *, at: datetime) -> None:
    await tx.execute("update link_codes set used_at = %s where id = %s", (at, code_id))

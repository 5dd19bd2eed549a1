"""All SQL on operators, keys and the audit log: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.ids import uuid7
from deskhand.operators.models import ApiKey


async def insert_key(
    tx: Tx, *, name: str, prefix: str, digest: bytes, scopes: Sequence[str], expires_at: datetime | None
) -> UUID:
    key_id = uuid7()
    await tx.execute(
        "insert into api_keys (id, name, prefix, hash, scopes, expires_at) values (%s, %s, %s, %s, %s, %s)",
        (key_id, name, prefix, digest, list(scopes), expires_at),
    )
    return key_id


async def find_key(tx: Tx, prefix: str) -> ApiKey | None:
    async with tx.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            """
            select id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at
              from api_keys where prefix = %s
            """,
            (prefix,),
        )
        return await cursor.fetchone()


async def list_keys(tx: Tx) -> list[ApiKey]:
    async with tx.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            """
            select id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at
              from api_keys order by created_at, id
            """
        )
        return await cursor.fetchall()


async def revoke_key(tx: Tx, prefix: str) -> bool:
    cursor = await tx.execute(
        "update api_keys set revoked_at = now() where prefix = %s and revoked_at is null", (prefix,)
    )
    return cursor.rowcount == 1


async def mark_used(tx: Tx, key_id: UUID) -> None:
    """At most one write a minute for each key."""
    await tx.execute(
        """
        update api_keys set last_used_at = now()
         where id = %s and (last_used_at is null or last_used_at < now() - interval '1 minute')
        """,
        (key_id,),
    )


async def insert_audit(tx: Tx, *, actor: str, act: str, subject: str, detail: dict[str, Any]) -> None:
    await tx.execute(
        "insert into audit_log (id, actor, act, subject, detail) values (%s, %s, %s, %s, %s)",
        (uuid7(), actor, act, subject, Jsonb(detail)),
    )

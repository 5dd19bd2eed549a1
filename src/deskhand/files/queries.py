"""All SQL on files: one statement a function."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID, uuid4

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.files.models import AttachedFile, FileContent, FileInfo
from deskhand.ids import ConversationId, MessageId


async def insert(
    tx: Tx, inbound_id: UUID, *, position: int, name: str, content_type: str, content: bytes, content_id: str
) -> UUID:
    file_id = uuid4()
    await tx.execute(
        """
        insert into files (id, inbound_id, position, name, content_type, size, sha256, content_id, content)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            file_id,
            inbound_id,
            position,
            name,
            content_type,
            len(content),
            hashlib.sha256(content).digest(),
            content_id,
            content,
        ),
    )
    return file_id


async def list_of_inbound(tx: Tx, inbound_id: UUID) -> list[FileInfo]:
    async with tx.cursor(row_factory=class_row(FileInfo)) as cursor:
        await cursor.execute(
            "select id, name, content_type, size, content_id from files where inbound_id = %s order by position, id",
            (inbound_id,),
        )
        return await cursor.fetchall()


async def attach(tx: Tx, message_id: MessageId, file_id: UUID, position: int) -> None:
    await tx.execute(
        """
        insert into message_files (message_id, file_id, position) values (%s, %s, %s)
        on conflict (message_id, file_id) do nothing
        """,
        (message_id, file_id, position),
    )


async def list_of_messages(tx: Tx, message_ids: Sequence[MessageId]) -> list[AttachedFile]:
    async with tx.cursor(row_factory=class_row(AttachedFile)) as cursor:
        await cursor.execute(
            """
            select a.message_id, f.id, f.name, f.content_type, f.size
              from message_files a join files f on f.id = a.file_id
             where a.message_id = any(%s) order by a.message_id, a.position, f.id
            """,
            (list(message_ids),),
        )
        return await cursor.fetchall()


async def find_content(tx: Tx, conversation_id: ConversationId, file_id: UUID) -> FileContent | None:
    async with tx.cursor(row_factory=class_row(FileContent)) as cursor:
        await cursor.execute(
            """
            select f.name, f.content_type, f.content
              from files f
             where f.id = %s
               and exists (select from message_files a join messages m on m.id = a.message_id
                            where a.file_id = f.id and m.conversation_id = %s)
            """,
            (file_id, conversation_id),
        )
        return await cursor.fetchone()

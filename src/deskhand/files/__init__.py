"""Files: what customers attach, kept in the database (decision 0011)."""

from __future__ import annotations

from uuid import UUID

from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.files import queries
from deskhand.files.models import AttachedFile, FileContent, FileInfo
from deskhand.files.names import clean_id, clean_name, clean_type
from deskhand.ids import ConversationId

__all__ = ["AttachedFile", "FileContent", "FileInfo", "attach", "clean_name", "list_of_inbound", "list_of_messages"]
__all__ += ["read", "store"]

attach = queries.attach
list_of_inbound = queries.list_of_inbound
list_of_messages = queries.list_of_messages


async def store(
    tx: Tx, inbound_id: UUID, *, position: int, name: str, content_type: str, content: bytes, content_id: str = ""
) -> UUID:
    """Keep a file of a message that came in, under a random id."""
    return await queries.insert(
        tx,
        inbound_id,
        position=position,
        name=clean_name(name),
        content_type=clean_type(content_type),
        content=content,
        content_id=clean_id(content_id),
    )


async def read(tx: Tx, conversation_id: ConversationId, file_id: UUID) -> FileContent:
    """A file of a message in this conversation. Raises NotFound for any other."""
    found = await queries.find_content(tx, conversation_id, file_id)
    if found is None:
        raise NotFound("There is no such file in this conversation.")
    return found

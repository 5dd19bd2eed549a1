"""One conversation and its messages, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from deskhand import conversations, deliveries, files
from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.api.saved_files import as_download
from deskhand.api.schemas import AttachmentView, ConversationPage, MessageView
from deskhand.api.security import require
from deskhand.conversations import Message
from deskhand.db import Tx
from deskhand.ids import ConversationId

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[Depends(require("read"))])


@router.get(
    "/{conversation_id}",
    response_model=ConversationPage,
    summary="Read a conversation",
    responses=problems(401, 403, 404, 422, 503),
)
async def conversation(
    desk: DeskDep,
    conversation_id: Annotated[UUID, Path(description="The conversation's id.")],
    cursor: Annotated[str | None, Query(max_length=200, description="The `next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Messages on a page.")] = 50,
) -> ConversationPage:
    """All of its messages, newest first, notes and events included. Page 1,000 costs what page 1 costs."""
    async with desk.db.transaction() as tx:
        found = await conversations.get(tx, ConversationId(conversation_id))
        page = await conversations.page_of_messages(tx, found.id, cursor=cursor, limit=limit)
        views = await _views(tx, page.messages)
    return ConversationPage(
        id=found.id,
        customer_id=found.customer_id,
        channel=found.channel,
        subject=found.subject,
        language=found.language,
        handler=found.handler,
        created_at=found.created_at,
        last_message_at=found.last_message_at,
        messages=views,
        next_cursor=page.next_cursor,
    )


async def _views(tx: Tx, messages: Sequence[Message]) -> tuple[MessageView, ...]:
    """With what came along and how far each has got: a failed send must not look sent."""
    ids = [message.id for message in messages]
    states = await deliveries.states_of(tx, ids)
    attached: dict[UUID, list[AttachmentView]] = {}
    for file in await files.list_of_messages(tx, ids):
        view = AttachmentView(id=file.id, name=file.name, content_type=file.content_type, size=file.size)
        attached.setdefault(file.message_id, []).append(view)
    return tuple(
        MessageView(
            id=message.id,
            kind=message.kind,
            author=message.author,
            author_name=message.author_name,
            subject=message.subject,
            body=message.body,
            folded=message.folded,
            in_reply_to=message.in_reply_to,
            created_at=message.created_at,
            delivery=states.get(message.id),
            files=tuple(attached.get(message.id, ())),
        )
        for message in messages
    )


@router.get(
    "/{conversation_id}/files/{file_id}",
    response_class=Response,
    summary="Save a file of a conversation",
    responses={
        200: {"description": "Its bytes, to be saved.", "content": {"application/octet-stream": {}}},
        **problems(401, 403, 404, 422, 503),
    },
)
async def conversation_file(
    desk: DeskDep,
    conversation_id: Annotated[UUID, Path(description="The conversation's id.")],
    file_id: Annotated[UUID, Path(description="The file's id, from its message.")],
) -> Response:
    """A customer's file, as an attachment of unknown type: don't open it where it could do harm."""
    async with desk.db.transaction() as tx:
        return as_download(await files.read(tx, ConversationId(conversation_id), file_id))

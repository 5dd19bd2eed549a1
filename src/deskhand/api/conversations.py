"""One conversation and its messages, page by page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from deskhand import conversations
from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.api.schemas import ConversationPage, MessageView
from deskhand.api.security import require
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
    return ConversationPage(
        id=found.id,
        customer_id=found.customer_id,
        channel=found.channel,
        subject=found.subject,
        language=found.language,
        handler=found.handler,
        created_at=found.created_at,
        last_message_at=found.last_message_at,
        messages=tuple(MessageView(**asdict(message)) for message in page.messages),
        next_cursor=page.next_cursor,
    )

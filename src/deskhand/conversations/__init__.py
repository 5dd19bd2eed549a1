"""Conversations: what was said, by whom, on which channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from deskhand.conversations import cursors, queries
from deskhand.conversations.models import (
    Author,
    Conversation,
    Message,
    MessageKind,
    MessagePage,
    Party,
    PastMessage,
)
from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.ids import ConversationId, CustomerId, MessageId

__all__ = [
    "Author",
    "Conversation",
    "Message",
    "MessageKind",
    "MessagePage",
    "Party",
    "PastMessage",
    "add_message",
    "find_reply",
    "get",
    "get_message",
    "list_history",
    "lock_handler",
    "mark_disclosed",
    "open_conversation",
    "page_of_messages",
    "set_handler",
    "set_language",
    "set_unhelpful_turns",
]

# A chat has no subject line: what comes within this time belongs together.
CHAT_GAP = timedelta(days=3)

find_reply = queries.find_reply
list_history = queries.list_history
mark_disclosed = queries.mark_disclosed
set_handler = queries.set_handler
set_language = queries.set_language
set_unhelpful_turns = queries.set_unhelpful_turns


async def get(tx: Tx, conversation_id: ConversationId) -> Conversation:
    """Raises NotFound."""
    conversation = await queries.get(tx, conversation_id)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


async def get_message(tx: Tx, message_id: MessageId) -> Message:
    """Raises NotFound."""
    message = await queries.get_message(tx, message_id)
    if message is None:
        raise NotFound("There is no such message.")
    return message


async def open_conversation(
    tx: Tx,
    *,
    customer_id: CustomerId,
    channel: str,
    subject: str,
    language: str,
    at: datetime,
    continues: ConversationId | None = None,
    is_chat: bool = False,
) -> Conversation:
    """The conversation that a new message belongs to: the one it continues, a chat still warm, or a new one.

    `continues` counts only when that conversation is this customer's: a foreign id joins nothing.
    """
    if continues is not None:
        known = await queries.get(tx, continues)
        if known is not None and known.customer_id == customer_id:
            return known
    if is_chat:
        warm = await queries.find_latest(tx, customer_id=customer_id, channel=channel, since=at - CHAT_GAP)
        if warm is not None:
            return await get(tx, warm)
    fresh = await queries.insert(
        tx, customer_id=customer_id, channel=channel, subject=subject, language=language, provider_thread=None
    )
    return await get(tx, fresh)


async def add_message(
    tx: Tx,
    conversation_id: ConversationId,
    *,
    kind: MessageKind,
    author: Author,
    body: str,
    at: datetime,
    subject: str = "",
    author_name: str = "",
    provider_id: str | None = None,
    in_reply_to: MessageId | None = None,
) -> MessageId:
    """Append to the thread and return the new message's id."""
    message_id = await queries.insert_message(
        tx,
        conversation_id=conversation_id,
        kind=kind,
        author=author,
        body=body,
        subject=subject,
        author_name=author_name,
        provider_id=provider_id,
        in_reply_to=in_reply_to,
        at=at,
    )
    await queries.touch(tx, conversation_id, at)
    return message_id


async def lock_handler(tx: Tx, conversation_id: ConversationId) -> Party:
    """Who handles the conversation, held until the transaction ends. Raises NotFound."""
    handler = await queries.lock_handler(tx, conversation_id)
    if handler is None:
        raise NotFound("There is no such conversation.")
    return handler


async def page_of_messages(
    tx: Tx, conversation_id: ConversationId, *, cursor: str | None = None, limit: int = 50
) -> MessagePage:
    """Messages newest first. Raises NotFound, or InvalidInput for a cursor that isn't ours."""
    await get(tx, conversation_id)
    before = None
    if cursor is not None:
        at, key = cursors.decode(cursor)
        before = (at, MessageId(key))
    rows = await queries.list_messages(tx, conversation_id, before=before, limit=limit + 1)
    shown = rows[:limit]
    more = len(rows) > limit
    return MessagePage(tuple(shown), cursors.encode(shown[-1].created_at, shown[-1].id) if more else None)

"""Conversations: what was said, by whom, on which channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from deskhand.conversations import cursors, name_queries, queries
from deskhand.conversations.models import (
    Author,
    Conversation,
    Links,
    Message,
    MessageKind,
    MessagePage,
    Name,
    Party,
    PastMessage,
)
from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.ids import ConversationId, CustomerId, MessageId

__all__ = [
    "Author",
    "Conversation",
    "Links",
    "Message",
    "MessageKind",
    "MessagePage",
    "Name",
    "Party",
    "PastMessage",
    "add_message",
    "find_named",
    "find_reply",
    "find_thread",
    "get",
    "get_message",
    "is_named",
    "last_inbound_at",
    "list_history",
    "list_recent_bodies",
    "lock_handler",
    "mark_disclosed",
    "move",
    "move_all",
    "name_message",
    "open_conversation",
    "page_of_messages",
    "read_links",
    "set_handler",
    "set_language",
    "set_provider_thread",
    "set_unhelpful_turns",
]

# A chat has no subject line: what comes within this time belongs together.
CHAT_GAP = timedelta(days=3)

# A mail's References may grow without end: servers cut lines that are too long.
MOST_REFERENCES = 20

find_named = name_queries.find
find_reply = queries.find_reply
is_named = name_queries.is_named
last_inbound_at = name_queries.last_inbound_at
list_history = queries.list_history
list_recent_bodies = name_queries.list_recent_bodies
mark_disclosed = queries.mark_disclosed
move = queries.move
move_all = queries.move_all
name_message = name_queries.insert
set_handler = queries.set_handler
set_provider_thread = name_queries.set_provider_thread
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
    folded: str = "",
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
        folded=folded,
        at=at,
    )
    await queries.touch(tx, conversation_id, at)
    return message_id


async def find_thread(
    tx: Tx, channel: str, customer_id: CustomerId, *, answers: Sequence[str], provider_thread: str | None
) -> ConversationId | None:
    """The conversation of this customer that the provider's ids point to; empty and foreign ids point to none."""
    wanted = [name for name in answers if name.strip()]
    named = await name_queries.find_of_customer(tx, channel, wanted, customer_id) if wanted else None
    if named is not None:
        return named.conversation_id
    if provider_thread and provider_thread.strip():
        return await name_queries.find_by_provider_thread(tx, channel, provider_thread, customer_id)
    return None


async def read_links(tx: Tx, message: Message, channel: str) -> Links:
    """How a message of ours names the one that it answers and those before it."""
    conversation = await get(tx, message.conversation_id)
    before = await name_queries.list_before(
        tx, message.conversation_id, channel, message_id=message.id, limit=MOST_REFERENCES
    )
    answered = await name_queries.list_of_message(tx, message.in_reply_to, channel) if message.in_reply_to else []
    answers = answered[0] if answered else None
    earlier = [name for name in reversed(before) if name != answers]
    return Links(answers, (*earlier, answers) if answers else tuple(earlier), conversation.provider_thread)


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

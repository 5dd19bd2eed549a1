"""A conversation with one customer on one channel, and its messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from deskhand.ids import ConversationId, CustomerId, MessageId

Party = Literal["agent", "operator"]
MessageKind = Literal["inbound", "outbound", "note", "event"]
Author = Literal["customer", "agent", "operator", "system"]


@dataclass(frozen=True, slots=True)
class Conversation:
    id: ConversationId
    customer_id: CustomerId
    channel: str
    subject: str
    language: str
    handler: Party
    ai_disclosed_at: datetime | None
    unhelpful_turns: int
    created_at: datetime
    last_message_at: datetime
    provider_thread: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    id: MessageId
    conversation_id: ConversationId
    kind: MessageKind
    author: Author
    author_name: str
    subject: str
    body: str
    in_reply_to: MessageId | None
    created_at: datetime
    folded: str = ""  # quoted history and signature


@dataclass(frozen=True, slots=True)
class Name:
    """An id of a provider's by which a message is known; `delivery_id` is None when the message came in."""

    provider_id: str
    message_id: MessageId
    conversation_id: ConversationId
    delivery_id: UUID | None


@dataclass(frozen=True, slots=True)
class Links:
    """How a new message of ours names what it answers, in the provider's ids, oldest first."""

    answers: str | None
    references: tuple[str, ...]
    provider_thread: str | None


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message as history shows it: with the channel it came by."""

    channel: str
    author: Author
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Newest first; `next_cursor` asks for the page behind this one, None at the end."""

    messages: tuple[Message, ...]
    next_cursor: str | None

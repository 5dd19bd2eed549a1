"""Rows that tests start from, with good defaults."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from deskhand import conversations, customers, tickets
from deskhand.conversations import Author, Conversation, MessageKind
from deskhand.customers import Customer
from deskhand.db import Tx
from deskhand.ids import MessageId
from deskhand.tickets import Ticket

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNT = itertools.count(1)


async def make_customer(tx: Tx, address: str | None = None, *, name: str = "Dana Fox") -> Customer:
    return await customers.find_or_create(tx, "email", address or f"dana{next(COUNT)}@example.com", name=name)


async def make_conversation(
    tx: Tx, customer: Customer | None = None, *, channel: str = "email", at: datetime = NOON
) -> Conversation:
    owner = customer or await make_customer(tx)
    return await conversations.open_conversation(
        tx, customer_id=owner.id, channel=channel, subject="Board", language="en", at=at
    )


async def make_message(
    tx: Tx,
    conversation: Conversation,
    body: str = "How do I invite a colleague?",
    *,
    minute: float = 0,
    kind: MessageKind = "inbound",
    author: Author = "customer",
) -> MessageId:
    at = NOON + timedelta(minutes=minute)
    return await conversations.add_message(tx, conversation.id, kind=kind, author=author, body=body, at=at)


async def make_ticket(tx: Tx, conversation: Conversation | None = None, *, at: datetime = NOON) -> Ticket:
    thread = conversation or await make_conversation(tx)
    return await tickets.open_ticket(
        tx,
        conversation_id=thread.id,
        customer_id=thread.customer_id,
        reference=await tickets.reserve_reference(tx, prefix="TF", day=at),
        subject="Board",
        at=at,
    )

"""Intake: a front door stores what came, says yes after the commit, and the worker makes message and ticket of it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deskhand import conversations, customers, inbound, tickets
from deskhand.channels.base import InboundMessage
from deskhand.conversations import Conversation
from deskhand.customers import Customer
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import Conflict
from deskhand.ids import ConversationId
from deskhand.inference.language import detect_language
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery

log = get_logger("intake")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a front door may tell its sender. `access_token` is known here only: we keep its hash."""

    inbound_id: UUID
    reference: str | None
    access_token: str | None
    duplicate: bool


def access_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def derive_access_token(idempotency_key: str) -> str:
    """The same token for the same key, so that a form posted twice gets the same answer twice.

    The key is made by the sender with at least 128 random bits, so what is derived from it is as hard to guess.
    """
    return hashlib.sha256(b"deskhand status page\0" + idempotency_key.encode()).hexdigest()[:43]


def lane_of(channel: str, sender: str) -> str:
    """One sender's messages stay in order; the key is written to logs, so it names nobody."""
    return f"{channel}:{hashlib.sha256(sender.encode()).hexdigest()[:32]}"


async def accept(
    desk: Desk, channel: str, payload: dict[str, Any], *, promise_reference: bool = False, idempotency_key: str = ""
) -> Accepted:
    """Store raw input and publish it in one transaction; returns after the commit.

    A provider id seen before changes nothing and gives back what the first call gave.

    Raises:
        InvalidInput: the payload is no message of this channel.
        Conflict: the same id came before with other content.
        DatabaseUnavailable: nothing was stored; the sender must try again.
    """
    message = desk.channels[channel].parse(payload)
    token = derive_access_token(idempotency_key) if idempotency_key else secrets.token_urlsafe(32)
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        known = await inbound.find_by_provider_id(tx, channel, message.provider_id)
        if known is None:
            reference = None
            if promise_reference:
                reference = await tickets.reserve_reference(tx, prefix=desk.settings.reference_prefix, day=now)
            stored = await inbound.store(
                tx,
                channel=channel,
                provider_id=message.provider_id,
                payload=payload,
                reference=reference,
                access_hash=access_hash(token) if promise_reference else None,
                at=now,
            )
            if stored is not None:
                await desk.transport.publish(
                    tx,
                    desk.topics.inbound(channel),
                    lane_of(channel, message.sender),
                    {"inbound_id": str(stored)},
                    dedup_key=str(stored),
                )
                return Accepted(stored, reference, token if promise_reference else None, duplicate=False)
            known = await inbound.find_by_provider_id(tx, channel, message.provider_id)
    assert known is not None
    if known.payload != payload:
        raise Conflict("This idempotency key was used for another message.", field="Idempotency-Key")
    return Accepted(known.id, known.reference, token if idempotency_key else None, duplicate=True)


async def file_message(desk: Desk, delivery: Delivery) -> None:
    """Worker: raw input becomes customer, conversation, message and ticket, and goes on to the agent, in one commit."""
    async with delivery.settle() as tx:
        for queued in delivery.messages:
            row = await inbound.get(tx, UUID(str(queued.payload["inbound_id"])))
            if row.outcome == "filed":
                continue
            message = desk.channels[row.channel].parse(row.payload)
            customer = await customers.find_or_create(
                tx, message.sender_kind, message.sender, name=message.name, verified=message.verified
            )
            if message.verified:
                await customers.mark_verified(tx, message.sender_kind, message.sender)
            conversation = await _conversation_of(desk, tx, message, customer, at=row.received_at)
            message_id = await conversations.add_message(
                tx,
                conversation.id,
                kind="inbound",
                author="customer",
                author_name=message.name,
                subject=message.subject,
                body=message.body,
                provider_id=message.provider_id,
                at=row.received_at,
            )
            reference = row.reference or await tickets.reserve_reference(
                tx, prefix=desk.settings.reference_prefix, day=row.received_at
            )
            await tickets.open_ticket(
                tx,
                conversation_id=conversation.id,
                customer_id=customer.id,
                reference=reference,
                subject=message.subject or message.body[:80],
                at=row.received_at,
            )
            await inbound.settle(tx, row.id, outcome="filed", detail="", message_id=message_id, at=desk.clock.now())
            await desk.transport.publish(
                tx,
                desk.topics.tickets_incoming,
                str(conversation.id),
                {"message_id": str(message_id), "verified": message.verified},
                dedup_key=str(message_id),
            )
            log.info("message_filed", channel=row.channel, conversation_id=str(conversation.id))


async def _conversation_of(
    desk: Desk, tx: Tx, message: InboundMessage, customer: Customer, *, at: datetime
) -> Conversation:
    guess = detect_language(f"{message.subject}\n{message.body}", hint=None)
    return await conversations.open_conversation(
        tx,
        customer_id=customer.id,
        channel=message.channel,
        subject=message.subject,
        language=guess.code,
        at=at,
        continues=_conversation_id(message.thread),
        is_chat=desk.channels[message.channel].is_chat,
    )


def _conversation_id(thread: str | None) -> ConversationId | None:
    """None for what is no id of ours: it joins nothing, and the message is filed all the same."""
    try:
        return ConversationId(UUID(thread)) if thread else None
    except ValueError:
        return None


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A message that could not be processed stays visible: its inbound row says failed and why."""
    raw = letter.payload.get("inbound_id")
    if isinstance(raw, str):
        await inbound.settle(
            tx, UUID(raw), outcome="failed", detail=letter.error[:500], message_id=None, at=desk.clock.now()
        )

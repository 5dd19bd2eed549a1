"""Deliveries: the outbox. What is stored here is what is sent, byte for byte; a state only moves forward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from deskhand.db import Tx
from deskhand.deliveries import copy_queries, queries, update_queries
from deskhand.deliveries.models import Delivery, DeliveryEvent, MessageDelivery, State, Word, least
from deskhand.errors import NotFound
from deskhand.ids import MessageId

__all__ = [
    "Delivery",
    "DeliveryEvent",
    "MessageDelivery",
    "State",
    "Word",
    "advance",
    "claim",
    "claim_again",
    "copies_of",
    "count_automatic",
    "count_copies",
    "count_copies_to",
    "count_waiting",
    "fail_later_parts",
    "find",
    "find_by_message",
    "get",
    "ids_of_others",
    "is_after_a_failure",
    "keep_waiting",
    "list_events",
    "lock_name",
    "mark_unknown",
    "queue",
    "queue_copy",
    "record",
    "remark",
    "requeue",
    "state_of",
    "states_of",
    "take_waiting",
]

advance = queries.advance
claim = queries.claim
claim_again = queries.claim_again
copies_of = copy_queries.states
count_automatic = queries.count_automatic
count_waiting = queries.count_waiting
count_copies = copy_queries.count_all
count_copies_to = copy_queries.count_to
fail_later_parts = queries.fail_later_parts
find = queries.find
ids_of_others = queries.ids_of_others
is_after_a_failure = queries.is_after_a_failure
keep_waiting = update_queries.insert_waiting
list_events = update_queries.list_events
lock_name = update_queries.lock_name
mark_unknown = queries.mark_unknown
requeue = queries.requeue
state_of = least
take_waiting = update_queries.take_waiting


async def get(tx: Tx, delivery_id: UUID) -> Delivery:
    """Raises NotFound."""
    delivery = await queries.find(tx, delivery_id)
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery


async def find_by_message(tx: Tx, message_id: MessageId) -> MessageDelivery | None:
    """All parts of a message of ours; None when it is not for sending."""
    items = await queries.list_by_messages(tx, [message_id])
    return MessageDelivery(tuple(items)) if items else None


async def states_of(tx: Tx, message_ids: Sequence[MessageId]) -> dict[MessageId, State]:
    """How far each of these messages is; those that are not for sending are left out."""
    found: dict[MessageId, list[State]] = {}
    for item in await queries.list_by_messages(tx, message_ids):
        found.setdefault(item.message_id, []).append(item.state)
    return {message_id: least(states) for message_id, states in found.items()}


async def queue(
    tx: Tx, *, message_id: MessageId, channel: str, recipient: str, parts: Sequence[str], at: datetime
) -> tuple[UUID, ...]:
    """One delivery for each part, in their order."""
    return tuple(
        [
            await queries.insert(
                tx, message_id=message_id, channel=channel, recipient=recipient, position=number, body=part, at=at
            )
            for number, part in enumerate(parts, start=1)
        ]
    )


async def queue_copy(
    tx: Tx, *, message_id: MessageId, channel: str, recipient: str, subject: str, body: str, at: datetime
) -> UUID:
    """The same message once more by another channel, in words for that one."""
    return await queries.insert(
        tx,
        message_id=message_id,
        channel=channel,
        recipient=recipient,
        position=1,
        body=body,
        copy_subject=subject,
        at=at,
    )


async def record(tx: Tx, delivery_id: UUID, word: Word, *, at: datetime) -> bool:
    """Write down what a provider said and move the delivery, if that is forward; False when it changed nothing."""
    detail = " ".join(part for part in (word.code, word.detail) if part)[:500]
    applied = await queries.advance(
        tx, delivery_id, state=word.state, provider_id=word.provider_id, detail=detail, at=at
    )
    await update_queries.insert_event(tx, delivery_id, word, applied=applied, at=at)
    return applied


async def remark(tx: Tx, delivery_id: UUID, word: Word, *, at: datetime) -> None:
    """Into the history only."""
    await update_queries.insert_event(tx, delivery_id, word, applied=False, at=at)

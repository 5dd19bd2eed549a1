"""Receipts: what providers say about messages of ours, at once or later, before or after we know the message's id."""

from __future__ import annotations

from uuid import UUID

from deskhand import conversations, deliveries, tickets
from deskhand.channels.base import DeliveryUpdate, Receipt
from deskhand.db import Tx
from deskhand.deliveries import Delivery, Word
from deskhand.desk import Desk
from deskhand.log import get_logger

log = get_logger("receipts")

NOTICE = "notice-"


async def record_receipt(desk: Desk, tx: Tx, delivery: Delivery, receipt: Receipt) -> None:
    """The provider took it: its ids name the message from now on, and what was said about them earlier counts."""
    if delivery.is_copy:
        # A mail that answers a copy begins a conversation of its own: whoever has the page's link would read it there.
        await record_word(desk, tx, delivery, Word(receipt.state, receipt.provider_id, detail=receipt.detail))
        return
    names = dict.fromkeys(name for name in (receipt.provider_id, *receipt.also_known_as) if name.strip())
    for name in sorted(names):
        await deliveries.lock_name(tx, delivery.channel, name)
    await record_word(desk, tx, delivery, Word(receipt.state, receipt.provider_id, detail=receipt.detail))
    answered = next(iter(receipt.also_known_as), receipt.provider_id)
    for name in names:
        await conversations.name_message(
            tx,
            delivery.channel,
            name,
            message_id=delivery.message_id,
            delivery_id=delivery.id,
            is_answered=name == answered,
        )
    if receipt.provider_thread:
        message = await conversations.get_message(tx, delivery.message_id)
        await conversations.set_provider_thread(tx, message.conversation_id, receipt.provider_thread)
    for name in names:
        for word in await deliveries.take_waiting(tx, delivery.channel, name):
            await record_word(desk, tx, delivery, word)


async def apply_update(desk: Desk, tx: Tx, channel: str, update: DeliveryUpdate) -> None:
    """A provider's later word. One on an id that nobody knows yet waits for the commit that will know it."""
    word = Word(update.state, update.provider_id, update.code, update.detail, update.recipient)
    if update.provider_id:
        await deliveries.lock_name(tx, channel, update.provider_id)
    if update.delivery_id and update.delivery_id.startswith(NOTICE):
        await _record_notice(desk, tx, update)
        return
    delivery = await _find(tx, channel, update)
    if delivery is not None:
        await record_word(desk, tx, delivery, word)
        if update.provider_id and not delivery.is_copy:
            await conversations.name_message(
                tx,
                channel,
                update.provider_id,
                message_id=delivery.message_id,
                delivery_id=delivery.id,
                is_answered=not await conversations.is_named(tx, delivery.message_id, channel),
            )
    elif update.provider_id:
        await deliveries.keep_waiting(tx, channel, update.provider_id, word, at=desk.clock.now())
    else:
        log.warning("update_of_nothing", channel=channel, state=update.state)


async def record_word(desk: Desk, tx: Tx, delivery: Delivery, word: Word) -> None:
    """Into the history, and into the state if it is news; of another recipient than ours it is history only."""
    now = desk.clock.now()
    if word.recipient and word.recipient.strip().lower() != delivery.recipient.lower():
        await deliveries.remark(tx, delivery.id, word, at=now)
        return
    applied = await deliveries.record(tx, delivery.id, word, at=now)
    if applied and word.state == "failed":
        await tell_failure(desk, tx, delivery, " ".join(part for part in (word.code, word.detail) if part))


async def tell_failure(desk: Desk, tx: Tx, delivery: Delivery, detail: str) -> None:
    """What was not delivered stands in the thread, and the parts behind it stay here."""
    now = desk.clock.now()
    what = "The mailed copy of our message" if delivery.is_copy else "Our message"
    await deliveries.fail_later_parts(
        tx, delivery.message_id, delivery.position, detail="an earlier part was not delivered", at=now
    )
    message = await conversations.get_message(tx, delivery.message_id)
    await conversations.add_message(
        tx,
        message.conversation_id,
        kind="event",
        author="system",
        body=f"{what} was not delivered: {detail or 'the provider gives no reason'}",
        in_reply_to=message.id,
        at=now,
    )
    log.warning("delivery_failed", delivery_id=str(delivery.id), channel=delivery.channel)


async def _find(tx: Tx, channel: str, update: DeliveryUpdate) -> Delivery | None:
    """By our own id where the provider gives it back, else by the provider's; one of another channel is none."""
    delivery_id = as_uuid(update.delivery_id)
    found = await deliveries.find(tx, delivery_id) if delivery_id else None
    if found is None and update.provider_id:
        name = await conversations.find_named(tx, channel, update.provider_id)
        found = await deliveries.find(tx, name.delivery_id) if name is not None and name.delivery_id else None
    return found if found is not None and found.channel == channel else None


async def _record_notice(desk: Desk, tx: Tx, update: DeliveryUpdate) -> None:
    """A handoff's notice that bounced shows as failed: its owner does not know of the ticket."""
    escalation_id = as_uuid((update.delivery_id or "").removeprefix(NOTICE))
    if escalation_id is not None and update.state == "failed":
        detail = " ".join(part for part in (update.code, update.detail) if part)[:500]
        await tickets.record_notice(tx, escalation_id, notice="failed", detail=detail, at=desk.clock.now())
        log.warning("notice_failed", escalation_id=str(escalation_id))


def as_uuid(text: str | None) -> UUID | None:
    """None for what is no id of ours."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None

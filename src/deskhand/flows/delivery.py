"""Delivery: a queued reply goes to its provider once, and its state says what is known."""

from __future__ import annotations

from uuid import UUID

from deskhand import conversations, deliveries
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.flows.metrics import Figure, publish_figures
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery

log = get_logger("delivery")


async def deliver(desk: Desk, delivery: Delivery) -> None:
    """Worker: claim, send, record. What was being sent when a worker died is unknown and is not sent again blindly."""
    delivery_id = UUID(str(delivery.messages[0].payload["delivery_id"]))
    async with desk.db.transaction() as tx:
        claimed = await deliveries.claim(tx, delivery_id, desk.clock.now())
        found = await deliveries.get(tx, delivery_id)
    if not claimed:
        await _leave(desk, delivery, found)
        return
    channel = desk.channels[found.channel]
    try:
        receipt = await channel.send(found.recipient, tuple(found.parts), delivery_id=str(delivery_id))
    except ChannelError as error:
        if not error.permanent:
            async with desk.db.transaction() as tx:
                await deliveries.requeue(tx, delivery_id, detail=error.message, at=desk.clock.now())
            raise
        async with delivery.settle() as tx:
            await _fail(desk, tx, delivery_id, error.message)
        return
    async with delivery.settle() as tx:
        now = desk.clock.now()
        await deliveries.advance(
            tx, delivery_id, state=receipt.state, provider_id=receipt.provider_id, detail=receipt.detail, at=now
        )
        sent = await conversations.get_message(tx, found.message_id)
        if sent.in_reply_to is not None:
            question = await conversations.get_message(tx, sent.in_reply_to)
            waited = max(0.0, (now - question.created_at).total_seconds())
            figures = [Figure("reply_seconds", waited)]
            await publish_figures(desk, tx, found.channel, sent.conversation_id, figures)


async def _leave(desk: Desk, delivery: Delivery, found: deliveries.Delivery) -> None:
    async with delivery.settle() as tx:
        if found.state == "sending":
            await deliveries.advance(
                tx,
                found.id,
                state="unknown",
                provider_id=None,
                detail="a worker stopped while sending; the provider may have it",
                at=desk.clock.now(),
            )
            log.warning("delivery_unknown", delivery_id=str(found.id), channel=found.channel)


async def _fail(desk: Desk, tx: Tx, delivery_id: UUID, detail: str) -> None:
    await deliveries.advance(
        tx, delivery_id, state="failed", provider_id=None, detail=detail[:500], at=desk.clock.now()
    )
    log.warning("delivery_failed", delivery_id=str(delivery_id))


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A delivery that was given up shows as failed."""
    raw = letter.payload.get("delivery_id")
    if isinstance(raw, str):
        await _fail(desk, tx, UUID(raw), letter.error)

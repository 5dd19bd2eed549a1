"""Handoff: the person who owns an escalation is told, and the notice has a state of its own."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from deskhand import channel_states, tickets
from deskhand.breaker import rest_before_a_probe
from deskhand.channels.base import Channel, Outbound, Receipt, Searchable
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.flows.pausing import pause_channel
from deskhand.flows.receipts import NOTICE
from deskhand.log import get_logger
from deskhand.tickets import Escalation
from deskhand.transport.base import DeadLetter, Delivery, Postpone

log = get_logger("handoff")

MAIL = "email"


async def notify_owner(desk: Desk, delivery: Delivery) -> None:
    """Worker: mail the owner the full handoff. The notice is `sent` only when the mail has left."""
    escalation_id = UUID(str(delivery.messages[0].payload["escalation_id"]))
    async with desk.db.transaction() as tx:
        escalation = await tickets.get_escalation(tx, escalation_id)
    if escalation.notice == "sent":
        async with delivery.settle():
            return
    receipt = await _mail(desk, escalation, is_first=delivery.messages[0].attempt == 1)
    async with delivery.settle() as tx:
        await tickets.record_notice(tx, escalation.id, notice="sent", detail=receipt.detail, at=desk.clock.now())
    log.info("owner_notified", escalation_id=str(escalation.id), rule=escalation.rule)


async def _mail(desk: Desk, escalation: Escalation, *, is_first: bool) -> Receipt:
    """Two notices are better than none: one whose sending broke off is sent again, unless the provider shows it."""
    notice = Outbound(
        delivery_id=f"{NOTICE}{escalation.id}",
        recipient=escalation.owner_email,
        text=write_notice(escalation),
        subject=f"{escalation.handoff.get('ticket', 'A ticket')} is yours: {escalation.rule}",
    )
    async with desk.db.transaction() as tx:
        rests = await channel_states.is_paused(tx, MAIL)
    if rests:
        raise Postpone(desk.settings.queue_backoff_cap)
    breaker = desk.breakers.of(MAIL, desk.clock.now)
    if not breaker.admits():
        raise Postpone(rest_before_a_probe(breaker))
    try:
        async with asyncio.timeout(desk.settings.provider_timeout.total_seconds()):
            receipt = None if is_first else await _find_earlier(desk.channels[MAIL], notice, escalation.created_at)
            receipt = receipt or await desk.channels[MAIL].send(notice)
    except TimeoutError as error:
        breaker.failed()
        raise ChannelError("The provider did not answer in time.", permanent=False, was_sent=None) from error
    except ChannelError as error:
        breaker.note(is_well=error.permanent)
        if error.pauses:
            async with desk.db.transaction() as tx:
                await pause_channel(desk, tx, MAIL, error.message)
            raise Postpone(desk.settings.queue_backoff_cap) from error
        if error.retry_after is not None and error.was_sent is not None:
            raise Postpone(error.retry_after) from error
        if breaker.is_open and error.was_sent is not None:
            raise Postpone(rest_before_a_probe(breaker)) from error
        raise
    breaker.succeeded()
    return receipt


async def _find_earlier(channel: Channel, notice: Outbound, since: datetime) -> Receipt | None:
    """What an earlier try has sent. None also when that can never be known."""
    if not isinstance(channel, Searchable):
        return None
    try:
        return await channel.find_sent(notice, since)
    except ChannelError as error:
        if error.permanent:
            return None
        raise


def write_notice(escalation: Escalation) -> str:
    """The handoff as a mail to the owner: what, who, why, until when, and what to do first."""
    handoff = escalation.handoff
    customer: dict[str, object] = handoff.get("customer") or {}
    lines = [
        f"{escalation.owner}, {handoff.get('ticket', 'a ticket')} is yours.",
        "",
        f"Rule:      {escalation.rule} ({escalation.urgency})",
        f"Answer by: {escalation.respond_by:%Y-%m-%d %H:%M} UTC",
        f"Customer:  {customer.get('name') or 'no name given'}, plan {customer.get('plan', 'unknown')}",
        f"Channel:   {handoff.get('channel', '')}",
        f"Why:       {escalation.reason}",
        f"First:     {handoff.get('next_step', '')}",
        "",
        str(handoff.get("message", "")),
    ]
    return "\n".join(lines)


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A notice that could not be sent shows as failed on the escalation."""
    raw = letter.payload.get("escalation_id")
    if isinstance(raw, str):
        await tickets.record_notice(tx, UUID(raw), notice="failed", detail=letter.error[:500], at=desk.clock.now())

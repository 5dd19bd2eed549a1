"""Handoff: the person who owns an escalation is told, and the notice has a state of its own."""

from __future__ import annotations

from uuid import UUID

from deskhand import tickets
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.log import get_logger
from deskhand.tickets import Escalation
from deskhand.transport.base import DeadLetter, Delivery

log = get_logger("handoff")


async def notify_owner(desk: Desk, delivery: Delivery) -> None:
    """Worker: mail the owner the full handoff. The notice is `sent` only when the mail has left."""
    escalation_id = UUID(str(delivery.messages[0].payload["escalation_id"]))
    async with desk.db.transaction() as tx:
        escalation = await tickets.get_escalation(tx, escalation_id)
    if escalation.notice == "sent":
        async with delivery.settle():
            return
    receipt = await desk.channels["email"].send(
        escalation.owner_email, (write_notice(escalation),), delivery_id=f"notice-{escalation.id}"
    )
    async with delivery.settle() as tx:
        await tickets.record_notice(tx, escalation.id, notice="sent", detail=receipt.detail, at=desk.clock.now())
    log.info("owner_notified", escalation_id=str(escalation.id), rule=escalation.rule)


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

"""Tickets: one piece of work for a customer, with a reference, a status and a handler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.ids import ConversationId, CustomerId, MessageId, TicketId
from deskhand.tickets import queries
from deskhand.tickets.models import Escalation, Outcome, Priority, Status, Ticket
from deskhand.tickets.reference import is_reference, write_reference

__all__ = [
    "Escalation",
    "Outcome",
    "Priority",
    "Status",
    "Ticket",
    "add_to_escalation",
    "escalate",
    "find_active",
    "find_by_reference",
    "get",
    "get_escalation",
    "is_reference",
    "list_escalations",
    "move",
    "move_all",
    "open_ticket",
    "record_notice",
    "record_outcome",
    "reserve_reference",
]

find_active = queries.find_active
find_by_reference = queries.find_by_reference
list_escalations = queries.list_escalations
move = queries.move
move_all = queries.move_all
record_notice = queries.record_notice


async def reserve_reference(tx: Tx, *, prefix: str, day: datetime) -> str:
    """A reference nobody else has; it may be told to a customer before the ticket itself exists."""
    return write_reference(prefix, day, await queries.next_number(tx))


async def open_ticket(
    tx: Tx, *, conversation_id: ConversationId, customer_id: CustomerId, reference: str, subject: str, at: datetime
) -> Ticket:
    """The conversation's active ticket, opened under `reference` when it has none yet."""
    ticket_id = await queries.insert(
        tx, reference=reference, conversation_id=conversation_id, customer_id=customer_id, subject=subject, at=at
    )
    if ticket_id is not None:
        await queries.insert_event(tx, ticket_id, kind="ticket_opened", actor="agent", detail={}, at=at)
        return await get(tx, ticket_id)
    active = await queries.find_active(tx, conversation_id)
    assert active is not None, "the insert gave way to an active ticket"
    return active


async def get(tx: Tx, ticket_id: TicketId) -> Ticket:
    """Raises NotFound."""
    ticket = await queries.find(tx, ticket_id)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


async def record_outcome(
    tx: Tx, ticket_id: TicketId, *, status: Status, outcome: Outcome, category: str, priority: Priority, at: datetime
) -> None:
    """What the agent's turn did to the ticket; one that lies on a person's desk stays as it is."""
    if await queries.record_outcome(
        tx, ticket_id, status=status, outcome=outcome, category=category, priority=priority, at=at
    ):
        await queries.insert_event(tx, ticket_id, kind=f"ticket_{outcome}", actor="agent", detail={}, at=at)


async def escalate(
    tx: Tx,
    *,
    ticket: Ticket,
    message_id: MessageId,
    rule: str,
    reason: str,
    owner: str,
    owner_email: str,
    urgency: Priority,
    category: str,
    handoff: dict[str, Any],
    respond_by: datetime,
    at: datetime,
    outcome: Literal["escalated", "held"] = "escalated",
) -> UUID | None:
    """Put the ticket on a person's desk; returns the escalation, or None when this message had been escalated."""
    escalation_id = await queries.insert_escalation(
        tx,
        ticket_id=ticket.id,
        message_id=message_id,
        rule=rule,
        reason=reason,
        owner=owner,
        owner_email=owner_email,
        urgency=urgency,
        handoff=handoff,
        respond_by=respond_by,
        at=at,
    )
    if escalation_id is None:
        return None
    await queries.hand_to_operator(
        tx, ticket.id, owner=owner, priority=urgency, category=category, outcome=outcome, respond_by=respond_by, at=at
    )
    await queries.insert_event(
        tx, ticket.id, kind="ticket_escalated", actor="agent", detail={"rule": rule, "owner": owner}, at=at
    )
    return escalation_id


async def add_to_escalation(tx: Tx, ticket: Ticket, *, rules: Sequence[str], urgency: Priority, at: datetime) -> None:
    """A further message matched rules while the ticket lay on a person's desk: more urgent at the most, never less."""
    await queries.raise_priority(tx, ticket.id, urgency, at)
    await queries.insert_event(
        tx, ticket.id, kind="ticket_added_to", actor="agent", detail={"rules": list(rules)}, at=at
    )


async def get_escalation(tx: Tx, escalation_id: UUID) -> Escalation:
    """Raises NotFound."""
    escalation = await queries.find_escalation(tx, escalation_id)
    if escalation is None:
        raise NotFound("There is no such escalation.")
    return escalation

"""Tickets, escalations and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskhand.ids import ConversationId, CustomerId, MessageId, TicketId

Status = Literal["open", "pending", "resolved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
Outcome = Literal["", "answered", "asked_back", "held", "escalated", "ignored"]


@dataclass(frozen=True, slots=True)
class Ticket:
    id: TicketId
    reference: str
    conversation_id: ConversationId
    customer_id: CustomerId
    status: Status
    handler: Literal["agent", "operator"]
    category: str
    priority: Priority
    subject: str
    owner: str
    outcome: Outcome
    respond_by: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Escalation:
    """A handoff to a named person; `handoff` is what that person is told."""

    id: UUID
    ticket_id: TicketId
    message_id: MessageId
    rule: str
    reason: str
    owner: str
    owner_email: str
    urgency: Priority
    handoff: dict[str, Any]
    respond_by: datetime
    notice: Literal["queued", "sent", "failed"]
    created_at: datetime

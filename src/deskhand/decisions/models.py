"""The decision record: why the agent did what it did with one message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskhand.ids import ConversationId, MessageId, TicketId

Choice = Literal["respond", "escalate", "ignore"]
Action = Literal["answered", "asked_back", "acknowledged", "held", "escalated", "ignored", "silent"]


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """`record` holds evidence, passages, tool calls, gate verdicts, hashes, times: docs/reference/decisions.md."""

    id: UUID
    message_id: MessageId
    conversation_id: ConversationId
    ticket_id: TicketId | None
    decision: Choice
    action: Action
    rules: list[str]
    confidence: float
    record: dict[str, Any]
    created_at: datetime

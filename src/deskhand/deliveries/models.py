"""A reply on its way to the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from deskhand.ids import MessageId

State = Literal["queued", "sending", "sent", "delivered", "read", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`parts` is what is sent, byte for byte: one element for each provider message."""

    id: UUID
    message_id: MessageId
    channel: str
    recipient: str
    parts: list[str]
    state: State
    provider_id: str | None
    attempts: int
    detail: str
    created_at: datetime
    updated_at: datetime

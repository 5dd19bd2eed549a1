"""Raw input as a front door took it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskhand.ids import MessageId


@dataclass(frozen=True, slots=True)
class Inbound:
    """`suspended`: no person wrote it, so that it became no ticket; the detail is the cause, and it can be released."""

    id: UUID
    channel: str
    provider_id: str
    payload: dict[str, Any]
    reference: str | None
    access_hash: bytes | None
    outcome: Literal["received", "filed", "failed", "suspended"]
    detail: str
    message_id: MessageId | None
    received_at: datetime
    notes: list[str]

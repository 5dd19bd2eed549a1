"""A customer and the addresses by which we know them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from deskhand.ids import CustomerId

Plan = Literal["free", "pro", "enterprise"]
IdentifierKind = Literal["email", "phone", "whatsapp_id"]


@dataclass(frozen=True, slots=True)
class Customer:
    id: CustomerId
    name: str
    company: str
    plan: Plan
    language: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Identifier:
    """An address on a channel; `verified_at` is None while it is merely claimed."""

    customer_id: CustomerId
    kind: IdentifierKind
    value: str
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed hands in a merge, by id, so that it can go back."""

    identifiers: tuple[UUID, ...]
    conversations: tuple[UUID, ...]
    tickets: tuple[UUID, ...]

    def as_dict(self) -> dict[str, list[str]]:
        return {
            "identifiers": [str(item) for item in self.identifiers],
            "conversations": [str(item) for item in self.conversations],
            "tickets": [str(item) for item in self.tickets],
        }


@dataclass(frozen=True, slots=True)
class Merge:
    """Two customers who are one person, and the evidence for it."""

    id: UUID
    kept_id: CustomerId
    merged_id: CustomerId
    evidence: str
    moved: dict[str, Any]
    created_at: datetime
    undone_at: datetime | None

    def moved_ids(self, what: Literal["identifiers", "conversations", "tickets"]) -> list[UUID]:
        return [UUID(item) for item in self.moved[what]]


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A code that was asked for on a chat and mailed to an address; only its hash is kept."""

    id: UUID
    kind: IdentifierKind
    sender: str
    email: str
    code_hash: bytes = field(repr=False)
    tries: int
    expires_at: datetime
    used_at: datetime | None
    created_at: datetime

"""A customer and the addresses by which we know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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

"""Our own people, and the keys that programs use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Scope = Literal["read", "write", "admin"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as we keep it: `prefix` finds it, the secret itself is nowhere."""

    id: UUID
    name: str
    prefix: str
    hash: bytes
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

"""What we keep about a channel between two looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`fetches` counts the looks into a mailbox that have begun; `fetched_from` is when the last good one began."""

    channel: str
    cursor: dict[str, Any]
    paused_at: datetime | None
    detail: str
    fetches: int
    fetched_from: datetime | None
    failures: int
    updated_at: datetime

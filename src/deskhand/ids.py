"""Keys that sort by time of making: UUID version 7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import os
import time
from typing import NewType
from uuid import UUID

CustomerId = NewType("CustomerId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
TicketId = NewType("TicketId", UUID)


def uuid7() -> UUID:
    """A new UUID v7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=value)

"""Ticket references: unique by construction, in no guessable order, and opening nothing by themselves.

A database sequence gives each ticket a number. Within a day the number modulo 2^20 is unique for 1,048,576 tickets;
a four-round Feistel network (Luby and Rackoff, 1988) permutes it, so that neighbours look unrelated, and four digits
of Crockford's base 32 (no I, L, O, U) write it.
"""

from __future__ import annotations

import re
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PER_DAY = 1 << 20
HALF = (1 << 10) - 1
ROUND_KEYS = (0x2F5, 0x19B, 0x36D, 0x0C7)
PATTERN = re.compile(r"[A-Z]{1,6}-\d{8}-[0-9A-HJKMNP-TV-Z]{4}")


def write_reference(prefix: str, day: datetime, number: int) -> str:
    """`TF-20261122-7K3Q` for the ticket with this sequence number on this day (UTC)."""
    shuffled = _permute(number % PER_DAY)
    digits = "".join(ALPHABET[(shuffled >> shift) & 31] for shift in (15, 10, 5, 0))
    return f"{prefix}-{day:%Y%m%d}-{digits}"


def is_reference(text: str) -> bool:
    return PATTERN.fullmatch(text) is not None


def _permute(value: int) -> int:
    left, right = value >> 10, value & HALF
    for key in ROUND_KEYS:
        mixed = ((right * 0x9E37 + key) ^ (right >> 3) * 0x85EB) & 0xFFFFF
        left, right = right, left ^ (mixed >> 7 & HALF)
    return left << 10 | right

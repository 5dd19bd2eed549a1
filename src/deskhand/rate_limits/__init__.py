"""Rate limits: how often somebody may do something, counted for all processes together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from deskhand.db import Tx
from deskhand.rate_limits import queries
from deskhand.rate_limits.models import Limit

__all__ = ["Limit", "find_wait", "take"]

SWEPT_AT_ONCE = 50


async def take(tx: Tx, limits: Sequence[Limit], *, at: datetime) -> timedelta | None:
    """Use one of each allowance; when one is spent, the time until there is some again.

    Those before it in the sequence stay used. Callers name the limits in one order everywhere, and what sweeps takes no
    further row after that, so that no two of them wait for each other.
    """
    wait = None
    for limit in limits:
        if limit.most and not await queries.take(
            tx, limit.kind, _hash(limit.key), step=limit.step, window=limit.window, at=at
        ):
            wait = await find_wait(tx, limit, at=at)
            break
    await queries.sweep(tx, before=at, limit=SWEPT_AT_ONCE)
    return wait


async def find_wait(tx: Tx, limit: Limit, *, at: datetime) -> timedelta:
    """How long until one more is allowed; zero when it is now."""
    spent_at = await queries.find(tx, limit.kind, _hash(limit.key))
    if spent_at is None:
        return timedelta(0)
    return max(timedelta(0), spent_at + limit.step - limit.window - at)


def _hash(key: str) -> bytes:
    """Who reads the table learns no address from it without guessing it first."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()

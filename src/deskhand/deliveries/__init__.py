"""Deliveries: the outbox. What is stored here is what is sent, byte for byte."""

from __future__ import annotations

from uuid import UUID

from deskhand.db import Tx
from deskhand.deliveries import queries
from deskhand.deliveries.models import Delivery, State
from deskhand.errors import NotFound

__all__ = ["Delivery", "State", "advance", "claim", "find_by_message", "get", "queue", "requeue"]

advance = queries.advance
claim = queries.claim
find_by_message = queries.find_by_message
queue = queries.insert
requeue = queries.requeue


async def get(tx: Tx, delivery_id: UUID) -> Delivery:
    """Raises NotFound."""
    delivery = await queries.find(tx, delivery_id)
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery

"""Raw input: what every front door stores before it says yes, and what became of it."""

from __future__ import annotations

from uuid import UUID

from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.inbound import queries
from deskhand.inbound.models import Inbound

__all__ = ["Inbound", "find_by_provider_id", "find_by_reference", "get", "settle", "store"]

find_by_provider_id = queries.find_by_provider_id
find_by_reference = queries.find_by_reference
settle = queries.settle
store = queries.insert


async def get(tx: Tx, inbound_id: UUID) -> Inbound:
    """Raises NotFound."""
    found = await queries.find(tx, inbound_id)
    if found is None:
        raise NotFound("There is no such inbound message.")
    return found

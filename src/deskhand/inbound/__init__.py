"""Raw input: what every front door stores before it says yes, and what became of it."""

from __future__ import annotations

from uuid import UUID

from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.inbound import fingerprint_queries, link_queries, queries
from deskhand.inbound.models import Inbound

__all__ = [
    "Inbound",
    "add_link",
    "find_by_message",
    "find_by_provider_id",
    "find_by_reference",
    "find_first_of_conversation",
    "get",
    "last_received_at",
    "link_opens",
    "list_by_outcome",
    "list_waiting_replies",
    "remember_fingerprint",
    "settle",
    "store",
]

add_link = link_queries.insert
find_by_message = queries.find_by_message
find_by_provider_id = queries.find_by_provider_id
find_by_reference = queries.find_by_reference
find_first_of_conversation = link_queries.find_first_of_conversation
last_received_at = queries.last_received_at
link_opens = link_queries.opens
list_by_outcome = queries.list_by_outcome
list_waiting_replies = link_queries.list_waiting_replies
remember_fingerprint = fingerprint_queries.remember
settle = queries.settle
store = queries.insert


async def get(tx: Tx, inbound_id: UUID) -> Inbound:
    """Raises NotFound."""
    found = await queries.find(tx, inbound_id)
    if found is None:
        raise NotFound("There is no such inbound message.")
    return found

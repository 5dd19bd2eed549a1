"""Customers: who writes to us, by which addresses, on which plan."""

from __future__ import annotations

from deskhand.customers import queries
from deskhand.customers.identifiers import normalise
from deskhand.customers.models import Customer, Identifier, IdentifierKind, LinkCode, Merge, Moved, Plan
from deskhand.db import Tx
from deskhand.errors import NotFound
from deskhand.ids import CustomerId

__all__ = [
    "Customer",
    "Identifier",
    "IdentifierKind",
    "LinkCode",
    "Merge",
    "Moved",
    "Plan",
    "find_by_identifier",
    "find_or_create",
    "get",
    "list_identifiers",
    "lock",
    "mark_verified",
    "normalise",
    "set_plan",
]

list_identifiers = queries.list_identifiers
lock = queries.lock
set_plan = queries.set_plan


async def find_by_identifier(tx: Tx, kind: IdentifierKind, value: str) -> Customer | None:
    """The customer with this address in any written form; creates nothing."""
    return await queries.find_by_identifier(tx, kind, normalise(kind, value))


async def get(tx: Tx, customer_id: CustomerId) -> Customer:
    """Raises NotFound."""
    customer = await queries.get(tx, customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer


async def find_or_create(
    tx: Tx, kind: IdentifierKind, value: str, *, name: str = "", verified: bool = True
) -> Customer:
    """The one customer with this address; two callers at the same instant get the same one.

    A new customer starts on the plan 'free': the plan is a fact of our records, never of what a sender types. An
    unverified sender gives nothing, not even a name, to a customer whom we know.
    """
    normal = normalise(kind, value)
    found = await queries.find_by_identifier(tx, kind, normal)
    if found is None:
        fresh = await queries.insert_customer(tx, name=name.strip(), plan="free")
        owner = await queries.claim_identifier(tx, fresh, kind, normal)
        if owner != fresh:
            await queries.delete_customer(tx, fresh)
        return await get(tx, owner)
    if verified and name.strip() and not found.name:
        await queries.fill_name(tx, found.id, name.strip())
        return await get(tx, found.id)
    return found


async def mark_verified(tx: Tx, kind: IdentifierKind, value: str) -> None:
    """Record that the person behind this address has proved to be its holder."""
    await queries.mark_verified(tx, kind, normalise(kind, value))

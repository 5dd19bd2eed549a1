"""All SQL on customers and their identifiers: one statement a function."""

from __future__ import annotations

from psycopg.rows import class_row

from deskhand.customers.models import Customer, Identifier, IdentifierKind, Plan
from deskhand.db import Tx
from deskhand.ids import CustomerId, uuid7


async def find_by_identifier(tx: Tx, kind: IdentifierKind, value: str) -> Customer | None:
    async with tx.cursor(row_factory=class_row(Customer)) as cursor:
        await cursor.execute(
            """
            select c.id, c.name, c.company, c.plan, c.language, c.created_at
              from customer_identifiers i join customers c on c.id = i.customer_id
             where i.kind = %s and i.value = %s
            """,
            (kind, value),
        )
        return await cursor.fetchone()


async def get(tx: Tx, customer_id: CustomerId) -> Customer | None:
    async with tx.cursor(row_factory=class_row(Customer)) as cursor:
        await cursor.execute(
            "select id, name, company, plan, language, created_at from customers where id = %s", (customer_id,)
        )
        return await cursor.fetchone()


async def lock(tx: Tx, customer_id: CustomerId) -> None:
    """Hold the customer's row until the end of the transaction."""
    await tx.execute("select from customers where id = %s for update", (customer_id,))


async def insert_customer(tx: Tx, *, name: str, plan: Plan) -> CustomerId:
    customer_id = CustomerId(uuid7())
    await tx.execute("insert into customers (id, name, plan) values (%s, %s, %s)", (customer_id, name, plan))
    return customer_id


async def claim_identifier(tx: Tx, customer_id: CustomerId, kind: IdentifierKind, value: str) -> CustomerId:
    """Attach the address, or learn who has it: waits for a concurrent writer and returns the owner's id."""
    cursor = await tx.execute(
        """
        insert into customer_identifiers (id, customer_id, kind, value) values (%s, %s, %s, %s)
        on conflict (kind, value) do update set value = excluded.value
        returning customer_id
        """,
        (uuid7(), customer_id, kind, value),
    )
    row = await cursor.fetchone()
    assert row is not None
    return CustomerId(row[0])


async def delete_customer(tx: Tx, customer_id: CustomerId) -> None:
    await tx.execute("delete from customers where id = %s", (customer_id,))


async def mark_verified(tx: Tx, kind: IdentifierKind, value: str) -> None:
    await tx.execute(
        "update customer_identifiers set verified_at = coalesce(verified_at, now()) where kind = %s and value = %s",
        (kind, value),
    )


async def fill_name(tx: Tx, customer_id: CustomerId, name: str) -> None:
    await tx.execute(
        "update customers set name = %s, updated_at = now() where id = %s and name = ''", (name, customer_id)
    )


async def set_plan(tx: Tx, customer_id: CustomerId, plan: Plan) -> None:
    await tx.execute("update customers set plan = %s, updated_at = now() where id = %s", (plan, customer_id))


async def list_identifiers(tx: Tx, customer_id: CustomerId) -> list[Identifier]:
    async with tx.cursor(row_factory=class_row(Identifier)) as cursor:
        await cursor.execute(
            """
            select customer_id, kind, value, verified_at from customer_identifiers
             where customer_id = %s order by kind, value
            """,
            (customer_id,),
        )
        return await cursor.fetchall()

"""Customers: one person for one address, whoever comes at once, and a plan that only our records know."""

from __future__ import annotations

import itertools

import pytest

from deskhand import customers
from deskhand.customers import Customer
from deskhand.db import Database
from deskhand.errors import InvalidInput, NotFound
from deskhand.ids import CustomerId, uuid7
from tests.races import at_once


async def _count(database: Database) -> int:
    async with database.transaction() as tx:
        row = await (await tx.execute("select count(*) from customers")).fetchone()
    assert row is not None
    return int(row[0])


async def _find_or_create(database: Database, address: str, name: str = "") -> Customer:
    async with database.transaction() as tx:
        return await customers.find_or_create(tx, "email", address, name=name)


async def test_fifty_messages_of_a_new_customer_at_one_instant_make_one_customer(database: Database) -> None:
    addresses = itertools.cycle(["dana@example.com", "Dana@Example.com", "  DANA@EXAMPLE.COM "])

    found = await at_once(database, 50, lambda tx: customers.find_or_create(tx, "email", next(addresses)))

    assert len({customer.id for customer in found}) == 1
    assert await _count(database) == 1


async def test_a_known_address_in_any_written_form_finds_its_customer(database: Database) -> None:
    created = await _find_or_create(database, "dana@example.com")

    assert (await _find_or_create(database, " Dana@EXAMPLE.com")).id == created.id


async def test_looking_up_creates_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        found = await customers.find_by_identifier(tx, "email", "nobody@example.com")

    assert found is None
    assert await _count(database) == 0


async def test_looking_up_what_is_no_address_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(InvalidInput):
            await customers.find_by_identifier(tx, "email", "nobody")


async def test_a_new_customer_starts_on_the_free_plan(database: Database) -> None:
    assert (await _find_or_create(database, "ceo@bigcorp.example", "Enterprise Customer")).plan == "free"


async def test_a_plan_set_in_our_records_stays_when_the_customer_writes_again(database: Database) -> None:
    created = await _find_or_create(database, "dana@example.com")
    async with database.transaction() as tx:
        await customers.set_plan(tx, created.id, "enterprise")

    assert (await _find_or_create(database, "dana@example.com", "Dana")).plan == "enterprise"


async def test_a_claimed_address_is_not_verified(database: Database) -> None:
    created = await _find_or_create(database, "dana@example.com")

    async with database.transaction() as tx:
        (identifier,) = await customers.list_identifiers(tx, created.id)

    assert (identifier.kind, identifier.value) == ("email", "dana@example.com")
    assert identifier.verified_at is None


async def test_verifying_keeps_the_first_time(database: Database) -> None:
    created = await _find_or_create(database, "dana@example.com")
    times: list[object] = []
    for _ in range(2):
        async with database.transaction() as tx:
            await customers.mark_verified(tx, "email", "DANA@example.com")
            times.append((await customers.list_identifiers(tx, created.id))[0].verified_at)

    assert times[0] is not None
    assert times[0] == times[1]


async def test_a_missing_name_is_filled_and_a_known_one_stays(database: Database) -> None:
    await _find_or_create(database, "dana@example.com")

    named = await _find_or_create(database, "dana@example.com", "Dana Fox")
    renamed = await _find_or_create(database, "dana@example.com", "Somebody Else")

    assert (named.name, renamed.name) == ("Dana Fox", "Dana Fox")


async def test_two_kinds_of_address_are_two_customers_until_somebody_joins_them(database: Database) -> None:
    async with database.transaction() as tx:
        by_mail = await customers.find_or_create(tx, "email", "dana@example.com")
        by_phone = await customers.find_or_create(tx, "phone", "+49 170 1234567")

    assert by_mail.id != by_phone.id


async def test_an_unknown_customer_is_not_found(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await customers.get(tx, CustomerId(uuid7()))

"""Allowances: so many in a window, for all processes together, and one key's use is no other's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deskhand import rate_limits
from deskhand.db import Database, Tx
from deskhand.rate_limits import Limit
from tests.races import at_once

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def limit(most: int = 3, *, key: str = "192.0.2.1", kind: str = "form_address") -> Limit:
    return Limit(kind, key, most, HOUR)


async def take(database: Database, *limits: Limit, at: datetime = NOW) -> timedelta | None:
    async with database.transaction() as tx:
        return await rate_limits.take(tx, limits, at=at)


async def test_so_many_are_allowed_at_once_and_the_next_one_is_told_when(database: Database) -> None:
    assert [await take(database, limit()) for _ in range(3)] == [None, None, None]

    assert await take(database, limit()) == timedelta(minutes=20)


async def test_the_allowance_comes_back_evenly(database: Database) -> None:
    for _ in range(3):
        await take(database, limit())

    assert await take(database, limit(), at=NOW + timedelta(minutes=19)) == timedelta(minutes=1)
    assert await take(database, limit(), at=NOW + timedelta(minutes=20)) is None
    assert await take(database, limit(), at=NOW + timedelta(minutes=21)) == timedelta(minutes=19)


async def test_who_is_refused_does_not_wait_longer_for_asking_again(database: Database) -> None:
    for _ in range(50):
        await take(database, limit())

    assert await take(database, limit(), at=NOW + timedelta(minutes=20)) is None


async def test_keys_and_kinds_do_not_touch_each_other(database: Database) -> None:
    for _ in range(4):
        await take(database, limit())

    assert await take(database, limit(key="192.0.2.2")) is None
    assert await take(database, limit(kind="form_email")) is None


async def test_of_several_limits_the_spent_one_decides(database: Database) -> None:
    wide, narrow = limit(9, kind="form_network"), limit(1)

    assert await take(database, wide, narrow) is None
    assert await take(database, wide, narrow) == HOUR


async def test_a_limit_of_none_limits_nothing(database: Database) -> None:
    assert [await take(database, limit(0)) for _ in range(20)] == [None] * 20


async def test_many_at_the_same_instant_get_no_more_than_there_is(database: Database) -> None:
    async def one(tx: Tx) -> timedelta | None:
        return await rate_limits.take(tx, [limit(7)], at=NOW)

    assert (await at_once(database, 20, one)).count(None) == 7


async def test_the_table_holds_no_address_and_forgets_whose_allowance_is_whole(database: Database) -> None:
    await take(database, limit())
    await take(database, limit(key="198.51.100.9"), at=NOW + HOUR)

    async with database.transaction() as tx:
        rows = await (await tx.execute("select key from rate_limits")).fetchall()
    assert len(rows) == 1
    assert b"198.51" not in bytes(rows[0][0])

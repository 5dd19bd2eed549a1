"""Credentials at rest: sealed, opened by any of the keys, never readable in the database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskhand.clock import FixedClock
from deskhand.credentials import Seal, derive
from deskhand.db import Database
from deskhand.errors import SetupInvalid
from deskhand.flows.vault import Vault

OLD, NEW = "o" * 32, "n" * 32
SECRET = "1//0refresh-canary"
CLOCK = FixedClock(datetime(2026, 11, 22, tzinfo=UTC))


async def test_a_secret_comes_back_as_it_was_and_is_not_readable_in_the_database(database: Database) -> None:
    vault = Vault(database, [NEW], CLOCK)

    await vault.write("gmail:a@example.com", SECRET)

    assert await vault.read("gmail:a@example.com") == SECRET
    assert await vault.stored_at("gmail:a@example.com") == CLOCK.now()
    async with database.transaction() as tx:
        row = await (await tx.execute("select sealed, row_to_json(c)::text from credentials c")).fetchone()
    assert row is not None
    assert SECRET.encode() not in bytes(row[0])
    assert SECRET not in row[1]


async def test_the_keys_are_rotated_by_putting_a_new_one_first(database: Database) -> None:
    await Vault(database, [OLD], CLOCK).write("a", SECRET)

    assert await Vault(database, [NEW, OLD], CLOCK).read("a") == SECRET
    await Vault(database, [NEW, OLD], CLOCK).write("b", SECRET)
    assert await Vault(database, [NEW], CLOCK).read("b") == SECRET


async def test_without_its_key_a_secret_stays_shut_and_the_error_says_what_to_do(database: Database) -> None:
    await Vault(database, [OLD], CLOCK).write("a", SECRET)

    with pytest.raises(SetupInvalid, match="DESKHAND_SECRET_KEY") as caught:
        await Vault(database, [NEW], CLOCK).read("a")
    assert SECRET not in str(caught.value)
    with pytest.raises(SetupInvalid, match="DESKHAND_SECRET_KEY"):
        await Vault(database, [], CLOCK).write("a", SECRET)


async def test_a_later_secret_takes_the_place_of_the_earlier_and_can_be_forgotten(database: Database) -> None:
    vault = Vault(database, [NEW], CLOCK)
    await vault.write("a", "first")
    await vault.write("a", "second")
    assert await vault.read("a") == "second"

    await vault.forget("a")

    assert await vault.read("a") is None


def test_what_was_tampered_with_does_not_open() -> None:
    sealed = bytearray(Seal([NEW]).close(SECRET))
    sealed[-5] ^= 1

    with pytest.raises(SetupInvalid):
        Seal([NEW]).open(bytes(sealed))


def test_one_key_gives_different_bytes_for_different_purposes() -> None:
    assert derive(NEW, "sealing") != derive(NEW, "message ids")

"""API keys: shown once, kept as a hash, and good only while they live and for what they may."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand import operators
from deskhand.db import Database
from deskhand.errors import Forbidden, InvalidInput, NotFound, Unauthorized
from tests.factories import NOON


async def test_a_key_opens_what_its_scope_names(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name=" reports ", scopes=["read"], actor="dana")

        found = await operators.authorise(tx, key, scope="read", now=NOON)

    assert (found.name, found.scopes) == ("reports", ["read"])


async def test_the_secret_is_nowhere_in_the_database(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")
        rows = await (
            await tx.execute("select k::text from api_keys k union all select a::text from audit_log a")
        ).fetchall()

    secret = key.split("_", 2)[2]
    assert len(secret) >= 43
    assert all(secret not in row[0] for row in rows)
    assert all(secret.encode().hex() not in row[0] for row in rows)


async def test_admin_includes_the_other_scopes(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="boss", scopes=["admin"], actor="dana")

        for scope in operators.SCOPES:
            await operators.authorise(tx, key, scope=scope, now=NOON)


async def test_a_key_without_the_scope_is_forbidden(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")

        with pytest.raises(Forbidden, match="write"):
            await operators.authorise(tx, key, scope="write", now=NOON)


async def test_a_key_ends_at_its_time(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="trial", scopes=["read"], actor="dana", expires_at=NOON)
        await operators.authorise(tx, key, scope="read", now=NOON - timedelta(seconds=1))

        with pytest.raises(Unauthorized, match="ended"):
            await operators.authorise(tx, key, scope="read", now=NOON)


async def test_a_revoked_key_opens_nothing_and_cannot_be_revoked_again(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")
        prefix = key.split("_")[1]
        await operators.revoke_key(tx, prefix, actor="dana")

        with pytest.raises(Unauthorized, match="ended"):
            await operators.authorise(tx, key, scope="read", now=NOON)
        with pytest.raises(NotFound):
            await operators.revoke_key(tx, prefix, actor="dana")


@pytest.mark.parametrize("key", [None, "", "dh", "dh_", "dh__", "dh_12345678", "xx_12345678_secret", "dh_12345678_ä"])
async def test_what_is_no_key_is_unauthorised(database: Database, key: str | None) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Unauthorized):
            await operators.authorise(tx, key, scope="read", now=NOON)


async def test_the_right_prefix_with_another_secret_is_unauthorised(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")
        for forged in (key + "x", key[:-1], "_".join([*key.split("_")[:2], ""])):
            with pytest.raises(Unauthorized, match="not known"):
                await operators.authorise(tx, forged, scope="read", now=NOON)


@pytest.mark.parametrize(("name", "scope", "field"), [("  ", "read", "name"), ("reports", "root", "scope")])
async def test_a_key_needs_a_name_and_scopes_that_exist(database: Database, name: str, scope: str, field: str) -> None:
    async with database.transaction() as tx:
        with pytest.raises(InvalidInput) as caught:
            await operators.create_key(tx, name=name, scopes=[scope], actor="dana")

    assert caught.value.field == field


async def test_making_and_revoking_a_key_is_audited(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")
        await operators.revoke_key(tx, key.split("_")[1], actor="eve")
        rows = await (await tx.execute("select actor, act, subject from audit_log order by created_at, id")).fetchall()

    prefix = key.split("_")[1]
    assert rows == [("dana", "key_created", prefix), ("eve", "key_revoked", prefix)]


async def test_the_list_shows_when_a_key_was_used(database: Database) -> None:
    async with database.transaction() as tx:
        key = await operators.create_key(tx, name="reports", scopes=["read"], actor="dana")
        unused = (await operators.list_keys(tx))[0].last_used_at
        await operators.authorise(tx, key, scope="read", now=NOON)

        used = (await operators.list_keys(tx))[0].last_used_at

    assert unused is None
    assert used is not None

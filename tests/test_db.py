"""The database: transactions, what runs behind a commit, migrations, and a server that is not there."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Generator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deskhand import customers, db
from deskhand.db import Database, Tx, migrate, pending_migrations
from deskhand.errors import DatabaseUnavailable, SetupInvalid
from tests.conftest import SERVER

NINE = {
    *("customers", "customer_identifiers", "conversations", "messages", "tickets"),
    *("knowledge_base", "channel_configs", "agent_metrics", "message_queue"),
}


class Planned(Exception):
    """What a test raises inside a transaction."""


@pytest.fixture
def empty(names: Generator[str]) -> Generator[str]:
    """A database without tables."""
    server, name = os.environ[SERVER], next(names)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def _write(tx: Tx, address: str = "dana@example.com") -> None:
    await customers.find_or_create(tx, "email", address)


async def _is_there(database: Database, address: str = "dana@example.com") -> bool:
    async with database.transaction() as tx:
        return await customers.find_by_identifier(tx, "email", address) is not None


async def test_a_transaction_commits_at_the_end_of_its_block(database: Database) -> None:
    async with database.transaction() as tx:
        await _write(tx)
        seen_inside = await _is_there(database)

    assert not seen_inside
    assert await _is_there(database)


async def test_a_transaction_rolls_back_when_its_block_raises(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await _write(tx)
            raise Planned

    with pytest.raises(Planned):
        await fail()

    assert not await _is_there(database)


async def test_a_transaction_rolls_back_when_its_task_is_cancelled(database: Database) -> None:
    written = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.transaction() as tx:
            await _write(tx)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_wait())
    await written.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not await _is_there(database)


async def test_times_are_read_in_utc(database: Database) -> None:
    async with database.transaction() as tx:
        row = await (await tx.execute("select now(), current_setting('timezone')")).fetchone()

    assert row is not None
    assert row[0].utcoffset().total_seconds() == 0
    assert row[1] == "UTC"


async def test_a_hook_runs_after_the_commit(database: Database) -> None:
    seen: list[bool] = []

    async def look() -> None:
        seen.append(await _is_there(database))

    async with database.transaction() as tx:
        tx.after_commit("look", look)
        await _write(tx)
        before = list(seen)

    assert before == []
    assert seen == [True]


async def test_a_hook_does_not_run_after_a_rollback_nor_in_the_next_transaction(database: Database) -> None:
    seen: list[str] = []

    async def note() -> None:
        seen.append("ran")

    async def fail() -> None:
        async with database.transaction() as tx:
            tx.after_commit("note", note)
            raise Planned

    with pytest.raises(Planned):
        await fail()
    for _ in range(3):
        async with database.transaction() as tx:
            await tx.execute("select 1")

    assert seen == []


async def test_a_second_hook_of_the_same_key_replaces_the_first(database: Database) -> None:
    seen: list[int] = []

    async with database.transaction() as tx:
        for number in range(3):

            async def note(number: int = number) -> None:
                seen.append(number)

            tx.after_commit("note", note)

    assert seen == [2]


async def test_a_hook_that_fails_changes_nothing_and_the_others_run(database: Database) -> None:
    seen: list[str] = []

    async def fail() -> None:
        raise Planned

    async def note() -> None:
        seen.append("ran")

    async with database.transaction() as tx:
        tx.after_commit("fail", fail)
        tx.after_commit("note", note)
        await _write(tx)

    assert seen == ["ran"]
    assert await _is_there(database)


async def test_a_connection_that_breaks_is_database_unavailable_and_the_next_one_works(database: Database) -> None:
    async def break_it() -> None:
        async with database.transaction() as tx:
            await _write(tx)
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await break_it()

    assert not await _is_there(database)


async def test_hooks_do_not_run_when_the_commit_breaks(database: Database, conninfo: str) -> None:
    seen: list[str] = []

    async def note() -> None:
        seen.append("ran")

    async def break_it() -> None:
        async with database.transaction() as tx:
            tx.after_commit("note", note)
            await _write(tx)
            with psycopg.connect(conninfo, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", (tx.info.backend_pid,))

    with pytest.raises(DatabaseUnavailable):
        await break_it()

    assert seen == []
    assert not await _is_there(database)


async def test_no_free_connection_is_database_unavailable(conninfo: str) -> None:
    database = Database(conninfo, pool_size=2)
    database._pool.timeout = 0.2
    await database.open(wait_seconds=5)

    async with database.transaction(), database.transaction():
        with pytest.raises(DatabaseUnavailable):
            async with database.transaction():
                pass

    await database.close()


async def test_a_server_that_is_not_there_is_database_unavailable_once_the_wait_is_over(tmp_path: object) -> None:
    database = Database(f"host={tmp_path}")

    async with asyncio.timeout(5):
        with pytest.raises(DatabaseUnavailable, match="can't be reached"):
            await database.open(wait_seconds=0.5)


async def test_a_start_waits_until_the_database_is_there(names: Generator[str]) -> None:
    server, name = os.environ[SERVER], next(names)
    database = Database(make_conninfo(server, dbname=name))
    opening = asyncio.create_task(database.open(wait_seconds=15))
    await asyncio.sleep(0.4)
    waited = not opening.done()

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        await opening
        async with database.transaction() as tx:
            await tx.execute("select 1")
        await database.close()
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    assert waited


async def test_the_pauses_of_a_waiting_start_grow(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0.001)

    monkeypatch.setattr(db.asyncio, "sleep", note)
    with pytest.raises(DatabaseUnavailable):
        await db.wait_until_reachable(f"host={tmp_path}", wait_seconds=1.0)

    assert len(pauses) >= 3
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses))


@pytest.mark.parametrize("written", ["postgres//desk:hunter2@db/desk", "host=db pasword=hunter2", "hunter2"])
async def test_an_address_that_cannot_be_read_is_refused_without_being_repeated(written: str) -> None:
    with pytest.raises(SetupInvalid, match="DESKHAND_DATABASE_URL") as caught:
        await Database(written).open(wait_seconds=5)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


async def _tables(conninfo: str) -> set[str]:
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        rows = await (
            await connection.execute("select tablename from pg_tables where schemaname = 'public'")
        ).fetchall()
    return {row[0] for row in rows}


async def _applied(conninfo: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        return await (await connection.execute("select name, applied_at from migrations order by name")).fetchall()


async def test_migrations_make_the_nine_tables_in_an_empty_database(empty: str) -> None:
    applied = await migrate(empty)

    assert applied == [name for name, _ in db.list_migrations()]
    assert await _tables(empty) >= NINE


async def test_a_second_run_changes_nothing(empty: str) -> None:
    await migrate(empty)
    before = (await _applied(empty), await _tables(empty))

    again = await migrate(empty)

    assert again == []
    assert (await _applied(empty), await _tables(empty)) == before


async def test_two_runs_at_once_apply_each_migration_once(empty: str) -> None:
    runs = await asyncio.gather(*(migrate(empty) for _ in range(4)))

    assert sorted(name for run in runs for name in run) == [name for name, _ in db.list_migrations()]


async def test_a_migration_that_fails_leaves_nothing_and_is_tried_again(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = db.list_migrations()[0]
    with monkeypatch.context() as patch:
        patch.setattr(db, "list_migrations", lambda: [first, ("0002.sql", "create table half (n int); select 1 / 0")])
        with pytest.raises(psycopg.errors.DivisionByZero):
            await migrate(empty)

    assert [name for name, _ in await _applied(empty)] == [first[0]]
    assert "half" not in await _tables(empty)


async def test_what_is_pending_is_told(empty: str, database: Database) -> None:
    fresh = Database(empty)
    await fresh.open(wait_seconds=5)
    async with fresh.transaction() as tx:
        before = await pending_migrations(tx)
    await fresh.close()
    async with database.transaction() as tx:
        after = await pending_migrations(tx)

    assert before == [name for name, _ in db.list_migrations()]
    assert after == []


async def test_a_notice_reaches_a_listener(database: Database) -> None:
    async with database.listening() as connection:
        await connection.execute("listen desk")
        await database.notify("desk", "wake up")
        notices = [notice async for notice in connection.notifies(timeout=5, stop_after=1)]

    assert [(notice.channel, notice.payload) for notice in notices] == [("desk", "wake up")]

"""The database: a pool of connections, the one way to open a transaction, and forward-only migrations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib import resources
from typing import LiteralString, cast

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from deskhand import crash
from deskhand.errors import DatabaseUnavailable, SetupInvalid
from deskhand.log import get_logger

MIGRATION_LOCK = 7_203_112_026
AfterCommit = Callable[[], Awaitable[None]]

log = get_logger("db")


class Tx(AsyncConnection[TupleRow]):
    """A connection inside a transaction. Everything below edges and flows takes one as its first parameter."""

    def after_commit(self, key: str, action: AfterCommit) -> None:
        """Run `action` once the transaction has committed; a second one under the same key replaces the first.

        What runs is a mere hint (a wake-up): it may be lost in a crash and its failure changes nothing.
        """
        self.__dict__.setdefault("_after_commit", {})[key] = action

    def take_after_commit(self) -> dict[str, AfterCommit]:
        return self.__dict__.pop("_after_commit", {})


class Database:
    """A pool to one PostgreSQL database. `open()` before use, `close()` at the end."""

    def __init__(self, conninfo: str, *, pool_size: int = 10) -> None:
        self.conninfo = conninfo
        self._pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            conninfo,
            connection_class=Tx,
            kwargs={"autocommit": True, "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60s"},
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=10,
            reconnect_timeout=2,  # then the next caller starts afresh, instead of pauses that double for minutes
        )

    async def open(self, *, wait_seconds: float = 60.0) -> None:
        """Connect, trying again with growing pauses while the server is not there yet.

        Raises:
            DatabaseUnavailable: `wait_seconds` passed without a connection.
            SetupInvalid: the connection string can't be read.
        """
        await wait_until_reachable(self.conninfo, wait_seconds=wait_seconds)
        try:
            await self._pool.open(wait=True)
        except PoolTimeout as error:
            await self._pool.close()
            raise DatabaseUnavailable(f"The database can't be reached: {_first_line(error)}") from error

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """One transaction: commits at the end of the block, rolls back when it raises.

        Raises:
            DatabaseUnavailable: no connection could be had, or it broke.
        """
        hooks: dict[str, AfterCommit] = {}
        try:
            async with AsyncExitStack() as stack:
                yield await self._begin(stack, hooks)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseUnavailable(f"The database can't be reached: {_first_line(error)}") from error
        for key, action in hooks.items():
            try:
                await action()
            except Exception as error:
                log.warning("after_commit_failed", key=key, error=_first_line(error))

    async def _begin(self, stack: AsyncExitStack, hooks: dict[str, AfterCommit]) -> Tx:
        """BEGIN is the check: a pooled connection that died fails at it, is thrown away, and the next one is taken."""
        for tries_left in reversed(range(self._pool.max_size + 1)):
            async with AsyncExitStack() as attempt:
                tx = await attempt.enter_async_context(self._pool.connection())
                attempt.callback(_collect, tx, hooks)
                try:
                    await attempt.enter_async_context(tx.transaction())
                except psycopg.OperationalError:
                    if tries_left:
                        continue
                    raise
                stack.push_async_exit(attempt.pop_all())
                return tx
        raise AssertionError("unreachable")

    async def time(self) -> datetime:
        """The server's present moment. Raises DatabaseUnavailable."""
        async with self.transaction() as tx:
            row = await (await tx.execute("select clock_timestamp()")).fetchone()
        assert row is not None
        return row[0]

    async def notify(self, channel: str, payload: str) -> None:
        """Send a NOTIFY as a statement of its own: inside a transaction it would make all commits queue up.

        Raises:
            DatabaseUnavailable: no connection could be had, or it broke.
        """
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select pg_notify(%s, %s)", (channel, payload))
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseUnavailable(f"The database can't be reached: {_first_line(error)}") from error

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A connection of its own outside the pool, in autocommit, for LISTEN."""
        try:
            connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"The database can't be reached: {_first_line(error)}") from error
        async with connection:
            yield connection


class ReadOnlyDatabase(Database):
    """A view of an open database: the same pool, and the server refuses every write."""

    def __init__(self, database: Database) -> None:
        self.conninfo = database.conninfo
        self._pool = database._pool

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        async with super().transaction() as tx:
            await tx.execute("set transaction read only")
            yield tx


def _collect(tx: Tx, hooks: dict[str, AfterCommit]) -> None:
    """Take what a transaction has asked for before its connection can be anybody else's."""
    hooks.update(tx.take_after_commit())


async def wait_until_reachable(conninfo: str, *, wait_seconds: float) -> None:
    """Try to connect, pausing 0.1 s, 0.2 s, ... up to 5 s with jitter, until it works or the time is up.

    Raises:
        DatabaseUnavailable: the time is up; the message holds the last cause.
        SetupInvalid: the connection string can't be read.
    """
    _check(conninfo)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    pause = 0.1
    while True:
        try:
            connection = await AsyncConnection.connect(conninfo, connect_timeout=5)
        except psycopg.OperationalError as error:
            if asyncio.get_running_loop().time() + pause > deadline:
                raise DatabaseUnavailable(f"The database can't be reached: {_first_line(error)}") from error
            log.info("database_waited_for", seconds=round(pause, 2), error=_first_line(error))
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, 5.0)
        else:
            await connection.close()
            return


def _check(conninfo: str) -> None:
    """libpq repeats the whole string, password included, when it can't read it: say which setting it is instead."""
    try:
        conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise SetupInvalid(
            "DESKHAND_DATABASE_URL: this is no address of a database.",
            mend="Write postgresql://USER:PASSWORD@HOST/NAME.",
        ) from None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def list_migrations() -> list[tuple[str, LiteralString]]:
    """The migrations that ship, oldest first: (file name, SQL)."""
    folder = resources.files("deskhand") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name, cast("LiteralString", (folder / name).read_text("utf-8"))) for name in names]


async def migrate(conninfo: str) -> list[str]:
    """Apply what has not been applied yet, each file in a transaction of its own, and return the names.

    Safe to run from several processes at once: an advisory lock lets one at a time in.
    """
    applied: list[str] = []
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        await connection.execute(
            """
            create table if not exists migrations (
                name text primary key,
                applied_at timestamptz not null default now())
            """
        )
        rows = await (await connection.execute("select name from migrations")).fetchall()
        done = {row[0] for row in rows}
        for name, sql in list_migrations():
            if name in done:
                continue
            async with connection.transaction():
                await connection.execute(sql)
                crash.here("in_migration")
                await connection.execute("insert into migrations (name) values (%s)", (name,))
            applied.append(name)
            log.info("migration_applied", migration=name)
    return applied


async def pending_migrations(tx: Tx) -> list[str]:
    """Names of the migrations that this database has not seen."""
    known = await (await tx.execute("select to_regclass('migrations') is not null")).fetchone()
    if known is None or not known[0]:
        return [name for name, _ in list_migrations()]
    rows = await (await tx.execute("select name from migrations")).fetchall()
    done = {row[0] for row in rows}
    return [name for name, _ in list_migrations() if name not in done]

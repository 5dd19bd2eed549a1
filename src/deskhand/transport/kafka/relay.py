"""The relay: takes the outbox to the brokers, one process at a time for each share of it.

A row is deleted by its id when the brokers have acknowledged it, never skipped by a cursor over ids: numbers are drawn
before commits, so that a smaller one may still turn up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import psycopg

from deskhand.db import Database, Tx
from deskhand.errors import BrokerUnavailable, DatabaseUnavailable
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport.base import DeadLetter
from deskhand.transport.kafka import outbox_queries
from deskhand.transport.kafka.brokers import Brokers
from deskhand.transport.kafka.outbox_queries import Connection
from deskhand.transport.kafka.sending import Report, Sender
from deskhand.transport.kafka.wire import OutboxRow
from deskhand.transport.outage import Outage

ROWS, BYTES = 500, 8_000_000  # of a batch
STANDBY = 1.0
LAST_WORD = 1.0
BLOCKED_PAUSE = 0.3
ABSENT_FOR = 15.0
PRUNE_EVERY = 3_600.0
REMEMBER_LONGER = timedelta(days=1)

Mourn = Callable[[Tx, DeadLetter], Awaitable[None]]

log = get_logger("transport")


class Relay:
    def __init__(self, db: Database, settings: Settings, brokers: Brokers, shard: int, mourn: Mourn) -> None:
        self._db = db
        self._settings = settings
        self._brokers = brokers
        self._sender = Sender(brokers)
        self._shard = shard
        self._mourn = mourn
        self._stir = asyncio.Event()
        self._absent: dict[str, float] = {}
        self._known: set[str] = set()
        self._prune_at = 0.0
        self._thread = ThreadPoolExecutor(1, f"kafka-relay-{shard}")

    def wake(self, _: str | None = None) -> None:
        self._stir.set()

    async def run(self) -> None:
        """Relay until cancelled, through outages of the database and of the brokers."""
        outage = Outage()
        while True:
            try:
                async with self._db.listening() as connection:
                    await self._lead(connection, outage)
            except (DatabaseUnavailable, psycopg.Error) as error:
                unavailable = error if isinstance(error, DatabaseUnavailable) else DatabaseUnavailable(str(error))
                await asyncio.sleep(outage.pause(unavailable))

    async def _lead(self, connection: Connection, outage: Outage) -> None:
        """While this connection lives the share is ours: with it the lock goes, and nothing more can be deleted."""
        while not await outbox_queries.try_to_lead(connection, self._shard):  # noqa: ASYNC110  # the lock tells nobody
            await asyncio.sleep(STANDBY * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, not a secret
        log.debug("relay_started", shard=self._shard)
        outage.end()
        while True:
            self._stir.clear()
            if not await self._relay_batch(connection):
                await self._prune(connection)
                await self._rest(connection)

    async def _relay_batch(self, connection: Connection) -> int:
        """Send one batch and return how many of its rows went."""
        loop = asyncio.get_running_loop()
        self._absent = {topic: until for topic, until in self._absent.items() if until > loop.time()}
        await outbox_queries.lock_batch(connection, self._shard)  # a purge waits for it
        try:
            rows = await outbox_queries.due_rows(
                connection, self._shard, self._settings.kafka_relay_shards, self._absent, ROWS, BYTES
            )
            rows = await self._without_absent(rows)
            if not rows:
                return 0
            report = await self._send(rows)
            await self._conclude(connection, rows, report)
            return len(report.acknowledged) + len(report.refused)
        finally:
            with suppress(psycopg.Error):  # the lock goes with the connection
                await outbox_queries.unlock_batch(connection, self._shard)

    async def _without_absent(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        """A topic that the brokers don't have would keep all others waiting: ask before the first message to one."""
        if new := {row.topic for row in rows} - self._known:
            with suppress(BrokerUnavailable):
                there = await self._brokers.topics()
                self._set_aside(topic for topic in new if topic not in there)
        return [row for row in rows if row.topic not in self._absent]

    def _set_aside(self, topics: Iterable[str]) -> None:
        for topic in topics:
            log.error("topic_missing", topic=topic, mend="deskhand queue topics --create")
            self._absent[topic] = asyncio.get_running_loop().time() + ABSENT_FOR

    async def _send(self, rows: list[OutboxRow]) -> Report:
        """In a thread, which is waited for: when we are cancelled, a little, and then it is told to let go."""
        sending = asyncio.get_running_loop().run_in_executor(self._thread, self._sender.send, rows)
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending], timeout=LAST_WORD)
            self._sender.abandon.set()
            await asyncio.wait([sending])
            raise

    async def _conclude(self, connection: Connection, rows: list[OutboxRow], report: Report) -> None:
        if report.acknowledged:
            await outbox_queries.delete_rows(connection, report.acknowledged)
        sent = set(report.acknowledged)
        if new := sorted({row.topic for row in rows if row.id in sent} - self._known):
            await outbox_queries.remember_topics(connection, new)
            self._known.update(new)
        for row_id, error in report.refused.items():
            async with self._db.transaction() as tx:
                letter = await outbox_queries.bury_row(tx, row_id, f"The brokers refused it: {error}")
                if letter is not None:
                    await self._mourn(tx, letter)
            log.warning("message_died", error="refused", message_id=row_id)
        self._set_aside(report.absent)

    async def _rest(self, connection: Connection) -> None:
        """Until something is published, or a delayed message is due."""
        outlook = await outbox_queries.outlook(connection, self._shard, self._settings.kafka_relay_shards)
        seconds = self._settings.queue_poll.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
        if outlook.due_in is not None:
            seconds = min(seconds, max(0.0, outlook.due_in) + 0.001)
        if outlook.blocked:
            seconds = min(seconds, BLOCKED_PAUSE)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()

    async def _prune(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if self._shard == 0 and now >= self._prune_at:
            self._prune_at = now + PRUNE_EVERY
            await outbox_queries.prune_inbox(connection, self._settings.kafka_retention + REMEMBER_LONGER)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._sender.close)
        self._thread.shutdown(wait=False)

"""The transport that needs nothing but the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from deskhand.db import Database, Tx
from deskhand.settings import Settings
from deskhand.transport import queries
from deskhand.transport.base import DeadLetter, JsonObject, OnDead, Subscription, TopicLag
from deskhand.transport.dead_letters import DeadLetters
from deskhand.transport.envelope import encode, fold
from deskhand.transport.lanes import lane_dispatcher
from deskhand.transport.rows import Outgoing
from deskhand.transport.topics import Topics, refuse_unconsumed
from deskhand.transport.wakeups import Wakeups

LANES_WITHOUT_KEY = 256


class PostgresTransport:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._topics = Topics(settings.topic_prefix)
        self._dead_letters = DeadLetters(db)
        self._wakeups = Wakeups(db, listen=settings.queue_listen)

    async def publish(
        self,
        tx: Tx,
        topic: str,
        key: str | None,
        payload: JsonObject,
        *,
        dedup_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        delay: timedelta | None = None,
    ) -> bool:
        message = Outgoing(
            topic=topic,
            key=f"any-{random.randrange(LANES_WITHOUT_KEY)}" if key is None else fold(key),  # noqa: S311  # no secret
            payload=encode(payload),
            headers=encode(headers or {}),
            dedup_key=None if dedup_key is None else fold(dedup_key),
            delay=delay or timedelta(0),
        )
        if await queries.enqueue(tx, message) is None:
            await queries.uncount(tx, message.topic, message.key)
            return False

        async def announce() -> None:
            if message.delay:
                self._wakeups.announce_later(topic, message.delay)
            else:
                self._wakeups.announce(topic)

        tx.after_commit(f"queue {topic} {message.delay}", announce)
        return True

    async def run(
        self, subscriptions: Sequence[Subscription], stop: asyncio.Event, *, on_dead: OnDead | None = None
    ) -> None:
        await lane_dispatcher(self._db, self._settings, self._wakeups, subscriptions, on_dead).run(stop)

    async def check(self, *, subscribed: Collection[str], published: Collection[str]) -> None:
        refuse_unconsumed(subscribed, published)

    async def lag(self) -> list[TopicLag]:
        async with self._db.transaction() as tx:
            return await queries.lag(tx, self._topics.consumed)

    async def list_dead_letters(
        self, topic: str | None = None, *, limit: int = 50, before_id: int | None = None
    ) -> list[DeadLetter]:
        return await self._dead_letters.list(topic, limit=limit, before_id=before_id)

    async def replay(self, *, ids: Collection[int] | None = None, topic: str | None = None) -> int:
        return await self._dead_letters.replay(self, ids=ids, topic=topic)

    async def purge(self, topic: str, *, dead: bool) -> int:
        if dead:
            return await self._dead_letters.purge(topic)
        async with self._db.transaction() as tx:
            return await queries.delete_messages(tx, topic, await queries.delete_lanes(tx, topic))

    async def close(self) -> None:
        await self._wakeups.close()

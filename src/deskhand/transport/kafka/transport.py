"""The transport over Kafka: the same promises as PostgreSQL's, for desks that have brokers already."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta

from deskhand.db import Database, Tx
from deskhand.errors import BrokerUnavailable, DatabaseUnavailable, InvalidInput, SetupInvalid
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport import queries
from deskhand.transport.base import DeadLetter, JsonObject, OnDead, Subscription, TopicLag
from deskhand.transport.dead_letters import DeadLetters
from deskhand.transport.dispatch import Backing, Dispatcher
from deskhand.transport.envelope import encode, fold
from deskhand.transport.failures import Failures
from deskhand.transport.kafka import claim_queries, lag_queries, outbox_queries
from deskhand.transport.kafka.brokers import Brokers
from deskhand.transport.kafka.claims import KafkaClaimer
from deskhand.transport.kafka.lag import LagReader
from deskhand.transport.kafka.ledger import KafkaLedger
from deskhand.transport.kafka.membership import Membership
from deskhand.transport.kafka.relay import Relay
from deskhand.transport.kafka.source import KafkaSource
from deskhand.transport.kafka.wire import OURS, check_size
from deskhand.transport.lanes import lane_dispatcher
from deskhand.transport.outage import backoff
from deskhand.transport.rows import Outgoing
from deskhand.transport.topics import Topics, refuse_unconsumed
from deskhand.transport.wakeups import Wakeups

KEYS_WITHOUT_ORDER = 256
PURGE_WAIT = timedelta(seconds=10)

log = get_logger("transport")


class KafkaTransport:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._topics = Topics(settings.topic_prefix)
        self._brokers = Brokers(settings)
        self._wakeups = Wakeups(db, listen=settings.queue_listen)
        self._dead_letters = DeadLetters(db)
        self._ledger = KafkaLedger(self._topics.dlq, self._wakeups.announce)
        self._lag = LagReader(db, self._brokers, self._topics.dlq)

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
        if any(name.startswith(OURS) for name in headers or {}):
            raise InvalidInput(f"Headers that begin with {OURS} are the transport's own.")
        message = Outgoing(
            topic=topic,
            key=f"any-{random.randrange(KEYS_WITHOUT_ORDER)}" if key is None else fold(key),  # noqa: S311  # no secret
            payload=encode(payload),
            headers=encode(headers or {}),
            dedup_key=None if dedup_key is None else fold(dedup_key),
            delay=delay or timedelta(0),
        )
        check_size(message.payload, message.headers)
        if await outbox_queries.publish(tx, message) is None:
            return False

        async def announce() -> None:
            self._wakeups.announce(topic)  # a delayed one too: the relay sets its clock by it

        tx.after_commit(f"queue {topic}", announce)
        return True

    async def run(
        self, subscriptions: Sequence[Subscription], stop: asyncio.Event, *, on_dead: OnDead | None = None
    ) -> None:
        claimer = KafkaClaimer(self._db, self._ledger, {item.topic: item.batch for item in subscriptions})
        source = KafkaSource(self._db, claimer)
        backing = Backing(self._db, self._settings, source, self._ledger)
        dispatcher = Dispatcher(backing, self._wakeups, subscriptions, on_dead)
        source.wake = dispatcher.wake
        membership = Membership(self._brokers, self._settings, [item.topic for item in subscriptions], source)
        relays = self._relays(on_dead)
        async with asyncio.TaskGroup() as group:
            with ExitStack() as stack:
                for relay in relays:
                    stack.enter_context(self._wakeups.consumer(relay.wake))
                beside = [group.create_task(relay.run()) for relay in relays]
                beside.append(group.create_task(membership.run()))
                lanes = group.create_task(self._empty_lanes(subscriptions, stop, on_dead))
                try:
                    await dispatcher.run(stop)
                    await lanes
                finally:
                    await membership.close()
                    for task in [*beside, lanes]:
                        task.cancel()
                    await asyncio.gather(*beside, lanes, return_exceptions=True)
                    await asyncio.gather(*(relay.close() for relay in relays))

    def _relays(self, on_dead: OnDead | None) -> list[Relay]:
        failures = Failures(self._db, self._settings, on_dead, self._ledger)

        async def mourn(tx: Tx, letter: DeadLetter) -> None:
            await failures.tell(tx, letter)
            if letter.topic != self._topics.dlq:
                await self._ledger.publish_letter(tx, letter)

        return [
            Relay(self._db, self._settings, self._brokers, shard, mourn)
            for shard in range(self._settings.kafka_relay_shards)
        ]

    async def _empty_lanes(
        self, subscriptions: Sequence[Subscription], stop: asyncio.Event, on_dead: OnDead | None
    ) -> None:
        """Handle what the PostgreSQL transport left, and what processes that still use it publish."""
        topics = [item.topic for item in subscriptions]
        while not stop.is_set():
            with suppress(DatabaseUnavailable):
                if await self._have_lanes(topics):
                    log.info("postgres_lanes_drained", topics=len(topics))
                    await self._drain_lanes(topics, stop, (subscriptions, on_dead))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.queue_poll.total_seconds()):
                    await stop.wait()

    async def _have_lanes(self, topics: Sequence[str]) -> bool:
        async with self._db.transaction() as tx:
            return await lag_queries.have_lanes(tx, topics)

    async def _drain_lanes(
        self, topics: Sequence[str], stop: asyncio.Event, work: tuple[Sequence[Subscription], OnDead | None]
    ) -> None:
        enough = asyncio.Event()

        async def watch() -> None:
            while not stop.is_set():
                with suppress(DatabaseUnavailable):
                    if not await self._have_lanes(topics):
                        break
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, self._settings.queue_poll.total_seconds())):
                        await stop.wait()
            enough.set()

        watching = asyncio.create_task(watch())
        try:
            await lane_dispatcher(self._db, self._settings, self._wakeups, *work).run(enough)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def check(self, *, subscribed: Collection[str], published: Collection[str]) -> None:
        refuse_unconsumed(subscribed, published)
        wanted = sorted({*subscribed, *published, self._topics.dlq})
        there = await self._wait_for_brokers()
        missing = [topic for topic in wanted if topic not in there]
        if missing:
            names = ", ".join(self._brokers.name(topic) for topic in missing)
            raise SetupInvalid(
                f"The brokers don't have these topics: {names}.", mend="Run `deskhand queue topics --create`."
            )

    async def _wait_for_brokers(self) -> Collection[str]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.kafka_wait.total_seconds()
        failures = 0
        while True:
            try:
                return await self._brokers.topics()
            except BrokerUnavailable as error:
                failures += 1
                pause = backoff(failures)
                if loop.time() + pause > deadline:
                    raise
                log.info("brokers_waited_for", error=error.message)
                await asyncio.sleep(pause)

    async def lag(self) -> list[TopicLag]:
        return await self._lag.read(self._topics.consumed)

    async def list_dead_letters(
        self, topic: str | None = None, *, limit: int = 50, before_id: int | None = None
    ) -> list[DeadLetter]:
        return await self._dead_letters.list(topic, limit=limit, before_id=before_id)

    async def replay(self, *, ids: Collection[int] | None = None, topic: str | None = None) -> int:
        return await self._dead_letters.replay(self, ids=ids, topic=topic)

    async def purge(self, topic: str, *, dead: bool) -> int:
        """Delete; consumers that have some of it in hand find themselves fenced, and join the group anew."""
        if dead:
            return await self._dead_letters.purge(topic)
        async with self._db.listening() as connection:
            await outbox_queries.limit_lock_wait(connection, PURGE_WAIT)
            for shard in range(self._settings.kafka_relay_shards):  # no batch is on its way meanwhile
                await outbox_queries.lock_batch(connection, shard)
            waiting = sum(row.pending for row in await self.lag() if row.topic == topic)
            extents = await self._lag.extents([topic])
            await self._brokers.delete_records({place: extent.end for place, extent in extents.items()})
            async with self._db.transaction() as tx:
                await claim_queries.purge(tx, topic)
                await queries.delete_messages(tx, topic, await queries.delete_lanes(tx, topic))
        return waiting

    async def close(self) -> None:
        await self._wakeups.close()

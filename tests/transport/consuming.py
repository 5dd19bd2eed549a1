"""Consuming in a test: a worker in the background, a record of what it was handed, waiting for what must come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString

from confluent_kafka import ConsumerGroupTopicPartitions as Starts
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport import Delivery, Message, OnDead, Subscription, TopicLag, Transport
from deskhand.transport.kafka.brokers import Brokers

TOPIC = "test.work"
KAFKA_TOPICS = (TOPIC, "test.other", "test.next", "test.flooded", "a", "b", "deskhand.dlq")

MakeTransport = Callable[..., Transport]


def quick(settings: Settings, **changes: object) -> Settings:
    """Short pauses between tries, and a poll so rare that nothing may depend on it."""
    pace = {
        "queue_poll": timedelta(seconds=60),
        "queue_backoff": timedelta(milliseconds=10),
        "queue_backoff_cap": timedelta(milliseconds=50),
        "drain": timedelta(seconds=10),
    }
    return settings.model_copy(update=pace | changes)


async def create_topics(settings: Settings, topics: Collection[str]) -> None:
    """Make a test's topics on the broker, and have its group begin at their start, which it would find out in 0.5 s."""
    brokers = Brokers(settings)
    await brokers.create(dict.fromkeys(topics, settings.kafka_retention))
    starts = [
        TopicPartition(brokers.name(topic), number, 0)
        for topic in topics
        for number in range(settings.kafka_partitions)
    ]
    admin: Any = AdminClient(brokers.config())
    for answer in admin.alter_consumer_group_offsets([Starts(settings.kafka_group, starts)]).values():
        with suppress(KafkaException):  # the broker's first group: it begins half a second later
            await asyncio.wrap_future(answer)


async def eventually(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until `true()`."""
    async with asyncio.timeout(seconds):
        while not true():  # no event tells of it
            await asyncio.sleep(0.005)


async def publish(
    database: Database, transport: Transport, *numbers: int, key: str | None = "anna", topic: str = TOPIC, **more: Any
) -> None:
    """Publish messages {"n": number}, each in a transaction of its own."""
    for number in numbers:
        async with database.transaction() as tx:
            await transport.publish(tx, topic, key, {"n": number}, **more)


def number(message: Message) -> int:
    return int(message.payload["n"])


@dataclass
class Record:
    """Settles what it is handed, after `before` has had its way, and remembers."""

    before: Callable[[Delivery], Awaitable[None]] | None = None
    handed: list[Message] = field(default_factory=list[Message])
    batches: list[list[int]] = field(default_factory=list[list[int]])
    settled: list[int] = field(default_factory=list[int])

    async def __call__(self, delivery: Delivery) -> None:
        numbers = [number(message) for message in delivery.messages]
        self.handed += delivery.messages
        self.batches.append(numbers)
        if self.before is not None:
            await self.before(delivery)
        async with delivery.settle():
            pass
        self.settled += numbers


@asynccontextmanager
async def working(
    transport: Transport, *subscriptions: Subscription, on_dead: OnDead | None = None
) -> AsyncGenerator[asyncio.Event]:
    """A worker for the time of the block, drained at its end. Yields its stop event."""
    stop = asyncio.Event()
    task = asyncio.create_task(transport.run(subscriptions, stop, on_dead=on_dead))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def lag_of(transport: Transport, topic: str = TOPIC) -> TopicLag:
    for lag in await transport.lag():
        if lag.topic == topic:
            return lag
    return TopicLag(topic, 0, 0, 0, 0.0, 0)


async def lag_until(transport: Transport, true: Callable[[TopicLag], bool], topic: str = TOPIC) -> TopicLag:
    """Wait until the topic's lag is as wanted."""
    async with asyncio.timeout(20):
        while not true(lag := await lag_of(transport, topic)):
            await asyncio.sleep(0.01)
    return lag


async def run_sql(database: Database, sql: LiteralString, *values: object) -> None:
    async with database.transaction() as tx:
        await tx.execute(sql, values or None)


async def count(database: Database, sql: LiteralString) -> int:
    async with database.transaction() as tx:
        row = await (await tx.execute(sql)).fetchone()
        assert row is not None
        return int(row[0])


LISTENERS = """
    create or replace view listeners as
    select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %'
"""


async def listening(database: Database) -> None:
    """Wait until a worker listens."""
    await run_sql(database, LISTENERS)
    async with asyncio.timeout(20):
        while await count(database, "select count(*) from listeners") == 0:
            await asyncio.sleep(0.01)

"""How far consumers are behind: what the brokers hold uncommitted, and what waits beside them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaException, TopicPartition

from deskhand.db import Database
from deskhand.transport import queries
from deskhand.transport.base import TopicLag
from deskhand.transport.kafka import lag_queries
from deskhand.transport.kafka.brokers import Brokers, Extent, Place
from deskhand.transport.kafka.lag_queries import Beside
from deskhand.transport.kafka.wire import decode

LOOK_FOR = 1.5  # seconds to find the oldest message of every partition


class LagReader:
    def __init__(self, db: Database, brokers: Brokers, dlq: str) -> None:
        self._db = db
        self._brokers = brokers
        self._dlq = dlq
        self._looking = asyncio.Lock()

    async def read(self, topics: Collection[str]) -> list[TopicLag]:
        """One row for each of `topics`, and for every other that holds anything.

        Raises:
            BrokerUnavailable: the brokers did not answer.
        """
        async with self._db.transaction() as tx:
            names = [name for name in {*topics, *await lag_queries.list_topics(tx)} if name != self._dlq]
            lanes = await queries.lag(tx, names)
            beside = {row.topic: row for row in await lag_queries.read_beside(tx)}
        extents = await self.extents(names)
        async with self._db.transaction() as tx:
            done = await lag_queries.count_done(tx, {place: extent.committed for place, extent in extents.items()})
        held = Counter[str]()
        for (topic, _), extent in extents.items():
            held[topic] += extent.open
        held.subtract(done)
        ages = await self._ages({place: extent for place, extent in extents.items() if held[place[0]] > 0})
        return [_add(row, beside.get(row.topic), max(0, held[row.topic]), ages.get(row.topic, 0.0)) for row in lanes]

    async def extents(self, topics: Collection[str]) -> dict[Place, Extent]:
        there = await self._brokers.topics()
        return await self._brokers.extents(there[topic] for topic in topics if topic in there)

    async def _ages(self, extents: Mapping[Place, Extent]) -> dict[str, float]:
        """By topic the age of the oldest message that is not committed."""
        behind = {place: extent.committed for place, extent in extents.items() if extent.open > 0}
        if not behind:
            return {}
        async with self._looking:
            oldest = await asyncio.to_thread(self._look, behind)
        now = datetime.now(UTC)
        return {topic: max(0.0, (now - moment).total_seconds()) for topic, moment in oldest.items()}

    def _look(self, behind: Mapping[Place, int]) -> dict[str, datetime]:
        """Read the first message of each partition, in no group."""
        name = self._brokers.name
        config = self._brokers.config(group__id="deskhand-lag", enable__auto__commit=False, queued__min__messages=1)
        oldest: dict[str, datetime] = {}
        left = set(behind)
        consumer = Consumer(config)
        try:
            consumer.assign([TopicPartition(name(topic), number, offset) for (topic, number), offset in behind.items()])
            loops = 0
            while left and loops < LOOK_FOR / 0.05:
                loops += 1
                for raw in consumer.consume(50, timeout=0.05):
                    topic, number = self._brokers.topic(raw.topic() or ""), raw.partition() or 0
                    if raw.error() is None and (topic, number) in left:
                        left.discard((topic, number))
                        moment = decode(topic, raw).message.published_at
                        oldest[topic] = min(moment, oldest.get(topic, moment))
                        with suppress(KafkaException):
                            consumer.pause([TopicPartition(name(topic), number)])
        finally:
            consumer.close()
        return oldest


def _add(lanes: TopicLag, beside: Beside | None, held: int, age: float) -> TopicLag:
    """What is left of the PostgreSQL transport, what waits in the database, and what the brokers hold."""
    beside = beside or Beside(lanes.topic, 0, 0, 0, 0.0)
    return TopicLag(
        topic=lanes.topic,
        pending=lanes.pending + beside.pending + held,
        in_flight=lanes.in_flight + beside.in_flight,
        waiting_retry=lanes.waiting_retry + beside.waiting_retry,
        oldest_age_seconds=max(lanes.oldest_age_seconds, beside.age, age),
        dead=lanes.dead,
    )

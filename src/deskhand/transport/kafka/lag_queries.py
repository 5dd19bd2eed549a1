"""SQL on what waits beside the brokers. One statement a function."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg.rows import class_row, scalar_row

from deskhand.db import Tx
from deskhand.transport.kafka.brokers import Place


@dataclass(frozen=True, slots=True)
class Beside:
    """What the database holds of a topic."""

    topic: str
    pending: int  # in the outbox or parked
    in_flight: int
    waiting_retry: int
    age: float


async def list_topics(tx: Tx) -> list[str]:
    """Every topic that was ever sent to or consumed, or waits to be."""
    cursor = tx.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        select topic from kafka_topics
         union select topic from kafka_partitions
         union select topic from kafka_outbox
         union select topic from kafka_parked
        """
    )
    return await cursor.fetchall()


async def read_beside(tx: Tx) -> list[Beside]:
    async with tx.cursor(row_factory=class_row(Beside)) as cursor:
        await cursor.execute(
            """
            with delayed as (
                select topic, key, min(id) as first from kafka_outbox where not_before > clock_timestamp()
                 group by topic, key
            ), parked_heads as (
                select topic, key, min(message_id) as message_id from kafka_parked group by topic, key
            ), early as (
                select h.topic, h.key from parked_heads h join kafka_attempts a using (message_id)
                 where a.due_at > clock_timestamp()
            ), parts as (
                select o.topic, 1 as pending, 0 as in_flight, (d.topic is not null)::integer as waiting, o.published_at
                  from kafka_outbox o
                  left join delayed d on d.topic = o.topic and d.key = o.key and o.id >= d.first
                 union all
                select p.topic, 1, 0, (e.topic is not null)::integer, p.published_at
                  from kafka_parked p left join early e using (topic, key)
                 union all
                select topic, 0, cardinality(message_ids), 0, published_at from kafka_claims
                 union all
                select a.topic, 0, 0, 1, null from kafka_attempts a
                 where a.due_at > clock_timestamp()
                   and not exists (select 1 from kafka_parked p where p.message_id = a.message_id)
            )
            select topic, sum(pending) as pending, sum(in_flight) as in_flight, sum(waiting) as waiting_retry,
                   greatest(0, coalesce(extract(epoch from clock_timestamp() - min(published_at)), 0))::float8 as age
              from parts group by topic
            """
        )
        return await cursor.fetchall()


async def count_done(tx: Tx, committed: Mapping[Place, int]) -> dict[str, int]:
    """By topic how many offsets at or above what is committed are done with all the same."""
    cursor = await tx.execute(
        """
        with asked as (
            select * from unnest(%s::text[], %s::integer[], %s::bigint[]) as asked (topic, partition, committed)
        ), done as (
            select i.topic from kafka_inbox i join asked using (topic, partition)
             where i.kafka_offset >= asked.committed and i.handled_at > now() - interval '1 hour'
             union all
            select p.topic from kafka_parked p join asked using (topic, partition)
             where p.kafka_offset >= asked.committed
        )
        select topic, count(*) from done group by topic
        """,
        ([topic for topic, _ in committed], [number for _, number in committed], list(committed.values())),
    )
    return dict(await cursor.fetchall())


async def have_lanes(tx: Tx, topics: Collection[str]) -> bool:
    """Whether the PostgreSQL transport left something of these topics."""
    cursor = tx.cursor(row_factory=scalar_row)
    await cursor.execute("select exists (select 1 from queue_lanes where topic = any(%s))", (list(topics),))
    return bool(await cursor.fetchone())

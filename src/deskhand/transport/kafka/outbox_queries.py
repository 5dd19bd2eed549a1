"""SQL on the outbox: publishing into it, and what the relay asks. One statement a function."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row

from deskhand.db import Tx
from deskhand.transport.base import DeadLetter
from deskhand.transport.kafka.wire import OutboxRow
from deskhand.transport.rows import Outgoing

RELAY, BATCH = 9092, 9093  # spaces of advisory locks

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the outbox still holds for a relay: how much, and when the next delayed message is due."""

    blocked: bool
    due_in: float | None


async def publish(tx: Tx, message: Outgoing) -> int | None:
    """The key's lock first, held until the commit, then the number; None when its dedup key waits already.

    So within a key the order of ids is the order of commits. A number drawn before the lock would break that.
    """
    cursor = tx.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        with lock as materialized (
            select pg_advisory_xact_lock(hashtextextended(%(topic)s || E'\\n' || %(key)s, 9092))
        ), numbered as materialized (
            select nextval('message_queue_id_seq') as id from lock
        ), fresh as (
            insert into kafka_dedup (topic, dedup_key, message_id)
            select %(topic)s, %(dedup_key)s, id from numbered
             where %(dedup_key)s::text is not null
               and not exists (select 1 from message_queue where topic = %(topic)s and dedup_key = %(dedup_key)s)
                on conflict do nothing
            returning message_id
        )
        insert into kafka_outbox (id, topic, key, slot, payload, headers, dedup_key, bytes, not_before)
        select id, %(topic)s, %(key)s, hashtext(%(key)s) & 1023, %(payload)s, %(headers)s, %(dedup_key)s,
               %(bytes)s,
               case when %(delay)s > interval '0' then clock_timestamp() + %(delay)s end
          from numbered
         where %(dedup_key)s::text is null or id in (select message_id from fresh)
        returning id
        """,
        {
            "topic": message.topic,
            "key": message.key,
            "payload": message.payload,
            "headers": message.headers,
            "dedup_key": message.dedup_key,
            "delay": message.delay,
            "bytes": len(message.payload) + len(message.headers),
        },
    )
    return await cursor.fetchone()


async def try_to_lead(connection: Connection, shard: int) -> bool:
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute("select pg_try_advisory_lock(%s::integer, %s::integer)", (RELAY, shard))
    return bool(await cursor.fetchone())


async def lock_batch(connection: Connection, shard: int) -> None:
    await connection.execute("select pg_advisory_lock(%s::integer, %s::integer)", (BATCH, shard))


async def unlock_batch(connection: Connection, shard: int) -> None:
    await connection.execute("select pg_advisory_unlock(%s::integer, %s::integer)", (BATCH, shard))


async def limit_lock_wait(connection: Connection, wait: timedelta) -> None:
    await connection.execute("select set_config('lock_timeout', %s, false)", (f"{wait / timedelta(milliseconds=1)}ms",))


async def due_rows(
    connection: Connection, shard: int, shards: int, absent: Collection[str], limit: int, most_bytes: int
) -> list[OutboxRow]:
    """The oldest rows that may go, no more than so many bytes, but one at least.

    A row waits behind an earlier one of its key that is delayed, and while the PostgreSQL transport, which carried the
    topic before, still has messages of its key.
    """
    async with connection.cursor(row_factory=class_row(OutboxRow)) as cursor:
        await cursor.execute(
            """
            with oldest as (
                select o.id, o.topic, o.key, o.payload::text as payload, o.headers, o.dedup_key, o.published_at, o.bytes
                  from kafka_outbox o
                 where o.slot %% %(shards)s = %(shard)s
                   and (o.not_before is null or o.not_before <= statement_timestamp())
                   and o.topic <> all(%(absent)s::text[])
                   and not exists (select 1 from kafka_outbox e
                                    where e.topic = o.topic and e.key = o.key and e.id < o.id
                                      and e.not_before is not null and e.not_before > statement_timestamp())
                   and not exists (select 1 from queue_lanes l where l.topic = o.topic and l.key = o.key)
                 order by o.id
                 limit %(limit)s
            ), counted as (
                select *, sum(bytes) over (order by id) - bytes as before from oldest
            )
            select id, topic, key, payload, headers, dedup_key, published_at
              from counted where before < %(most_bytes)s order by id
            """,
            {"shard": shard, "shards": shards, "absent": list(absent), "limit": limit, "most_bytes": most_bytes},
        )
        return await cursor.fetchall()


async def outlook(connection: Connection, shard: int, shards: int) -> Outlook:
    async with connection.cursor(row_factory=class_row(Outlook)) as cursor:
        await cursor.execute(
            """
            select coalesce(bool_or(not_before is null or not_before <= clock_timestamp()), false) as blocked,
                   extract(epoch from min(not_before) filter (where not_before > clock_timestamp())
                                      - clock_timestamp())::float8 as due_in
              from kafka_outbox where slot %% %s = %s
            """,
            (shards, shard),
        )
        found = await cursor.fetchone()
        assert found is not None
        return found


async def delete_rows(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute("delete from kafka_outbox where id = any(%s)", (ids,))


async def remember_topics(connection: Connection, topics: Sequence[str]) -> None:
    await connection.execute(
        "insert into kafka_topics (topic) select unnest(%s::text[]) on conflict do nothing", (topics,)
    )


async def prune_inbox(connection: Connection, older_than: timedelta) -> int:
    cursor = await connection.execute("delete from kafka_inbox where handled_at < now() - %s::interval", (older_than,))
    return cursor.rowcount


async def bury_row(tx: Tx, row_id: int, error: str) -> DeadLetter | None:
    """Move a row that no broker takes to the dead letters."""
    async with tx.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(
            """
            with gone as (
                delete from kafka_outbox where id = %s returning *
            ), freed as (
                delete from kafka_dedup d using gone
                 where d.topic = gone.topic and d.dedup_key = gone.dedup_key and d.message_id = gone.id
            )
            insert into dead_letters (id, topic, key, payload, headers, dedup_key, attempts, error, published_at)
            select id, topic, key, payload, headers, dedup_key, 1, %s, published_at from gone
            returning id, topic, key, payload, headers, attempts, error, trace, published_at, died_at
            """,
            (row_id, error),
        )
        return await cursor.fetchone()
